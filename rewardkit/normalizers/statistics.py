"""Means and deviations within groups, and over the batch."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from rewardkit.normalizers.batch import Batch
from rewardkit.normalizers.segments import Array

_EPSILON = sys.float_info.epsilon


@dataclass(frozen=True)
class Centred:
    """Values less the mean of their group, and how many values each group has."""

    differences: Array  #: (N, ...) sorted, 0 where there is no value
    counts: Array  #: float64 (G, ...)


def centred(batch: Batch, values: Array, present: Array) -> Centred:
    """Each of (N, ...) sorted values less the mean of its group's `present` values.

    The group's least value is taken off first. That is exact where it matters, so a large offset
    costs no digits, and equal values give exactly 0 rather than a rounding error that a division by
    their standard deviation would blow up.
    """
    xp, seg = batch.xp, batch.segments
    least = seg.least(xp.where(present, values, float("inf")))
    shifted = xp.where(present, values - seg.expand(least), 0.0)
    ones = xp.astype(present, xp.float64)
    counts = seg.total(ones)
    mean = seg.total(shifted) / xp.clip(counts, min=1.0)
    return Centred((shifted - seg.expand(mean)) * ones, counts)


def deviation(batch: Batch, values: Centred, ddof: int) -> Array:
    """(G, ...) standard deviation of each group; 0 below two values."""
    xp, squares = batch.xp, values.differences * values.differences
    return xp.sqrt(batch.segments.total(squares) / xp.clip(values.counts - ddof, min=1.0))


def standardised(batch: Batch, values: Centred, eps: float, ddof: int) -> Array:
    """(N, ...) differences over (their group's deviation + eps); 0 where a group does not vary."""
    scale = _inverse(batch, deviation(batch, values, ddof), eps)
    return values.differences * batch.segments.expand(scale)


def whitened(batch: Batch, advantages: Array, eps: float, ddof: int) -> Array:
    """(N,) over (the deviation of all counted rows + eps): eq. 6 of arXiv 2601.05242, per sequence.

    The batch mean of eq. 6 is not taken off: every group's advantages sum to 0, so it is 0 by
    construction, and what rounding leaves of it would give rows without signal an advantage.
    """
    xp = batch.xp
    free = xp.clip(xp.sum(xp.astype(batch.counted, xp.float64)) - ddof, min=1.0)
    std = xp.sqrt(xp.sum(advantages * advantages) / free)
    return advantages * _inverse(batch, std, eps)


def settled(batch: Batch, x: Array, size: Array, roundings: int) -> Array:
    """`x`, with 0 where it is no more than `roundings` rounding errors of terms of that size.

    Terms that cancel leave dust, not 0, and dividing by a deviation of dust gives a full advantage.
    """
    return batch.xp.where(batch.xp.abs(x) <= roundings * _EPSILON * size, 0.0, x)


def _inverse(batch: Batch, std: Array, eps: float) -> Array:
    """1 / (std + eps); 1 where std is 0, as what it will scale is 0 there."""
    return 1.0 / batch.xp.where(std > 0, std + eps, 1.0)
