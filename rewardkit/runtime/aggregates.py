"""Aggregates over groups and lists, in numpy and in row order, so that the bits never change.

`segments` number the group of each value from 0; values without a segment are left out before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rewardkit.runtime.columns import Mask

Ints = NDArray[np.int64]


def reduce_segments(
    function: str, values: NDArray[np.float64] | NDArray[np.int64] | Mask, segments: Ints, n: int
) -> tuple[NDArray[np.float64] | Ints | Mask, Mask]:
    """One number per segment, and where there is none.

    `values` hold what is aggregated, nulls left out; `segments` (same length) the segment of each.
    """
    count = np.bincount(segments, minlength=n)
    none = np.zeros(n, np.bool_)
    if function == "count":
        return count.astype(np.int64), none
    if function == "any":
        return np.bincount(segments[values.astype(np.bool_)], minlength=n) > 0, none
    if function == "all":
        return np.bincount(segments[~values.astype(np.bool_)], minlength=n) == 0, none
    if values.dtype == np.bool_:
        values = values.astype(np.int64)
    if function == "sum":
        return _sum(values, segments, n)
    if function in ("min", "max"):
        return _extreme(function, values, segments, n), count == 0
    mean = _mean(values, segments, n, count)
    if function == "mean":
        return mean, count == 0
    assert function == "std"
    deviation = values - mean[segments]
    square = np.bincount(segments, weights=deviation * deviation, minlength=n)
    return np.sqrt(square / np.maximum(count - 1, 1)), count < 2


def _sum(
    values: NDArray[np.float64] | NDArray[np.int64] | Mask, segments: Ints, n: int
) -> tuple[NDArray[np.float64] | Ints, Mask]:
    never = np.zeros(n, np.bool_)
    # bincount adds in row order, each segment by itself
    total = np.bincount(segments, weights=values, minlength=n)
    if values.dtype != np.int64:
        return total, never
    exact = np.zeros(n, np.int64)
    np.add.at(exact, segments, values)
    return exact, np.abs(total) >= 2.0**63 * (1 - 1e-9)


def _mean(
    values: NDArray[np.float64] | NDArray[np.int64] | Mask, segments: Ints, n: int, count: Ints
) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.bincount(segments, weights=values, minlength=n) / np.maximum(count, 1)
    # rounding must not put a mean outside its values
    low, high = (_extreme(f, values.astype(np.float64), segments, n) for f in ("min", "max"))
    return np.where(count > 0, np.clip(mean, low, high), 0.0)


def _extreme(
    function: str, values: NDArray[np.float64] | NDArray[np.int64] | Mask, segments: Ints, n: int
) -> NDArray[np.float64] | Ints:
    order = np.lexsort((values, segments))
    out = np.zeros(n, values.dtype)
    # the last assignment to an index stays
    out[segments[order if function == "max" else order[::-1]]] = values[order if function == "max" else order[::-1]]
    return out


def rank(values: NDArray[np.float64] | NDArray[np.int64], segments: Ints) -> NDArray[np.float64]:
    """The rank of each value in its segment: 1 is smallest, ties share the mean of their ranks."""
    order = np.lexsort((values, segments))
    ordered, group = values[order], segments[order]
    starts_segment = np.r_[True, group[1:] != group[:-1]][: len(order)]
    starts_tie = starts_segment | np.r_[True, ordered[1:] != ordered[:-1]][: len(order)]
    positions = np.arange(len(order))
    first = np.maximum.accumulate(np.where(starts_segment, positions, 0))
    tie = np.cumsum(starts_tie) - 1
    size = np.bincount(tie)
    tie_start = positions[starts_tie]
    ranks = tie_start[tie] - first + 1 + (size[tie] - 1) / 2
    out = np.empty(len(order))
    out[order] = ranks
    return out
