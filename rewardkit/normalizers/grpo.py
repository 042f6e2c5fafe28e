"""GRPO and Dr. GRPO: the weighted sum of the terms, normalized within each group."""

from __future__ import annotations

from dataclasses import replace

from rewardkit.normalizers.batch import Batch, check_options, prepare
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.statistics import Centred, centred, settled, standardised, whitened


def grpo(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    eps: float = 1e-4,
    ddof: int = 1,
    whiten: str = "none",
) -> Array:
    """Advantages of Group Relative Policy Optimization: A = (R - mean_group R) / (std_group R + eps).

    R is the weighted sum of a row's terms. Source: arXiv 2402.03300, section 4.1.2.

    Args:
        rewards: (N, K) unweighted term values, float32 or float64, numpy or torch; NaN where a term
            has no value: it is left out of R. A row of NaN only is in no statistic.
        groups: (N,) integer ids, in any order, of any sizes.
        weights: (K,) finite.
        eps: added to each standard deviation.
        ddof: 1 for the sample standard deviation, 0 for the population's.
        whiten: "sequence" divides the finished advantages by (their deviation over the batch + eps).

    Returns:
        (N,) advantages, of the array kind, device and dtype of `rewards`, without gradient; 0 in a
        group whose R does not vary or that has fewer than two, and for a row of NaN only.

    Raises:
        TypeError: `rewards` is no numpy or torch array.
        ValueError: shapes do not fit, a value is infinite, or an option is out of range.
    """
    check_options(eps, ddof, whiten)
    batch = prepare(rewards, groups, weights)
    advantages = standardised(batch, _total(batch), eps, ddof)
    return batch.rows(whitened(batch, advantages, eps, ddof) if whiten == "sequence" else advantages)


def dr_grpo(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    eps: float = 1e-4,
    ddof: int = 1,
    whiten: str = "none",
) -> Array:
    """Advantages of Dr. GRPO, which is GRPO without the deviation: A = R - mean_group R.

    Source: arXiv 2503.20783, section 3.2. Arguments, result and errors as for `grpo`; `eps` and
    `ddof` only matter with `whiten="sequence"`.
    """
    check_options(eps, ddof, whiten)
    batch = prepare(rewards, groups, weights)
    advantages = _total(batch).differences
    return batch.rows(whitened(batch, advantages, eps, ddof) if whiten == "sequence" else advantages)


def _total(batch: Batch) -> Centred:
    """The (N,) weighted sums of the rows, less their group's mean."""
    xp, seg = batch.xp, batch.segments
    weighed = xp.where(batch.present, batch.values * batch.weights, 0.0)
    total = centred(batch, xp.sum(weighed, axis=1), batch.counted)
    terms = weighed.shape[1]
    if terms < 2:
        return total  # nothing was added up, so nothing was rounded
    size = -seg.least(-xp.sum(xp.abs(weighed), axis=1))
    return replace(total, differences=settled(batch, total.differences, seg.expand(size), terms))
