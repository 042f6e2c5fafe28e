"""GDPO: each term normalized within its group on its own, then weighed, added up and whitened."""

from __future__ import annotations

from rewardkit.normalizers.options import choose
from rewardkit.normalizers.rows import prepare
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.statistics import centred, scale, settled, standardised_by_others
from rewardkit.normalizers.whitening import finished

#: rounding errors, relative to the sum of weights, that terms which cancel may leave
_ROUNDINGS = 64


def gdpo(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    lengths: Array | None = None,
    profile: str = "trl",
    eps: float | None = None,
    batch_eps: float | None = None,
    eps_mode: str | None = None,
    ddof: int | None = None,
    baseline: str | None = None,
    single: str | None = None,
    missing: str | None = None,
    whiten: str | None = None,
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
        lengths: (N,) tokens of each row; read by `whiten` "token" only.
        profile: the options of "trl", "paper", "verl", "nemo_rl" or "ms_swift", docs/normalizers.md; each
            option below that is given lies over it. What stands below is "trl".
        eps: added to each standard deviation, of a group and of the batch; 1e-4.
        batch_eps: for the batch alone; as `eps`.
        eps_mode: "deviation" divides the batch by (std + eps), "variance" by sqrt(variance + eps),
            "floor" by sqrt(max(variance, eps)).
        ddof: 1 for the sample standard deviation, 0 for the population's.
        baseline: "group"; "leave_one_out" takes mean and deviation of the other rows of the group.
        single: what the only value of a term in a group gets: "zero"; "raw" is r_k / (1 + eps), as in verl.
        missing: "skip"; "zero" takes 0 for a value that is missing, "count" counts a row of NaN only in the
            deviation of the batch, as ms-swift does.
        whiten: "sequence"; "token" counts each row once per token in eq. 6, as verl does; "none" gives S.

    Returns:
        (N,) advantages, of the array kind, device and dtype of `rewards`, without gradient. A term
        adds 0 in a group where it does not vary or has fewer than two values.

    Raises:
        TypeError: `rewards` is no numpy or torch array.
        ValueError: shapes do not fit, a value is infinite, or an option is out of range.
    """
    options = choose(
        "gdpo", profile, eps=eps, batch_eps=batch_eps, eps_mode=eps_mode, ddof=ddof, baseline=baseline,
        single=single, missing=missing, whiten=whiten,
    )  # fmt: skip
    batch = prepare(rewards, groups, weights, options.missing)
    terms = centred(batch, batch.values, batch.present, options.single)
    by_others = options.baseline == "leave_one_out"
    if by_others:
        normalized = standardised_by_others(batch, terms, options.eps, options.ddof)
        total = batch.weighted(normalized, batch.weights)
    else:  # at once: the normalized terms themselves are not needed
        by_group = scale(batch, terms, options.eps, options.ddof)
        total = batch.weighted(terms.differences, batch.weights, by_group)
    if rewards.shape[1] > 1:
        size = batch.xp.sum(batch.xp.abs(batch.weights))
        total = settled(batch, total, size, _ROUNDINGS)
    return finished(batch, total, options, lengths, zero_sum=not by_others and terms.zero_sum)
