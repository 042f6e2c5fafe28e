"""The weighted sum of the terms, which most normalizers set out from."""

from __future__ import annotations

from dataclasses import replace

from rewardkit.normalizers.rows import Batch
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.statistics import Centred, centred, rounding, settled


def compared(batch: Batch, single: str = "zero") -> Centred:
    """The sorted (N,) weighted sums of the rows, less their group's mean."""
    seg = batch.segments
    found = centred(batch, _sums(batch), batch.counted, single)
    if not _may_be_rounding(batch, found.differences):
        return found
    size = seg.expand(-seg.least(-_sizes(batch)))
    return replace(found, differences=settled(batch, found.differences, size, batch.values.shape[1]))


def plain(batch: Batch) -> Array:
    """The sorted (N,) weighted sums of the rows; 0 where a row does not count."""
    total = _sums(batch)
    return total if batch.counted is None else batch.xp.where(batch.counted, total, 0.0)


def above_least(batch: Batch) -> Array:
    """The sorted (N,) weighted sums, less the least of the batch; rounding errors above it are 0."""
    xp, total = batch.xp, plain(batch)
    if total.shape[0] == 0:
        return total
    least = xp.min(total if batch.counted is None else xp.where(batch.counted, total, float("inf")))
    if not least < float("inf"):
        return total  # no row counts
    found = total - least
    if batch.counted is not None:
        found = xp.where(batch.counted, found, 0.0)
    if not _may_be_rounding(batch, found):
        return found
    return settled(batch, found, xp.max(_sizes(batch)), batch.values.shape[1])


def _there(batch: Batch) -> Array:
    return batch.values if batch.present is None else batch.xp.where(batch.present, batch.values, 0.0)


def _sums(batch: Batch) -> Array:
    return batch.weighted(_there(batch), batch.weights)


def _sizes(batch: Batch) -> Array:
    """Sorted (N,) sums of the absolute values of what each row's sum is made of."""
    return batch.weighted(batch.xp.abs(_there(batch)), batch.xp.abs(batch.weights))


def _may_be_rounding(batch: Batch, x: Array) -> bool:
    """Whether some of the sums' differences may be no more than rounding errors: a quick look."""
    xp, terms = batch.xp, batch.values.shape[1]
    if terms < 2:
        return False  # nothing was added up, so nothing was rounded
    if batch.largest is None:
        return True
    size = float(xp.sum(xp.abs(batch.weights))) * batch.largest
    return bool(xp.any((xp.abs(x) <= rounding(size, terms)) & (x != 0)))
