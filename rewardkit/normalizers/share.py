"""How much each term moves the total: what a policy learns first."""

from __future__ import annotations

from rewardkit.normalizers.options import check_ddof
from rewardkit.normalizers.rows import Batch, prepare
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.statistics import centred, deviation


def effective_share(rewards: Array, groups: Array, weights: Array, ddof: int = 1) -> Array:
    """The effective share of each term: |weight| x mean within-group standard deviation, to sum 1.

    Under GRPO a term counts by its weight times how much it varies within a group, not by its
    weight: a format in {0, 1} beside a correctness in [-3, 3] starts with 15% of the signal at equal
    weights. GDPO divides the deviations out, so there the shares of the weights themselves hold.

    Args:
        rewards: (N, K) as for `grpo`. The mean is over the groups in which the term has at least two
            values, every such group counting the same, and one without variation as 0.
        groups: (N,) integer ids.
        weights: (K,) finite.
        ddof: 1 for the sample standard deviation, 0 for the population's.

    Returns:
        (K,), of the array kind, device and dtype of `rewards`; all 0 where no weighted term varies.

    Raises:
        TypeError, ValueError: as `grpo`.
    """
    batch = prepare(rewards, groups, weights)
    xp = batch.xp
    spread, counts = _spread(batch, ddof)
    several = xp.astype(counts >= 2, xp.float64)
    mean = xp.sum(spread, axis=0) / xp.clip(xp.sum(several, axis=0), min=1.0)
    effect = xp.abs(batch.weights) * mean
    total = xp.sum(effect)
    return xp.astype(effect / xp.where(total > 0, total, 1.0), batch.dtype)


def group_deviations(rewards: Array, groups: Array, ddof: int = 1) -> Array:
    """The standard deviation of each term in each group.

    Args:
        rewards: (N, K) as for `grpo`.
        groups: (N,) integer ids of G groups.
        ddof: 1 for the sample standard deviation, 0 for the population's.

    Returns:
        (G, K) float64, groups in the order of their ids; NaN where a term has fewer than two values.

    Raises:
        TypeError, ValueError: as `grpo`.
    """
    batch = prepare(rewards, groups, [1.0] * rewards.shape[1])
    spread, counts = _spread(batch, ddof)
    return batch.xp.where(counts >= 2, spread, float("nan"))


def _spread(batch: Batch, ddof: int) -> tuple[Array, Array]:
    """(G, K) deviations, 0 below two values, and how many values there are."""
    check_ddof(ddof)
    terms, table = centred(batch, batch.values, batch.present), batch.segments.table
    return table(deviation(batch, terms, ddof)), table(terms.counts)
