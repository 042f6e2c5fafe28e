"""Means and deviations within groups."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from rewardkit.normalizers.rows import Batch
from rewardkit.normalizers.segments import Array

_EPSILON = sys.float_info.epsilon


@dataclass(frozen=True)
class Centred:
    """Values less the mean of their group, and how many values each group has."""

    differences: Array  #: sorted, 0 where there is no value
    counts: Array  #: float64 stat
    alone: Array | None = None  #: bool stat: groups of one value, which stands there as it is; None: no group

    @property
    def zero_sum(self) -> bool:
        """Whether every group's differences add up to 0, but for rounding."""
        return self.alone is None


def centred(batch: Batch, values: Array, present: Array | None, single: str = "zero") -> Centred:
    """Each of the sorted values less the mean of its group's `present` values (None: all are).

    The group's least value is taken off first. That is exact where it matters, so a large offset
    costs no digits, and equal values give exactly 0 rather than a rounding error that a division by
    their standard deviation would blow up. `single` "raw": the mean of one value is 0.
    """
    xp, seg = batch.xp, batch.segments
    if present is None:
        least = seg.least(values)
        shifted = values - seg.expand(least)
        counts = seg.sizes(least)
    else:
        least = seg.least(xp.where(present, values, float("inf")))
        shifted = xp.where(present, values - seg.expand(least), 0.0)
        counts = seg.total(xp.astype(present, xp.float64))
    shifted -= seg.expand(seg.total(shifted) / xp.clip(counts, min=1.0))
    alone = None
    if single == "raw":
        single_values = counts == 1
        if xp.any(single_values):
            alone = single_values
            shifted += seg.expand(xp.where(alone, least, 0.0))
    if present is not None:
        shifted = xp.where(present, shifted, 0.0)
    return Centred(shifted, counts, alone)


def deviation(batch: Batch, values: Centred, ddof: int) -> Array:
    """The standard deviation of each group, a stat; 0 below two values."""
    squares = batch.segments.squares(values.differences)
    return batch.xp.sqrt(squares / batch.xp.clip(values.counts - ddof, min=1.0))


def standardised(batch: Batch, values: Centred, eps: float, ddof: int) -> Array:
    """Sorted differences over (their group's deviation + eps); 0 where a group does not vary."""
    return values.differences * batch.segments.expand(scale(batch, values, eps, ddof))


def scale(batch: Batch, values: Centred, eps: float, ddof: int) -> Array:
    """What `standardised` multiplies by, a stat."""
    found = inverse(batch, deviation(batch, values, ddof), eps)
    if values.alone is not None:  # their deviation is taken to be 1
        found = batch.xp.where(values.alone, 1.0 / (1.0 + eps), found)
    return found


def from_others(batch: Batch, values: Centred) -> Array:
    """Sorted values less the mean of the *other* values of their group: leave-one-out."""
    xp = batch.xp
    others = xp.clip(values.counts - 1.0, min=1.0)
    factor = xp.where(values.counts > 1, values.counts / others, 1.0)
    return values.differences * batch.segments.expand(factor)


def standardised_by_others(batch: Batch, values: Centred, eps: float, ddof: int) -> Array:
    """As `standardised`, with the mean and the deviation of the other values of the group.

    Where the others do not vary nothing is divided, as in NeMo-RL.
    """
    xp, seg = batch.xp, batch.segments
    found = from_others(batch, values)
    squares = seg.squares(values.differences)
    # the others' sum of squares about their own mean; what rounding leaves where they are equal is 0
    left = seg.expand(squares) - values.differences * found
    dust = 64 * _EPSILON * seg.expand(values.counts * squares)
    left = xp.where(left <= dust, 0.0, left)
    std = xp.sqrt(left / seg.expand(xp.clip(values.counts - 1.0 - ddof, min=1.0)))
    factor = inverse(batch, std, eps)
    if values.alone is not None:
        factor = xp.where(seg.expand(values.alone), 1.0 / (1.0 + eps), factor)
    return found * factor


def settled(batch: Batch, x: Array, size: Array, roundings: int) -> Array:
    """`x`, with 0 where it is no more than `roundings` rounding errors of terms of that size.

    Terms that cancel leave dust, not 0, and dividing by a deviation of dust gives a full advantage.
    """
    return batch.xp.where(batch.xp.abs(x) <= rounding(size, roundings), 0.0, x)


def rounding(size: Any, roundings: int) -> Any:
    """What so many roundings of terms of that size may come to."""
    return roundings * _EPSILON * size


def inverse(batch: Batch, std: Array, eps: float) -> Array:
    """1 / (std + eps); 1 where std is 0."""
    return 1.0 / batch.xp.where(std > 0, std + eps, 1.0)
