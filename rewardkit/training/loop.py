"""The loop: step after step, logged and saved, and on from where a run was killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from rewardkit.runtime import Reward

from .checkpoint import checkpoints, remove_checkpoints, replace_folder, save_checkpoint, step_of
from .config import RunConfig
from .folders import locked, place, remove, writing
from .inputs import load_rows, load_scorer
from .logs import JSONL, TENSORBOARD, open_logs
from .parts import find_parts
from .policy import Policy, save_policy
from .progress import Show, Silent, show
from .records import StepRecord
from .result import Advantage, Scorer, TrainResult
from .run import Run, find_advantage, prepare
from .step import take_step


def run_training(
    config: RunConfig,
    base: Path,
    fresh: bool,
    scorer: Scorer | None,
    advantage: Advantage | None,
    progress: Show | bool,
) -> TrainResult:
    """See `rewardkit.training.train`."""
    began = time.perf_counter()
    shown = show(config.train.steps) if progress is True else nullcontext(progress or Silent())
    with _restored_threads(), _quiet_transformers(), shown as screen:
        parts = find_parts(config.train, base)
        normalize = find_advantage(config.train, advantage)
        scorer = scorer or load_scorer(config, base)
        rows = load_rows(config, base, scorer)
        folder = place(base, config.log.dir)
        saves = place(base, config.checkpoint.dir) if config.checkpoint.dir else folder / "checkpoints"
        last = None
        with ExitStack() as locks:
            if isinstance(scorer, Reward):
                locks.callback(scorer.backends.close)
            for used in dict.fromkeys([folder, saves] if config.checkpoint.dir else [folder]):
                locks.enter_context(locked(used))
            try:
                run = prepare(config, base, folder, saves, fresh, rows, scorer, normalize, parts, screen)
                start = run.state.step
                for record in steps(run):
                    screen.step(record)
                    last = record
                if last is None:
                    screen.note(f"no step is left to take after {start}; --fresh starts anew")
                _save_policy(run.policy, folder / "policy")
            except KeyboardInterrupt:
                raise KeyboardInterrupt(_what_is_left(saves, fresh, last)) from None
    return TrainResult(
        folder=run.folder,
        log=run.folder / JSONL,
        policy=run.folder / "policy",
        checkpoint=checkpoints(run.saves)[-1],
        steps=max(start, config.train.steps),
        resumed_from=start or None,
        last=last,
        seconds=time.perf_counter() - began,
    )


def steps(run: Run) -> Iterator[StepRecord]:
    """Take the steps that are left, log them and save checkpoints.

    A new run takes the place of an earlier one with its first step, or with none to take: what cannot
    start changes nothing on disk.
    """
    config, state, keep = run.config, run.state, run.config.checkpoint.keep
    if run.new and config.train.steps == 0:
        _take_place(run)
        save_checkpoint(run.saves, state, run.learner, keep)
    with ExitStack() as stack:
        write = None
        for step in range(state.step, config.train.steps):
            record, state = take_step(run, state)
            if write is None:
                if run.new:
                    _take_place(run)
                write = stack.enter_context(open_logs(run.folder, config.log, step))
            done = state.step == config.train.steps
            if done or state.step % config.log.every == 0:
                write(record)  # before the checkpoint, which must never be ahead of the log
            if done or state.step == 1 or state.step % config.checkpoint.every == 0:
                save_checkpoint(run.saves, state, run.learner, keep)
            yield record


def _take_place(run: Run) -> None:
    """Remove an earlier run; its checkpoints first, as they vouch for the rest."""
    with writing(run.folder):
        remove_checkpoints(run.saves)
        for name in ("policy", "reference", TENSORBOARD, JSONL):
            remove(run.folder / name)
    if run.learner.reference is not None:
        _save_policy(run.learner.reference, run.folder / "reference")


def _what_is_left(saves: Path, fresh: bool, last: StepRecord | None) -> str:
    """For whoever stopped a run."""
    found = checkpoints(saves)
    if not found or (fresh and last is None):
        return "no step is done yet, so nothing on disk has changed"
    step = step_of(found[-1])
    return f"the run goes on from step {step} with the same command{' without --fresh' if fresh else ''}"


def _save_policy(policy: Policy, folder: Path) -> None:
    draft = folder.with_name(f".draft-{folder.name}")
    with writing(folder):
        remove(draft)
        draft.mkdir(parents=True)
        save_policy(policy, draft)
        replace_folder(draft, folder)


@contextmanager
def _restored_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Without the progress bars of loading and saving, which would tear the run's own."""
    import transformers.utils.logging

    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
