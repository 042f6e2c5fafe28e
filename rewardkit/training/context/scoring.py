"""Completions of a context run, scored by its spec, with the reasons for each score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rewardkit.runtime import FaultLimitError, Reward
from rewardkit.runtime.rows import Rows as RewardRows

from ..errors import TrainError
from ..records import faulted, numbers, term_names
from ..result import Scorer
from .asking import Reply

#: completions from which on `max_faults` is looked at
ENOUGH = 200


@dataclass(frozen=True)
class Scored:
    """N completions and their scores."""

    rewards: np.ndarray  #: float64 (N,); NaN where there is none
    terms: Mapping[str, np.ndarray]  #: term, metrics too -> float64 (N,)
    faults: int  #: completions that are not there, or that the spec failed on
    reason: Callable[[int], str]  #: how a completion got its reward, as `rewardkit explain` shows it
    fingerprint: str


@dataclass(frozen=True)
class Bounds:
    """The lowest and the highest reward of a spec; None where there is none or it is not known."""

    low: float | None
    high: float | None

    @classmethod
    def of(cls, scorer: Scorer) -> Bounds:
        """What the spec declares of its reward, else what the checker found out."""
        if not isinstance(scorer, Reward):
            return cls(None, None)
        found = scorer.spec.reward_range or scorer.spec.reward_interval
        return cls(*(None if end is None else float(end) for end in (found.lo, found.hi)))

    def has_lesson(self, rewards: np.ndarray) -> bool:
        """Whether a group (G,) is worth learning from: its mean is neither the lowest nor the highest.

        With a reward from 0 to 1 this is the paper's 0 < mean < 1: equal rewards in between pass. Without
        bounds its rewards must differ. NaN are left out. (arXiv 2510.08191, section 2)
        """
        there = rewards[~np.isnan(rewards)]
        if not there.size:
            return False
        if self.low is None or self.high is None:
            return bool(np.ptp(there) > 1e-9)
        slack = 1e-9 * max(1.0, abs(self.low), abs(self.high))
        return bool(self.low + slack < there.mean() < self.high - slack)


def score(
    scorer: Scorer, rows: Mapping[str, Sequence[Any]], replies: Sequence[Reply], group: np.ndarray, step: int
) -> Scored:
    """Score N replies; `rows` has N values per column, and `group` (N,) numbers the prompts.

    A reply that is not there is scored by nobody: its reward is NaN, and it is a fault.
    """
    there = [i for i, reply in enumerate(replies) if reply.error is None]
    rewards = np.full(len(replies), np.nan)
    if not there:
        return Scored(rewards, {}, len(replies), lambda i: replies[i].error or "", "")
    columns = {name: [values[i] for i in there] for name, values in rows.items()}
    columns["completion"] = [replies[i].text for i in there]
    columns["finished"] = [replies[i].finished for i in there]
    tokens = [replies[i].tokens for i in there]
    if all(count is not None for count in tokens):
        columns["completion_tokens"] = tokens
    groups = group[there]
    reason: Callable[[int], str]
    if isinstance(scorer, Reward):
        evaluation = scorer.evaluate(RewardRows(columns), groups, step)
        scores = scorer.scores_of(evaluation)

        def reason(place: int) -> str:
            from rewardkit.analysis.explain import explain, render

            return render(explain(scorer, scores, evaluation, place))
    else:
        scores = scorer(columns, group=groups, step=step)

        def reason(place: int) -> str:
            return "\n".join(f"{name}: {scores.frame[name][place]}" for name in term_names(scores))

    if len(scores) != len(there):
        raise TrainError(f"the reward scored {len(scores)} rows of {len(there)}")
    rewards[there] = scores.total
    terms = {}
    for name in term_names(scores):
        terms[name] = np.full(len(replies), np.nan)
        terms[name][there] = numbers(scores.frame[name])
    missing = len(replies) - len(there)
    places = {i: place for place, i in enumerate(there)}
    return Scored(
        rewards,
        terms,
        missing + faulted(scores),
        lambda i: reason(places[i]) if i in places else f"no answer: {replies[i].error}",
        scores.fingerprint,
    )


@dataclass
class Tally:
    """What a run has scored so far."""

    metric_calls: int = 0
    faults: int = 0

    @property
    def answered(self) -> bool:
        """Whether there was a completion without a fault."""
        return self.metric_calls > self.faults

    def count(self, scored: Scored, max_faults: float, replies: Sequence[Reply]) -> None:
        """Raise `FaultLimitError` where too many completions failed so far."""
        self.metric_calls += len(scored.rewards)
        self.faults += scored.faults
        if self.faults > max_faults * max(self.metric_calls, ENOUGH):
            errors = [reply.error for reply in replies if reply.error is not None]
            last = f"; the last: {errors[-1]}" if errors else ""
            raise FaultLimitError(
                f"{self.faults} of {self.metric_calls} completions failed, and `max_faults` allows "
                f"{max_faults:.0%}{last}"
            )
