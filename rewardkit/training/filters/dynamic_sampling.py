"""Dynamic sampling: only groups that teach something stay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rewardkit.normalizers import dr_grpo, gdpo

from ..numbers import is_number
from .rows import Bools, Reals, Rows, State, Terms, prepare

#: what a group may be looked at for
ON = ("components", "sum", "gdpo")


def dynamic_sampling(
    rewards: ArrayLike,
    lengths: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike,
    state: State,
    *,
    on: str = "components",
    terms: Terms = None,
    tolerance: float = 1e-9,
    names: Sequence[str] | None = None,
) -> tuple[Bools, State]:
    """Keeps the groups whose completions differ in reward: the others have advantages of 0.

    Source: DAPO, arXiv 2503.14476, eq. 11, whose `0 < correct completions < G` is `on="sum"` with one
    term in {0, 1}.

    Args:
        rewards: (N, K) unweighted term values, NaN where a term has no value.
        lengths: (N,), not looked at.
        groups: (N,) integer ids, in any order, of any sizes.
        weights: (K,) finite.
        state: comes back as it is.
        on: where rows of a group must differ for the group to stay.
            "components": in a weighted term, or in the sum. What any normalizer can use.
            "sum": in the weighted sum, as in verl, ms-swift, NeMo-RL: what GRPO can use. A group whose
            terms make up for each other is dropped.
            "gdpo": in GDPO's sum of normalized terms, sum_k w_k (r_k - mean r_k) / std r_k. That is
            "components" less the groups in which the normalized terms cancel: with two terms, those where
            one is the other's mirror image and both weigh the same.
        terms: number or name of the term that is looked at, or several; all weighted ones unless given.
            Without it, a term that differs between any two completions (a length) keeps every group.
        tolerance: rewards this close to their group's mean do not differ.
        names: (K,) of the terms.

    Returns:
        keep (N,): all rows of a group or none, but never a row of NaN only. A group with a single row
        that has a value is dropped: it has nothing to be compared with.

    Raises:
        ValueError: shapes do not fit, or an option is unknown or out of range.
    """
    if on not in ON:
        raise ValueError(f"on must be one of {', '.join(ON)}, not {on!r}")
    if not is_number(tolerance) or tolerance < 0:
        raise ValueError(f"tolerance must be a number >= 0, not {tolerance!r}")
    rows = prepare(rewards, lengths, groups, weights, terms, names)
    signal = rows.any(_differs(rows, on, tolerance, every=terms is not None))
    return signal[rows.group] & rows.counted, dict(state)


def _differs(rows: Rows, on: str, tolerance: float, every: bool) -> Bools:
    """(N,) rows that lie off their group's mean."""
    if on == "sum":
        return _off(rows, rows.values, rows.weights, tolerance)
    weighted = np.ones_like(rows.weights, dtype=np.bool_) if every else rows.weights != 0
    columns = [
        _off(rows, rows.values[:, [k]], np.ones(1), tolerance) if weighted[k] else np.zeros_like(rows.counted)
        for k in range(len(rows.weights))
    ]
    if on == "components":
        columns.append(_off(rows, rows.values, rows.weights, tolerance))
        return np.asarray(np.logical_or.reduce(columns))
    # a term that does not vary is levelled, as its deviation would blow rounding errors up
    vary = np.stack([rows.any(column)[rows.group] for column in columns], axis=1)
    level = np.where(vary | np.isnan(rows.values), rows.values, 0.0)
    return _beyond(gdpo(level, rows.group, rows.weights, eps=0.0, whiten="none"), tolerance)


def _off(rows: Rows, values: Reals, weights: Reals, tolerance: float) -> Bools:
    return _beyond(dr_grpo(values, rows.group, weights), tolerance)


def _beyond(advantages: Reals, tolerance: float) -> Bools:
    return np.asarray(np.abs(advantages) > tolerance)
