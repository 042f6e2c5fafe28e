"""REINFORCE++: the weighted sum of the terms, whitened over all tokens of the batch."""

from __future__ import annotations

from rewardkit.normalizers.options import choose
from rewardkit.normalizers.rows import prepare
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.total import above_least, compared, plain
from rewardkit.normalizers.whitening import finished


def reinforce_pp(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    lengths: Array | None = None,
    profile: str = "paper",
    eps: float | None = None,
    eps_mode: str | None = None,
    ddof: int | None = None,
    baseline: str | None = None,
    single: str | None = None,
    missing: str | None = None,
    whiten: str | None = None,
) -> Array:
    """Advantages of REINFORCE++: A = (R - mean_batch R) / std_batch R, over the tokens of the batch.

    R is the weighted sum of a row's terms; no group is looked at. `baseline` "group" is
    REINFORCE++-baseline: R less the mean of its group comes first. Source: arXiv 2501.03262, section 3. The
    paper's penalty of the KL stands in the reward, or in the loss.

    Args:
        rewards: (N, K), as for `grpo`.
        groups: (N,), read by `baseline` "group" only.
        weights: (K,) finite.
        lengths: (N,) tokens of each row, as every token counts once; `whiten` "sequence" needs none.
        profile: the options of "paper", "verl", "nemo_rl" or "ms_swift", docs/normalizers.md; each option
            below that is given lies over it. What stands below is "paper".
        eps: 0; `eps_mode` says what for.
        eps_mode: "deviation" divides by (std + eps), "variance" by sqrt(variance + eps), "floor" by
            sqrt(max(variance, eps)).
        ddof: 1 for the sample standard deviation, 0 for the population's.
        baseline: "none" or "group".
        single: what the only row of a group has before whitening: "zero", or "raw" for R, as in verl.
        missing: "skip"; "zero" counts a row of NaN only as R = 0.
        whiten: "token", "sequence", or "none", which gives what would be whitened.

    Returns:
        (N,) advantages, of the array kind, device and dtype of `rewards`, without gradient; 0 where no R
        differs from another, and for a row of NaN only.

    Raises:
        TypeError: `rewards` is no numpy or torch array.
        ValueError: as `grpo`, or there are no lengths where tokens count.
    """
    options = choose(
        "reinforce_pp", profile, eps=eps, eps_mode=eps_mode, ddof=ddof, baseline=baseline, single=single,
        missing=missing, whiten=whiten,
    )  # fmt: skip
    batch = prepare(rewards, groups, weights, options.missing)
    if options.baseline == "group":
        total = compared(batch, options.single)
        return finished(batch, total.differences, options, lengths, zero_sum=total.zero_sum)
    advantages = plain(batch) if options.whiten == "none" else above_least(batch)
    return finished(batch, advantages, options, lengths, zero_sum=False)
