"""The same warmed-up policies under three normalizers, side by side.

For each seed a small policy is built and warmed up once. GRPO, GRPO without std (`dr_grpo`) and GDPO then
train it on the same prompts in the same order, each in a process of one thread, as many at a time as there
are cores. A table and `curves.png` show what became of every term.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewardkit.training.records import StepRecord

HERE = Path(__file__).parent
NORMALIZERS = ("grpo", "dr_grpo", "gdpo")
THRESHOLDS = {"format": 0.9, "correctness": 2.0, "brevity": 0.3}


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


def run_all(seeds: int, steps: int, out: Path) -> Iterator[tuple[str, Path]]:
    """Yield each normalizer and the folder of one of its runs, as they finish."""
    # spawned, as torch must not be forked; every process has one thread, so that none waits for another
    os.environ.update(OMP_NUM_THREADS="1", POLARS_MAX_THREADS="1", TOKENIZERS_PARALLELISM="false")
    processes = min(os.cpu_count() or 1, len(NORMALIZERS) * seeds)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        warming: dict[Future[Path], int] = {}
        for seed in range(seeds):
            none = {"train.seed": seed, "train.steps": 0}
            warming[pool.submit(train, f"seed {seed}", out / f"warm-{seed}", none)] = seed
        running: dict[Future[Path], str] = {}
        for done in as_completed(warming):
            seed, policy = warming[done], done.result() / "policy"
            for normalizer in NORMALIZERS:
                overrides = {
                    "policy": {"path": str(policy)},
                    "warmup": None,
                    "train.seed": seed,
                    "train.steps": steps,
                    "train.normalizer": normalizer,
                }
                folder = out / f"{normalizer}-{seed}"
                running[pool.submit(train, f"{normalizer}, seed {seed}", folder, overrides)] = normalizer
        for done in as_completed(running):
            yield running[done], done.result()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2, help="runs of each normalizer")
    parser.add_argument("--steps", type=int, default=80, help="steps of each run")
    runs = HERE.parents[1] / "runs" / "demo"
    parser.add_argument("--out", type=Path, default=runs, help="where logs and curves go")
    options = parser.parse_args()

    began = time.perf_counter()
    logs: dict[str, list[Path]] = {normalizer: [] for normalizer in NORMALIZERS}
    for normalizer, folder in run_all(options.seeds, options.steps, options.out.resolve()):
        logs[normalizer].append(folder / "log.jsonl")
    for several in logs.values():
        several.sort()

    from rewardkit.training.curves import plot, table

    print(f"\n{options.seeds} seeds, {options.steps} steps of 16 prompts x 8 completions")
    print("first step, before any update: " + ", ".join(starts(logs["gdpo"])) + "\n")
    print(table(logs, THRESHOLDS))
    print(f"\ncurves: {plot(logs, options.out / 'curves.png', smooth=3)}")
    print(f"{time.perf_counter() - began:.0f} seconds")


def starts(logs: list[Path]) -> Iterator[str]:
    """Each term's mean at the first step, which is the same under every normalizer."""
    first = [json.loads(path.open(encoding="utf-8").readline())["terms"] for path in logs]
    for term in first[0]:
        yield f"{term} {sum(terms[term] for terms in first) / len(first):.3f}"


if __name__ == "__main__":
    main()
