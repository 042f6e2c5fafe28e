"""GDPO: each term normalized within its group on its own, then weighed, added up and whitened."""

from __future__ import annotations

from rewardkit.normalizers.batch import check_options, prepare
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.statistics import centred, settled, standardised, whitened

#: rounding errors, relative to the sum of weights, that terms which cancel may leave
_ROUNDINGS = 64


def gdpo(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    eps: float = 1e-4,
    ddof: int = 1,
    whiten: str = "sequence",
) -> Array:
    """Advantages of Group reward-Decoupled Normalization Policy Optimization.

    z_k = (r_k - mean_group r_k) / (std_group r_k + eps)    for each term k      (eq. 4)
    S   = sum_k w_k z_k                                     weights after        (eq. 5, 7)
    A   = (S - mean_batch S) / (std_batch S + eps)          per sequence         (eq. 6)

    Source: arXiv 2601.05242. A common factor of all weights cancels in eq. 6.

    Args:
        rewards: (N, K) unweighted term values, float32 or float64, numpy or torch; NaN where a term
            has no value: it is left out of its group's mean and deviation and adds 0 to S. A row of
            NaN only is in no statistic, that of the batch included.
        groups: (N,) integer ids, in any order, of any sizes.
        weights: (K,) finite.
        eps: added to each standard deviation, of a group and of the batch.
        ddof: 1 for the sample standard deviation, 0 for the population's.
        whiten: "none" gives S, before eq. 6.

    Returns:
        (N,) advantages, of the array kind, device and dtype of `rewards`, without gradient. A term
        adds 0 in a group where it does not vary or has fewer than two values.

    Raises:
        TypeError: `rewards` is no numpy or torch array.
        ValueError: shapes do not fit, a value is infinite, or an option is out of range.
    """
    check_options(eps, ddof, whiten)
    batch = prepare(rewards, groups, weights)
    xp = batch.xp
    normalized = standardised(batch, centred(batch, batch.values, batch.present), eps, ddof)
    total = xp.sum(normalized * batch.weights, axis=1)
    if normalized.shape[1] > 1:
        total = settled(batch, total, xp.sum(xp.abs(batch.weights)), _ROUNDINGS)
    return batch.rows(whitened(batch, total, eps, ddof) if whiten == "sequence" else total)
