"""Runs of the same warmed-up policies under several settings, side by side.

For each seed a small policy is built and warmed up once; then every setting trains it on the same prompts in
the same order, each run in a process of one thread, as many at a time as there are cores.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewardkit.training.records import StepRecord

HERE = Path(__file__).parent


class Lines:
    """Reports a run in a line every few steps."""

    def __init__(self, name: str, every: int) -> None:
        self.name, self.every = name, every

    def note(self, text: str) -> None:
        """Of runs that go on from a checkpoint; these are all new."""

    def warm(self, step: int, steps: int, loss: float) -> None:
        if step % 50 == 0 or step == steps:
            say(self.name, f"warm-up {step:3}/{steps}  loss {loss:.3f}")

    def step(self, record: StepRecord) -> None:
        if record.step % self.every == 0 or record.step == 1:
            terms = "  ".join(f"{term} {mean:6.3f}" for term, mean in record.terms.items())
            say(self.name, f"step {record.step:3}  {terms}  tokens {record.tokens:4.1f}")


def say(name: str, text: str) -> None:
    print(f"{name:15} {text}", flush=True)


def train(name: str, folder: Path, overrides: dict[str, Any]) -> Path:
    """One run, in a process of its own; returns its folder."""
    from rewardkit.training import train

    overrides = {"log.dir": str(folder), **overrides}
    return train(HERE / "run.toml", overrides=overrides, fresh=True, progress=Lines(name, 10)).folder


def run_all(
    settings: Mapping[str, Mapping[str, Any]], seeds: int, steps: int, out: Path
) -> dict[str, list[Path]]:
    """Train every setting, `[train]` values by name, on every seed: the logs of each setting, by seed."""
    # spawned, as torch must not be forked; every process has one thread, so that none waits for another
    os.environ.update(OMP_NUM_THREADS="1", POLARS_MAX_THREADS="1", TOKENIZERS_PARALLELISM="false")
    processes = min(os.cpu_count() or 1, len(settings) * seeds)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        warming: dict[Future[Path], int] = {}
        for seed in range(seeds):
            none = {"train.seed": seed, "train.steps": 0}
            warming[pool.submit(train, f"seed {seed}", out / f"warm-{seed}", none)] = seed
        running: list[Future[Path]] = []
        for done in as_completed(warming):
            seed, policy = warming[done], done.result() / "policy"
            for name, values in settings.items():
                overrides = {
                    "policy": {"path": str(policy)},
                    "warmup": None,
                    "train.seed": seed,
                    "train.steps": steps,
                    **{f"train.{key}": value for key, value in values.items()},
                }
                folder = out / f"{name}-{seed}"
                running.append(pool.submit(train, f"{name}, seed {seed}", folder, overrides))
        for run in as_completed(running):
            run.result()
    return {name: [out / f"{name}-{seed}" / "log.jsonl" for seed in range(seeds)] for name in settings}


def starts(logs: list[Path]) -> Iterator[str]:
    """Each term's mean at the first step, which is the same under every normalizer."""
    first = [json.loads(path.open(encoding="utf-8").readline())["terms"] for path in logs]
    for term in first[0]:
        yield f"{term} {sum(terms[term] for terms in first) / len(first):.3f}"
