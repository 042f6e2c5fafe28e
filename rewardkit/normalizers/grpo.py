"""GRPO, Dr. GRPO and GRPO with the deviation of the batch: the weighted sum, compared within each group."""

from __future__ import annotations

from rewardkit.normalizers.options import choose
from rewardkit.normalizers.rows import prepare
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.statistics import from_others, inverse, standardised, standardised_by_others
from rewardkit.normalizers.total import compared, plain
from rewardkit.normalizers.whitening import finished, spread


def grpo(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    lengths: Array | None = None,
    profile: str = "trl",
    eps: float | None = None,
    ddof: int | None = None,
    baseline: str | None = None,
    single: str | None = None,
    missing: str | None = None,
    whiten: str | None = None,
) -> Array:
    """Advantages of Group Relative Policy Optimization: A = (R - mean_group R) / (std_group R + eps).

    R is the weighted sum of a row's terms. Source: arXiv 2402.03300, section 4.1.2.

    Args:
        rewards: (N, K) unweighted term values, float32 or float64, numpy or torch; NaN where a term
            has no value: it is left out of R. A row of NaN only is in no statistic.
        groups: (N,) integer ids, in any order, of any sizes.
        weights: (K,) finite.
        lengths: (N,) tokens of each row; read by `whiten` "token" only.
        profile: the options of "trl", "paper", "verl", "nemo_rl" or "ms_swift", docs/normalizers.md; each
            option below that is given lies over it. What stands below is "trl".
        eps: added to each standard deviation; 1e-4.
        ddof: 1 for the sample standard deviation, 0 for the population's.
        baseline: "group"; "leave_one_out" takes mean and deviation of the other rows of the group.
        single: what the only row of a group gets: "zero"; "raw" is R / (1 + eps), as in verl.
        missing: "skip"; "zero" counts a row of NaN only as R = 0.
        whiten: "none"; "sequence" and "token" rescale the finished advantages over the batch by (their
            deviation + eps), each row counting once, or once per token.

    Returns:
        (N,) advantages, of the array kind, device and dtype of `rewards`, without gradient; 0 in a
        group whose R does not vary or that has fewer than two, and for a row of NaN only.

    Raises:
        TypeError: `rewards` is no numpy or torch array.
        ValueError: shapes do not fit, a value is infinite, or an option is out of range.
    """
    options = choose(
        "grpo", profile, eps=eps, ddof=ddof, baseline=baseline, single=single, missing=missing, whiten=whiten
    )
    batch = prepare(rewards, groups, weights, options.missing)
    total = compared(batch, options.single)
    by_others = options.baseline == "leave_one_out"
    advantages = (standardised_by_others if by_others else standardised)(
        batch, total, options.eps, options.ddof
    )
    return finished(batch, advantages, options, lengths, zero_sum=not by_others and total.zero_sum)


def dr_grpo(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    lengths: Array | None = None,
    profile: str = "trl",
    eps: float | None = None,
    ddof: int | None = None,
    baseline: str | None = None,
    single: str | None = None,
    missing: str | None = None,
    whiten: str | None = None,
) -> Array:
    """Advantages of Dr. GRPO, which is GRPO without the deviation: A = R - mean_group R.

    Source: arXiv 2503.20783, section 3.2. Arguments, result and errors as for `grpo`; `eps` and
    `ddof` only matter where `whiten` rescales, and `single` "raw" is R itself.
    """
    options = choose(
        "dr_grpo", profile, eps=eps, ddof=ddof, baseline=baseline, single=single, missing=missing,
        whiten=whiten,
    )  # fmt: skip
    batch = prepare(rewards, groups, weights, options.missing)
    total = compared(batch, options.single)
    advantages = from_others(batch, total) if options.baseline == "leave_one_out" else total.differences
    return finished(batch, advantages, options, lengths, zero_sum=total.zero_sum)


def batch(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    lengths: Array | None = None,
    profile: str = "trl",
    eps: float | None = None,
    ddof: int | None = None,
    missing: str | None = None,
    whiten: str | None = None,
) -> Array:
    """Advantages with the mean of the group and the deviation of the batch.

    A = (R - mean_group R) / (std_batch R + eps), where std_batch is that of R itself over all rows, about
    the batch's own mean. An easy prompt then keeps its small advantages. Source: arXiv 2508.08221, section
    4.1; TRL calls it `scale_rewards="batch"`. Arguments, result and errors as for `grpo`.
    """
    options = choose("batch", profile, eps=eps, ddof=ddof, missing=missing, whiten=whiten)
    rows = prepare(rewards, groups, weights, options.missing)
    found = compared(rows).differences
    std = spread(rows, plain(rows), options.ddof)
    return finished(rows, found * inverse(rows, std, options.eps), options, lengths, zero_sum=True)
