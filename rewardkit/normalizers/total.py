"""The weighted sum of the terms, which most normalizers set out from."""

from __future__ import annotations

from dataclasses import replace

from rewardkit.normalizers.rows import Batch
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.statistics import Centred, centred, settled


def weighed(batch: Batch) -> Array:
    """Sorted (N, K) terms times their weights; a term without a value adds 0."""
    found = batch.values * batch.segments.per_term(batch.weights)
    return found if batch.present is None else batch.xp.where(batch.present, found, 0.0)


def compared(batch: Batch, single: str = "zero") -> Centred:
    """The sorted (N,) weighted sums of the rows, less their group's mean."""
    seg, terms = batch.segments, weighed(batch)
    found = centred(batch, batch.over_terms(terms), batch.counted, single)
    if terms.shape[1] < 2:
        return found  # nothing was added up, so nothing was rounded
    size = seg.expand(-seg.least(-batch.over_terms(batch.xp.abs(terms))))
    return replace(found, differences=settled(batch, found.differences, size, terms.shape[1]))


def plain(batch: Batch) -> Array:
    """The sorted (N,) weighted sums of the rows; 0 where a row does not count."""
    total = batch.over_terms(weighed(batch))
    return total if batch.counted is None else batch.xp.where(batch.counted, total, 0.0)


def above_least(batch: Batch) -> Array:
    """The sorted (N,) weighted sums, less the least of the batch; rounding errors above it are 0."""
    xp, terms = batch.xp, weighed(batch)
    total = plain(batch)
    if total.shape[0] == 0:
        return total
    counted = total if batch.counted is None else xp.where(batch.counted, total, float("inf"))
    least = xp.min(counted)
    if not least < float("inf"):
        return total  # no row counts
    size = xp.max(batch.over_terms(xp.abs(terms)))
    found = settled(batch, total - least, size, max(terms.shape[1] - 1, 0))
    return found if batch.counted is None else xp.where(batch.counted, found, 0.0)
