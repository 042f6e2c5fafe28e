"""RLOO: the weighted sum of the terms, less the mean of the other rows of the group."""

from __future__ import annotations

from rewardkit.normalizers.options import choose
from rewardkit.normalizers.rows import prepare
from rewardkit.normalizers.segments import Array
from rewardkit.normalizers.statistics import from_others
from rewardkit.normalizers.total import compared
from rewardkit.normalizers.whitening import finished


def rloo(
    rewards: Array,
    groups: Array,
    weights: Array,
    *,
    lengths: Array | None = None,
    profile: str = "trl",
    eps: float | None = None,
    ddof: int | None = None,
    single: str | None = None,
    missing: str | None = None,
    whiten: str | None = None,
) -> Array:
    """Advantages of REINFORCE Leave-One-Out: A = R - mean of the other R of the group.

    That is (R - mean_group R) * n / (n - 1) in a group of n. R is the weighted sum of a row's terms. Source:
    arXiv 2402.14740. TRL's `normalize_advantages` is `whiten` "sequence". Arguments, result
    and errors as for `grpo`; `eps` and `ddof` only matter where `whiten` rescales, and `single` "raw" is R.
    """
    options = choose("rloo", profile, eps=eps, ddof=ddof, single=single, missing=missing, whiten=whiten)
    batch = prepare(rewards, groups, weights, options.missing)
    total = compared(batch, options.single)
    return finished(batch, from_others(batch, total), options, lengths, zero_sum=total.zero_sum)
