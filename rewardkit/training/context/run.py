"""A context run from its run file to its end: `rewardkit train` with a table `[context]`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rewardkit.runtime import Reward

from ..config import read_toml
from ..folders import locked, place, remove, writing
from ..inputs import load_scorer
from ..logs import JSONL, TENSORBOARD, check_log, open_logs, read_log
from ..result import Scorer
from . import gepa, saves
from . import training_free_grpo as tfgrpo
from .config import ContextRun, read_run
from .library import Library
from .prepare import prepare
from .progress import Quiet, Screen, screen
from .records import ContextRecord, ContextResult, scalars
from .scoring import Tally
from .task import Task

INSTRUCTIONS, CONTEXT = "instructions.md", "context.json"


@dataclass
class Run:
    """A run whose folders are its own."""

    config: ContextRun
    task: Task
    folder: Path
    kept: Path  #: checkpoints, or the journal
    identity: saves.Identity
    last: ContextRecord | None = None
    resumed: int = 0


def train_context(
    config: Any,
    overrides: Mapping[str, Any] | None,
    base: str | Path | None,
    fresh: bool,
    scorer: Scorer | None,
    progress: Any,
) -> ContextResult:
    """See `rewardkit.training.train`; `config` is a run file, its tables, or a `ContextRun`."""
    source = "run"
    if isinstance(config, str | Path):
        base = Path(config).parent if base is None else base
        source, config = str(config), read_toml(config)
    return run_context(read_run(config, overrides, source), Path(base or "."), fresh, scorer, progress)


def run_context(
    config: ContextRun, base: Path, fresh: bool, scorer: Scorer | None, progress: Any
) -> ContextResult:
    """Run a context run to its end, from where it was stopped; raises as `rewardkit.training.train`."""
    began = time.perf_counter()
    version = gepa.version() if config.context.optimizer == "gepa" else ""
    with ExitStack() as stack:
        scorer = scorer or load_scorer(config, base)
        if isinstance(scorer, Reward):
            stack.callback(scorer.backends.close)
        folder = place(base, config.log.dir)
        kept = place(base, config.checkpoint.dir) if config.checkpoint.dir else folder / "checkpoints"
        for used in dict.fromkeys([folder, kept] if config.checkpoint.dir else [folder]):
            stack.enter_context(locked(used))
        task = prepare(config, base, kept, scorer, stack)
        rows = task.rows.fingerprint + (f" {task.valid.fingerprint}" if task.valid is not None else "")
        tables = config.model_dump(mode="json")
        tables["context"]["instructions"] = dict(task.parts)  # what a file says is a part of the run
        identity = saves.Identity(tables, rows, getattr(scorer, "fingerprint", ""), version)
        run = Run(config, task, folder, kept, identity)
        total, unit = _length(task)
        shown = screen(total, unit) if progress is True else _given(progress)
        task.show = stack.enter_context(shown)
        if fresh:  # answers to a step that was not finished
            task.model.forget()
            task.editor.model.forget()
        else:
            check_log(folder / JSONL)
        try:
            finish = _run_gepa(run, fresh) if version else _run_training_free_grpo(run, fresh)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(_what_is_left(run, fresh)) from None
    return replace(finish, seconds=time.perf_counter() - began)


# --- Training-Free GRPO -------------------------------------------------------------------------------

_KINDS = {"step": int, "library": list, "metric_calls": int, "faults": int, "tokens": dict}


def _run_training_free_grpo(run: Run, fresh: bool) -> ContextResult:
    task = run.task
    found = [] if fresh else saves.checkpoints(run.kept)
    state = tfgrpo.State()
    if found:
        saved = saves.read_checkpoint(found[-1], run.identity, _KINDS)
        _check_saved(saved, task, found[-1])
        state = tfgrpo.State(
            saved["step"], Library(tuple(saved["library"])), saved.get("before"), saved.get("after")
        )
        task.tally = Tally(saved["metric_calls"], saved["faults"])
        task.model.tokens, task.editor.model.tokens = (saved["tokens"].get(name) for name in task.tokens)
        run.resumed = state.step
        task.show.note(f"going on from {found[-1]}")
    with ExitStack() as stack:
        write = None
        for after, record in tfgrpo.steps(task, state):
            state = after
            if write is None:
                if not found:
                    _take_place(run)
                write = stack.enter_context(open_logs(run.folder, run.config.log, record.step - 1, scalars))
            done = state.step == tfgrpo.steps_of(task)
            if done or state.step % run.config.log.every == 0:
                write(record)  # before the checkpoint, which must never be ahead of the log
            if done or state.step == 1 or state.step % run.config.checkpoint.every == 0:
                _save(run, state)
            _show(run, record)
    if run.last is None:
        task.show.note(f"no step is left to take after {state.step}; --fresh starts anew")
    return _finish(
        run,
        tfgrpo.prompt_of(task, state.library),
        {"instructions": dict(task.parts), "experiences": state.library.by_id},
        state.step,
        state.before,
        state.after,
    )


def _check_saved(saved: Mapping[str, Any], task: Task, path: Path) -> None:
    """Raise `ResumeError` for a library, a score or a count that no run saves."""
    options = task.context.training_free_grpo
    texts = saved["library"]
    if not all(isinstance(text, str) and len(text) <= options.max_experience_chars for text in texts):
        raise saves.damaged(
            path, f"an experience is a text of at most {options.max_experience_chars} characters"
        )
    if len(texts) > options.max_experiences:
        raise saves.damaged(path, f"there are more than {options.max_experiences} experiences")
    scores = (saved.get("before"), saved.get("after"))
    counts = [saved["metric_calls"], saved["faults"], *filter(None, map(saved["tokens"].get, task.tokens))]
    if not all(type(n) is int and 0 <= n < 2**63 for n in counts):
        raise saves.damaged(path, "a count is a whole number")
    if not all(score is None or (type(score) in (int, float) and -1e300 < score < 1e300) for score in scores):
        raise saves.damaged(path, "a score is a number")


def _save(run: Run, state: tfgrpo.State) -> None:
    task = run.task
    saved = {
        "step": state.step,
        "library": list(state.library.experiences),
        "before": state.before,
        "after": state.after,
        "metric_calls": task.tally.metric_calls,
        "faults": task.tally.faults,
        "tokens": task.tokens,
    }
    saves.save_checkpoint(run.kept, run.identity, saved, run.config.checkpoint.keep)
    task.model.forget()
    task.editor.model.forget()


# --- GEPA ---------------------------------------------------------------------------------------------


def _run_gepa(run: Run, fresh: bool) -> ContextResult:
    task = run.task
    journal = saves.Journal(run.kept / saves.JOURNAL, run.identity, lambda: _take_place(run))
    if not fresh:
        journal.open()
    logged = _last_logged(run.folder / JSONL) if journal.replaying else 0
    if journal.replaying:
        task.show.note(f"going on from {journal.path}")
    with ExitStack() as stack:
        write = None

        def done(record: ContextRecord) -> None:
            nonlocal write
            if write is None:
                write = stack.enter_context(open_logs(run.folder, run.config.log, logged, scalars))
            if record.step > logged and record.step % run.config.log.every == 0:
                write(record)
            if journal.added:
                _show(run, record)
            else:
                run.resumed = record.step

        found = gepa.optimize(task, journal, done)
    if run.last is None:
        task.show.note("no metric call is left to make; --fresh starts anew")
    candidates = [
        {"parts": each, "score": score, "parents": list(parents)}
        for each, score, parents in zip(found.candidates, found.scores, found.parents, strict=True)
    ]
    best = found.candidates[found.best]
    return _finish(
        run,
        task.instructions(*(best[name] for name in task.parts)),
        {"instructions": best, "best": found.best, "candidates": candidates},
        run.last.step if run.last is not None else run.resumed,
        found.scores[0],
        found.scores[found.best],
    )


def _last_logged(path: Path) -> int:
    return max((line["step"] for line in read_log(path)), default=0) if path.exists() else 0


# --- both ---------------------------------------------------------------------------------------------


def _take_place(run: Run) -> None:
    """Remove an earlier run, what vouches for the rest first; not the answers that were given to this one."""
    with writing(run.folder):
        for path in reversed(saves.checkpoints(run.kept)):
            remove(path)
        for name in (TENSORBOARD, JSONL, INSTRUCTIONS, CONTEXT):
            remove(run.folder / name)
        remove(run.kept / saves.JOURNAL)


def _show(run: Run, record: ContextRecord) -> None:
    run.last = record
    run.task.show.step(record)
    if record.unread:
        times = f"{record.unread} question{'s' * (record.unread > 1)}"
        run.task.show.note(f"  no usable answer of the editor to {times}: {run.task.editor.why}")


def _finish(
    run: Run,
    prompt: str,
    state: Mapping[str, Any],
    steps: int,
    before: float | None,
    after: float | None,
) -> ContextResult:
    context = {
        "optimizer": run.config.context.optimizer,
        "before": before,
        "after": after,
        "metric_calls": run.task.tally.metric_calls,
        "fingerprint": run.identity.fingerprint,
        **state,
    }
    saves.write_whole(run.folder / INSTRUCTIONS, prompt + "\n")
    saves.write_whole(run.folder / CONTEXT, json.dumps(context, indent=2, ensure_ascii=False) + "\n")
    return ContextResult(
        folder=run.folder,
        log=run.folder / JSONL,
        instructions=run.folder / INSTRUCTIONS,
        context=run.folder / CONTEXT,
        steps=steps,
        resumed_from=run.resumed or None,
        before=before,
        after=after,
        last=run.last,
        seconds=0.0,
    )


def _length(task: Task) -> tuple[int, str]:
    if task.context.gepa is not None:
        return task.context.gepa.max_metric_calls, "metric call"
    return tfgrpo.steps_of(task), "step"


@contextmanager
def _given(show: Any) -> Iterator[Screen]:
    yield show if hasattr(show, "work") else Quiet(show or None)


def _what_is_left(run: Run, fresh: bool) -> str:
    """For whoever stopped a run."""
    if fresh and run.last is None:
        return "no step is done yet"
    return f"the run goes on with the same command{' without --fresh' if fresh else ''}"
