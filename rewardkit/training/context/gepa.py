"""GEPA, through the package `gepa`: the spec's score is its metric, the tree of `explain` its feedback.

Of the package the run has the search: Pareto selection, minibatches, acceptance, merge (arXiv 2507.19457).
Answers, scores and edits are ours, and are written to a journal, from which a stopped run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..records import mean
from .gepa_adapter import Adapter, Part, plain_names
from .records import ContextRecord
from .saves import Journal
from .task import Task, term_means


def version() -> str:
    """The package and its version; raises `ConfigError` where it is not installed."""
    from importlib import metadata

    try:
        import gepa  # noqa: F401
    except ImportError:
        raise ConfigError("the optimizer `gepa` needs `pip install 'rewardkit[context]'`") from None
    return f"gepa {metadata.version('gepa')}"


@dataclass(frozen=True)
class Found:
    """How a run ended. Candidates are in the order in which they were accepted; the first is the seed."""

    candidates: Sequence[Mapping[str, str]]
    scores: Sequence[float]  #: mean on the validation rows
    parents: Sequence[Sequence[int]]
    best: int


@dataclass
class _Callback:
    """Told by gepa when an iteration is over."""

    adapter: Adapter
    done: Callable[[ContextRecord], None]
    faults: int = 0
    unread: int = 0

    def on_iteration_start(self, event: Any) -> None:
        self.adapter.seen = []

    def on_iteration_end(self, event: Any) -> None:
        if self.adapter.error is None:
            try:
                self._record(event["iteration"], event["state"], event["proposal_accepted"])
            except Exception as error:  # gepa would pass it over
                self.adapter.error = error

    def _record(self, iteration: int, state: Any, accepted: bool) -> None:
        adapter, task = self.adapter, self.adapter.task
        seen, adapter.seen = adapter.seen, []
        rewards = np.concatenate([rewards for rewards, _ in seen]) if seen else np.array([])
        names = dict.fromkeys(name for _, terms in seen for name in terms)
        terms = {name: np.concatenate([terms[name] for _, terms in seen if name in terms]) for name in names}
        record = ContextRecord(
            step=iteration,
            reward=mean(rewards),
            terms=term_means(terms),
            valid=_best(state) - adapter.shift,
            size=len(state.program_candidates),
            changes=int(accepted),
            used=None,
            metric_calls=task.tally.metric_calls,
            tokens=task.tokens,
            unread=task.editor.failed - self.unread,
            faults=task.tally.faults - self.faults,
            seconds=task.take_seconds(),
            fingerprint=adapter.fingerprint,
        )
        self.faults, self.unread = task.tally.faults, task.editor.failed
        self.done(record)


class _NoLog:
    def log(self, message: str) -> None:
        pass


def optimize(task: Task, journal: Journal, done: Callable[[ContextRecord], None]) -> Found:
    """Run GEPA until its metric calls are used up; `done` is called after each iteration.

    Raises what asking and scoring raise; the journal then has all that was learned before.
    """
    import gepa

    options = task.context.gepa
    assert options is not None
    adapter = Adapter(task, options, journal)
    high = task.bounds.high
    skip = options.skip_perfect and high is not None
    perfect = (high or 0.0) + adapter.shift
    perfect -= 1e-9 * max(1.0, abs(perfect))
    library: Any = gepa
    result = library.optimize(
        seed_candidate={Part(name): text for name, text in task.parts.items()},
        trainset=[(False, i) for i in range(len(task.rows))],
        valset=None if task.valid is None else [(True, i) for i in range(len(task.valid))],
        adapter=adapter,
        candidate_selection_strategy=options.candidate_selection,
        skip_perfect_score=skip,
        perfect_score=perfect,
        reflection_minibatch_size=options.minibatch,
        module_selector=options.part_selection,
        use_merge=options.merge,
        max_merge_invocations=options.max_merges,
        merge_val_overlap_floor=options.merge_overlap,
        max_metric_calls=options.max_metric_calls,
        stop_callbacks=lambda state: adapter.error is not None or (skip and _best(state) >= perfect),
        callbacks=[_Callback(adapter, done)],
        logger=_NoLog(),
        track_best_outputs=False,
        seed=task.context.seed % 2**63,
        raise_on_exception=True,
    )
    if adapter.error is not None:
        raise adapter.error
    return Found(
        candidates=[plain_names(each) for each in result.candidates],
        scores=[value - adapter.shift for value in result.val_aggregate_scores],
        parents=[[p for p in parents if p is not None] for parents in result.parents],
        best=int(result.best_idx),
    )


def _best(state: Any) -> float:
    return float(max(state.program_full_scores_val_set))
