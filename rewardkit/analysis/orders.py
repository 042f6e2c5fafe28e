"""How two rewards order the same rows: ranks within groups, and pairs that change places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rewardkit.runtime.aggregates import rank

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DIGITS = 9  # rewards that agree to so many digits of the largest are equal


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows of one group. `swapped`: the other way round now; `tied`: told apart before and not
    now; `split`: the other way about."""

    all: int
    swapped: int
    tied: int
    split: int

    def to_json(self) -> dict[str, int]:
        return {"all": self.all, "swapped": self.swapped, "tied": self.tied, "split": self.split}


def settled(values: Floats) -> Floats:
    """Values without what rounding may have left, so that it makes no order."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if largest == 0.0:
        return values + 0.0
    unit = 10.0 ** (np.ceil(np.log10(largest)) - _DIGITS)
    return np.asarray(np.round(values / unit) + 0.0)


def ranks(values: Floats, groups: Ints) -> Floats:
    """The rank of each value in its group: 1 is the highest, ties share the mean of their ranks."""
    return rank(-settled(values), groups)


def pairs(before: Floats, after: Floats, groups: Ints) -> Pairs:
    """Counts over the pairs of each group, in n log n steps."""
    x, y = _dense(settled(before), groups), _dense(settled(after), groups)
    both = _same(x * (int(y.max(initial=0)) + 1) + y)
    same_x, same_y = _same(x), _same(y)
    order = np.lexsort((y, x))  # by group, then by x: both count groups first
    return Pairs(_same(groups), _inversions(y[order]), same_y - both, same_x - both)


def _dense(values: Floats, groups: Ints) -> Ints:
    """Numbers from 0 in the order of (group, value), one for each distinct pair."""
    order = np.lexsort((values, groups))
    g, v = groups[order], values[order]
    new = np.r_[False, (g[1:] != g[:-1]) | (v[1:] != v[:-1])][: len(order)]
    out = np.empty(len(order), np.int64)
    out[order] = np.cumsum(new)
    return out


def _same(keys: Ints) -> int:
    """How many pairs have one key."""
    counts = np.unique(keys, return_counts=True)[1].astype(object)  # exact beyond 64 bits
    return int((counts * (counts - 1) // 2).sum())


def _inversions(values: Ints) -> int:
    """How many pairs stand in falling order: split by one bit after the other, the highest first.

    Two numbers are told apart by the highest bit in which they differ; there they stand in one bucket.
    """
    found = 0
    for bit in reversed(range(int(values.max(initial=0)).bit_length())):
        bucket, ones = values >> (bit + 1), (values >> bit) & 1
        order = np.argsort(bucket, kind="stable")
        b, o = bucket[order], ones[order]
        starts = np.r_[True, b[1:] != b[:-1]][: len(b)]
        before = np.cumsum(o) - o  # ones in front, in all buckets
        first = np.maximum.accumulate(np.where(starts, np.arange(len(b)), 0))
        found += int((before - before[first])[o == 0].sum())
    return found


def plain(value: float | None) -> float | None:
    """A number for JSON, null where there is none."""
    return None if value is None or np.isnan(value) else float(value)
