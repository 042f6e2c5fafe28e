"""Aggregates over groups and lists, in numpy and in row order, so that the bits never change.

`segments` number the group of each value from 0; values without a segment are left out before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.runtime.columns import Mask

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def reduce_segments(
    function: str, values: Floats | Ints | Mask, segments: Ints, n: int
) -> tuple[Floats | Ints | Mask, Mask, Mask]:
    """One number per segment, where there is none, and where it is too large.

    `values` hold what is aggregated, nulls left out; `segments` (same length) the segment of each.
    """
    never = np.zeros(n, np.bool_)
    if function in ("count", "any", "all"):
        truth = values if values.dtype == np.bool_ else np.ones(len(values), np.bool_)
        count = np.bincount(segments[truth], minlength=n)
        if function == "any":
            return count > 0, never, never
        if function == "all":
            return np.bincount(segments, minlength=n) == count, never, never
        return count.astype(np.int64), never, never
    if values.dtype == np.bool_:
        values = values.astype(np.int64)
    count = np.bincount(segments, minlength=n)
    with np.errstate(all="ignore"):
        if function == "sum":
            total, overflow = _sum(values, segments, n)
            return total, never, overflow
        if function in ("min", "max"):
            return _extreme(function, values, segments, n), count == 0, never
        mean, overflow = _mean(values, segments, n, count)
        if function == "mean":
            return mean, count == 0, overflow
        assert function == "std"
        deviation = values - mean[segments]
        square = np.bincount(segments, weights=deviation * deviation, minlength=n)
        few = count < 2
        return np.sqrt(square / np.maximum(count - 1, 1)), few, (overflow | ~np.isfinite(square)) & ~few


def _sum(values: Floats | Ints | Mask, segments: Ints, n: int) -> tuple[Floats | Ints, Mask]:
    if values.dtype != np.int64:
        # bincount adds in row order, each segment by itself
        total = np.bincount(segments, weights=values, minlength=n)
        return total, ~np.isfinite(total)
    exact = np.zeros(n, np.int64)
    np.add.at(exact, segments, values)
    overflow = np.zeros(n, np.bool_)
    # addition wraps, so a sum is right where it fits, however large it was on the way
    sizes = np.bincount(segments, weights=np.abs(values.astype(np.float64)), minlength=n)
    for segment in np.flatnonzero(sizes >= 2.0**62):
        overflow[segment] = not -(2**63) <= sum(values[segments == segment].tolist()) < 2**63
    return exact, overflow


def _mean(values: Floats | Ints | Mask, segments: Ints, n: int, count: Ints) -> tuple[Floats, Mask]:
    mean: Floats = np.bincount(segments, weights=values, minlength=n) / np.maximum(count, 1)
    overflow = ~np.isfinite(mean)
    # rounding must not put a mean outside its values
    low, high = (_extreme(f, values.astype(np.float64), segments, n) for f in ("min", "max"))
    return np.where(count > 0, np.clip(mean, low, high), 0.0), overflow


def _extreme(function: str, values: Floats | Ints | Mask, segments: Ints, n: int) -> Floats | Ints:
    order = np.lexsort((values, segments))
    if function == "min":
        order = order[::-1]
    out: NDArray[Any] = np.zeros(n, values.dtype)
    out[segments[order]] = values[order]  # the last assignment to an index stays
    return out


def rank(values: Floats | Ints, segments: Ints) -> Floats:
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
