"""The probability ratio of two policies, per token or per completion."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from .tokens import MAX_LOG_RATIO, check_shapes, difference, per_sequence

Ratio = Literal["token", "sequence", "sequence_token"]


def log_ratio(new_logp: Tensor, old_logp: Tensor, mask: Tensor, ratio: Ratio = "token") -> Tensor:
    """The log of the ratio new / old that each token's loss is formed with: (B, T), 0 where masked.

    token: that of the token itself (PPO, arXiv 1707.06347, eq. 6).
    sequence: the mean over the completion's tokens, the same for all of them: the geometric mean of the
    token ratios (GSPO, arXiv 2507.18071, eq. 7). Its gradient at a token is 1/|y| of it.
    sequence_token: the same value, and the token's own gradient (GSPO-token, eq. 14):
    sg(s) pi / sg(pi). Where the advantage is one number per completion, value and gradient of the loss under
    "sequence_mean" are those of "sequence"; it is there for advantages that differ from token to token.

    Values are clamped to +-20, where the gradient ends.

    Args:
        new_logp: (B, T) under the policy that is trained; gradients flow through it only.
        old_logp: (B, T) under the policy that sampled.
        mask: (B, T).
        ratio: the level.

    Raises:
        ValueError: shapes do not fit or `ratio` is unknown.
    """
    check_shapes(new_logp, old_logp, mask)
    on = mask != 0
    own = difference(new_logp, old_logp.detach(), on)
    if ratio == "token":
        return own.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    if ratio not in ("sequence", "sequence_token"):
        raise ValueError(f"ratio must be token, sequence or sequence_token, not {ratio!r}")
    mean = per_sequence(own, on)[:, None]
    if ratio == "sequence_token":
        mean = mean.detach() + own - own.detach()
    return mean.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO) * on
