"""What a step of a run showed: one record, one line of the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from rewardkit.normalizers import effective_share

if TYPE_CHECKING:
    from rewardkit.runtime.scores import Scores

    from .collect import Collected
    from .update import Batch

#: measures with a field of their own
_NAMED = ("loss", "clip_fraction", "approx_kl", "kl", "gradient_norm")


@dataclass(frozen=True)
class StepRecord:
    """The measures of one step; None where there is nothing to measure.

    Rewards, terms, lengths and advantages are those of the completions that the step was taken on.
    """

    step: int  #: 1 for the first
    reward: float | None  #: mean total
    terms: Mapping[str, float | None]  #: term, metrics too -> mean value
    gates: Mapping[str, float | None]  #: gated term -> share of rows with the gate open
    shares: Mapping[str, float]  #: weighted term -> effective share: GRPO's, whatever the normalizer
    no_signal: float  #: share of groups in which all advantages are equal
    kept: float  #: share of the completions that the filter let count, of all that were sampled
    tokens: float  #: mean length of the completions
    finished: float  #: share of completions that ended by themselves
    skipped: float  #: share of rows that are not there
    masked: float  #: share of rows whose tokens carry no loss
    faults: int  #: rows with a fault
    loss: float | None
    clip_fraction: float | None  #: share of tokens whose loss is the clipped one
    approx_kl: float | None  #: nats per token between the policies before and after
    kl: float | None  #: nats per token from the reference, where it is in the loss
    gradient_norm: float | None  #: before clipping
    measures: Mapping[str, float]  #: what else the objective and the critic measured
    learning_rate: float
    seconds: Mapping[str, float]  #: `rollout`, `score`, `update`
    fingerprint: str  #: of the spec

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


def describe(
    step: int,
    found: Collected,
    batch: Batch,
    measures: Mapping[str, float],
    learning_rate: float,
    seconds: Mapping[str, float],
) -> StepRecord:
    """Sum up one step; `measures` are those of the update."""
    scores, groups, rollout = found.scores, found.groups, found.rollout
    present = ~scores.skipped
    rewards = np.where(present[:, None], scores.matrix, np.nan)
    shares = effective_share(rewards, groups, scores.weights)
    advantages = batch.advantages.double().cpu().numpy()
    return StepRecord(
        step=step,
        reward=mean(scores.total),
        terms={name: mean(numbers(scores.frame[name])) for name in term_names(scores)},
        gates={name: mean(opened) for name, opened in scores.gates.items()},
        shares={name: float(share) for name, share in zip(scores.terms, shares, strict=True)},
        no_signal=_no_signal(advantages[present], groups[present]),
        kept=float(found.kept.sum() / (found.sampled * len(groups) / len(np.unique(groups)))),
        tokens=float(rollout.tokens.double().mean()),
        finished=float(rollout.finished.double().mean()),
        skipped=float(scores.skipped.mean()),
        masked=float(scores.masked.mean()),
        faults=faulted(scores),
        **{name: measures.get(name) for name in _NAMED},
        measures={name: value for name, value in measures.items() if name not in _NAMED},
        learning_rate=learning_rate,
        seconds=dict(seconds),
        fingerprint=scores.fingerprint,
    )


def term_names(scores: Scores) -> list[str]:
    """Terms in the order of the scores' frame, metrics included, which has a column for each."""
    return [name for name, kind in scores.frame.schema.items() if name != "reward" and _is_number(kind)]


def faulted(scores: Scores) -> int:
    """Rows with at least one fault."""
    return int(scores.faults["row"].n_unique()) if scores.faults.height else 0


def _is_number(kind: pl.DataType) -> bool:
    return kind.is_numeric() or kind == pl.Boolean


def numbers(column: pl.Series) -> np.ndarray:
    """A term's values as float64, NaN for null."""
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def mean(values: np.ndarray) -> float | None:
    """The mean of what is not NaN, if anything is."""
    there = np.asarray(values, dtype=np.float64)
    there = there[~np.isnan(there)]
    return float(there.mean()) if there.size else None


def _no_signal(advantages: np.ndarray, groups: np.ndarray) -> float:
    """Whitening shifts a whole batch, so a group tells the policy nothing when its rows are level."""
    if not len(groups):
        return 1.0
    if advantages.ndim == 2:  # of tokens: of a completion the one that is largest in size
        advantages = np.take_along_axis(advantages, np.abs(advantages).argmax(axis=1)[:, None], axis=1)[:, 0]
    _, dense = np.unique(groups, return_inverse=True)
    highest = np.full(dense.max() + 1, -np.inf)
    lowest = np.full(dense.max() + 1, np.inf)
    np.maximum.at(highest, dense, advantages)
    np.minimum.at(lowest, dense, advantages)
    return float((highest - lowest < 1e-9).mean())
