"""Means and deviations within groups, and over the batch."""

from __future__ import annotations

import sys

from rewardkit.normalizers.batch import Batch
from rewardkit.normalizers.segments import Array

_EPSILON = sys.float_info.epsilon


def centred(batch: Batch, values: Array, present: Array) -> Array:
    """Each value less the mean of its group's values: (N, ...) sorted, 0 where there is none.

    The group's least value is taken off first. That is exact where it matters, so a large offset
    costs no digits, and equal values give exactly 0 rather than a rounding error that a division by
    their standard deviation would blow up.
    """
    xp, seg = batch.xp, batch.segments
    least = seg.least(xp.where(present, values, float("inf")))
    shifted = xp.where(present, values - seg.expand(least), 0.0)
    mean = seg.total(shifted) / xp.clip(counts(batch, present), min=1.0)
    return xp.where(present, shifted - seg.expand(mean), 0.0)


def counts(batch: Batch, present: Array) -> Array:
    """(N, ...) bool sorted -> float64 (G, ...): how many values each group has."""
    return batch.segments.total(batch.xp.astype(present, batch.xp.float64))


def deviation(batch: Batch, differences: Array, present: Array, ddof: int) -> Array:
    """(G, ...) standard deviation of each group, from `centred` values; 0 below two values."""
    xp = batch.xp
    free = xp.clip(counts(batch, present) - ddof, min=1.0)
    return xp.sqrt(batch.segments.total(differences * differences) / free)


def standardised(batch: Batch, differences: Array, present: Array, eps: float, ddof: int) -> Array:
    """`centred` values over (their group's deviation + eps); 0 where a group does not vary."""
    scale = _inverse(batch, deviation(batch, differences, present, ddof), eps)
    return differences * batch.segments.expand(scale)


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
    """1 / (std + eps), and 0 where std is 0."""
    xp = batch.xp
    varies = std > 0
    return xp.where(varies, 1.0 / xp.where(varies, std + eps, 1.0), 0.0)
