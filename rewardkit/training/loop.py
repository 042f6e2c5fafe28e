"""The loop: step after step, logged and saved, and on from where a run was killed.

Where there are several processes, only the main one writes and reports; the others wait for it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch

from rewardkit.runtime import Reward

from .adapters import has_adapter, merged, restore_adapter
from .checkpoint import checkpoints, remove_checkpoints, replace_folder, save_checkpoint, step_of
from .config import RunConfig
from .data import Rows
from .folders import locked, place, remove, writing
from .inputs import load_rows, load_scorer
from .logs import JSONL, TENSORBOARD, WANDB, Write, open_logs
from .parts import Parts, find_parts
from .policy import Policy, load_policy, save_policy
from .processes import Processes, join_processes
from .progress import Show, Silent, show
from .records import StepRecord
from .result import Advantage, Scorer, TrainResult
from .run import Normalize, Run, find_advantage, prepare
from .sharding import is_sharded, whole_weights
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
    processes = join_processes()
    if not processes.main:
        progress = False
    shown = show(config.train.steps) if progress is True else nullcontext(progress or Silent())
    with _restored_threads(), _quiet_transformers(), shown as screen, ExitStack() as used:
        folder = place(base, config.log.dir)
        saves = place(base, config.checkpoint.dir) if config.checkpoint.dir else folder / "checkpoints"

        def load() -> tuple[Rows, Scorer, Normalize, Parts]:
            parts, normalize = find_parts(config.train, base), find_advantage(config.train, advantage)
            found = scorer or load_scorer(config, base)
            if isinstance(found, Reward):
                used.callback(found.backends.close)
            return load_rows(config, base, found), found, normalize, parts

        def lock() -> None:
            for one in dict.fromkeys([folder, saves] if config.checkpoint.dir else [folder]):
                used.enter_context(locked(one))

        last = None
        loaded = processes.together(load)
        processes.main_does(lock)
        try:
            run = prepare(config, base, folder, saves, fresh, *loaded, screen, processes)
            start = run.state.step
            for record in steps(run):
                screen.step(record)
                last = record
            if last is None and config.train.steps:
                screen.note(f"no step is left to take after {start}; --fresh starts anew")
            _save_result(run, base)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_what_is_left(saves, fresh, last)) from None
        newest = processes.main_does(lambda: checkpoints(saves)[-1])
    return TrainResult(
        folder=run.folder,
        log=run.folder / JSONL,
        policy=run.folder / "policy",
        checkpoint=newest,
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
    processes = run.learner.processes
    if run.new and config.train.steps == 0:
        _take_place(run)
        save_checkpoint(run.saves, state, run.learner, keep)
    with ExitStack() as stack:

        def opened(start: int) -> Write:
            if not processes.main:
                return _nowhere
            # `[judge]` may hold what is nobody's business
            about = config.model_dump(mode="json", exclude={"judge"})
            return stack.enter_context(open_logs(run.folder, config.log, start, about=about))

        write = None
        for step in range(state.step, config.train.steps):
            record, state = take_step(run, state)
            if write is None:
                if run.new:
                    _take_place(run)
                write = processes.together(partial(opened, step))
            done = state.step == config.train.steps
            if done or state.step % config.log.every == 0:
                processes.together(partial(write, record))  # before the checkpoint, never behind it
            if done or state.step == 1 or state.step % config.checkpoint.every == 0:
                save_checkpoint(run.saves, state, run.learner, keep)
            yield record


def _nowhere(record: StepRecord) -> None:
    """The main process writes it."""


def _take_place(run: Run) -> None:
    """Remove an earlier run; its checkpoints first, as they vouch for the rest."""

    def clear() -> None:
        with writing(run.folder):
            remove_checkpoints(run.saves)
            for name in ("policy", "adapter", "reference", TENSORBOARD, WANDB, JSONL):
                remove(run.folder / name)

    run.learner.processes.main_does(clear)
    reference = run.learner.reference
    if reference is not None and not has_adapter(reference.model):  # which is the policy itself
        _save_policy(reference, run.folder / "reference", run.learner.processes)


def _save_result(run: Run, base: Path) -> None:
    """What was learned, as an ordinary Hugging Face folder; an adapter also by itself."""
    processes, folder = run.learner.processes, run.folder
    if not has_adapter(run.policy.model):
        return _save_policy(run.policy, folder / "policy", processes)
    _save_policy(run.policy, folder / "adapter", processes)

    def merge() -> None:
        opened = load_policy(run.config.policy, base, run.config.train.seed)
        _save_policy(merged(restore_adapter(opened, folder / "adapter")), folder / "policy", Processes())

    return processes.main_does(merge)


def _save_policy(policy: Policy, folder: Path, processes: Processes) -> None:
    weights = whole_weights(policy.model, processes.main) if is_sharded(policy.model) else None

    def write() -> None:
        draft = folder.with_name(f".draft-{folder.name}")
        with writing(folder):
            remove(draft)
            draft.mkdir(parents=True)
            save_policy(policy, draft, weights)
            replace_folder(draft, folder)

    processes.main_does(write)


def _what_is_left(saves: Path, fresh: bool, last: StepRecord | None) -> str:
    """For whoever stopped a run."""
    found = checkpoints(saves)
    if not found or (fresh and last is None):
        return "no step is done yet, so nothing on disk has changed"
    step = step_of(found[-1])
    return f"the run goes on from step {step} with the same command{' without --fresh' if fresh else ''}"


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
