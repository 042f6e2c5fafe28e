"""Policy losses per token: PPO's clipped ratio, and CISPO's clipped weight."""

from __future__ import annotations

import torch
from torch import Tensor

from .aggregate import Aggregation, aggregate
from .counts import Counts
from .ratio import Ratio, log_ratio
from .tokens import check_shapes, difference, per_token, token_mean


def ppo_clip(
    new_logp: Tensor,
    old_logp: Tensor,
    advantages: Tensor,
    mask: Tensor,
    groups: Tensor | None = None,
    *,
    counts: Counts | None = None,
    ratio: Ratio = "token",
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    dual_clip: float | None = None,
    aggregation: Aggregation = "token_mean",
    max_length: int | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The clipped policy loss of PPO, to be minimized.

    `token_losses` per token (arXiv 1707.06347, eq. 7), combined by `aggregate`. GSPO (arXiv 2507.18071,
    eq. 5) is `ratio="sequence"` with `aggregation="sequence_mean"`: under another aggregation a long
    completion's one ratio counts once per token, which is a loss of its own and not GSPO's.

    Args:
        new_logp: (B, T) under the policy that is trained; gradients flow through it only.
        old_logp: (B, T) under the policy that sampled.
        advantages: (B,) one per completion, or (B, T).
        mask: (B, T).
        groups: not read.
        counts: of the whole minibatch, where these rows are a part of it.
        ratio: see `log_ratio`.
        clip_low: the ratio's lower bound is 1 - clip_low.
        clip_high: the upper bound is 1 + clip_high; above clip_low it is DAPO's clip-higher
            (arXiv 2503.14476, eq. 10).
        dual_clip: the loss of a token with A < 0 is at most -dual_clip * A (arXiv 1912.09729, eq. 5);
            None for no such bound.
        aggregation: see `aggregate`.
        max_length: tokens; for "constant_length".

    Returns:
        The scalar loss, and detached means over the unmasked tokens: `clip_fraction` (tokens whose loss is
        the clipped one), `dual_clip_fraction`, `approx_kl` (k1, nats per token, of the old policy from the
        new) and `ratio`.

    Raises:
        ValueError: shapes do not fit or an option is out of range.
    """
    losses, ratios = token_losses(
        new_logp,
        old_logp,
        advantages,
        mask,
        ratio=ratio,
        clip_low=clip_low,
        clip_high=clip_high,
        dual_clip=dual_clip,
    )
    loss = aggregate(losses, mask, aggregation, max_length, counts)
    with torch.no_grad():
        on, adv = mask != 0, per_token(advantages, mask)
        unclipped = -adv * ratios
        clipped = -adv * ratios.clamp(1 - clip_low, 1 + clip_high)
        metrics = {
            "clip_fraction": token_mean(clipped > unclipped, on),
            "dual_clip_fraction": token_mean(losses < torch.maximum(unclipped, clipped), on),
            "approx_kl": token_mean(difference(old_logp, new_logp, on), on),
            "ratio": token_mean(ratios, on),
        }
    return loss, metrics


def token_losses(
    new_logp: Tensor,
    old_logp: Tensor,
    advantages: Tensor,
    mask: Tensor,
    *,
    ratio: Ratio = "token",
    clip_low: float = 0.2,
    clip_high: float = 0.2,
    dual_clip: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The loss of each token and its detached ratio, both (B, T), 0 where masked.

    max(-r A, -clip(r, 1 - clip_low, 1 + clip_high) A) with r of `log_ratio`, and for A < 0 at most
    -dual_clip A. Arguments and errors as for `ppo_clip`.
    """
    check_shapes(new_logp, old_logp, mask)
    _check_clip(clip_low, clip_high)
    if dual_clip is not None and not dual_clip > 1:
        raise ValueError(f"dual_clip must be above 1, not {dual_clip}")
    on, adv = mask != 0, per_token(advantages, mask)
    ratios = log_ratio(new_logp, old_logp, mask, ratio).exp()
    losses = torch.maximum(-ratios * adv, -ratios.clamp(1 - clip_low, 1 + clip_high) * adv)
    if dual_clip is not None:
        losses = torch.where(adv < 0, torch.minimum(losses, -dual_clip * adv), losses)
    return losses * on, ratios.detach() * on


def cispo(
    new_logp: Tensor,
    old_logp: Tensor,
    advantages: Tensor,
    mask: Tensor,
    groups: Tensor | None = None,
    *,
    counts: Counts | None = None,
    ratio: Ratio = "token",
    clip_low: float = 1.0,
    clip_high: float = 4.0,
    aggregation: Aggregation = "token_mean",
    max_length: int | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """REINFORCE with a clipped importance weight, to be minimized (MiniMax-M1, arXiv 2506.13585, eq. 4-5).

    -sg(clip(r, 1 - clip_low, 1 + clip_high)) A log pi per token, combined by `aggregate`. The weight is a
    constant, so a token whose ratio leaves the range still has its gradient, where PPO drops it.

    The paper sets no lower bound (`clip_low` = 1: a ratio is never below 0) and tunes the upper one, which
    it does not tell; TRL recommends 5 for the weight, which is `clip_high` = 4. TRL's `epsilon_high` is
    the bound itself: `clip_high = epsilon_high - 1`, with `clip_low` = 1. verl clips on both sides:
    `clip_low = clip_ratio_low`, `clip_high = clip_ratio_high`.

    Arguments and errors as for `ppo_clip`. Returns the loss, and detached means over the unmasked tokens:
    `clip_fraction` (tokens whose weight was clipped), `approx_kl` and `ratio`.
    """
    check_shapes(new_logp, old_logp, mask)
    _check_clip(clip_low, clip_high)
    on, adv = mask != 0, per_token(advantages, mask)
    ratios = log_ratio(new_logp, old_logp, mask, ratio).detach().exp()
    weights = ratios.clamp(1 - clip_low, 1 + clip_high)
    losses = -weights * adv * torch.where(on, new_logp, 0.0)
    metrics = {
        "clip_fraction": token_mean(weights != ratios, on),
        "approx_kl": token_mean(difference(old_logp, new_logp, on).detach(), on),
        "ratio": token_mean(ratios, on),
    }
    return aggregate(losses, mask, aggregation, max_length, counts), metrics


def _check_clip(low: float, high: float) -> None:
    if not 0 <= low <= 1 or not high >= 0:
        raise ValueError(f"clip_low must be in [0, 1] and clip_high >= 0, not {low} and {high}")
