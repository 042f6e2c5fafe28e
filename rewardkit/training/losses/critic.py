"""PPO with a critic: advantages from values, and the loss of the values."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .aggregate import Aggregation, aggregate
from .counts import Counts
from .tokens import check_shapes, token_mean


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float = 1.0, lam: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Generalized advantage estimates and returns (arXiv 1506.02438, eq. 16), both (B, T), 0 where masked.

    delta_t = r_t + gamma V_{t+1} - V_t and A_t = delta_t + gamma lam A_{t+1}, where t + 1 is the next
    unmasked token: what a tool said between two turns is no step of the policy's. After the last token
    the value is 0. The return is A + V. With gamma = lam = 1, verl's default, it is the sum of the
    rewards still to come. Nothing carries gradient.

    Args:
        rewards: (B, T) per token.
        values: (B, T), of the state in which the token was sampled.
        mask: (B, T).
        gamma: discount per token, in [0, 1].
        lam: in [0, 1]; 1 trusts the rewards, 0 the values.

    Raises:
        ValueError: shapes do not fit or an option is out of range.
    """
    check_shapes(rewards, values, mask)
    if not 0 <= gamma <= 1 or not 0 <= lam <= 1:
        raise ValueError(f"gamma and lam must be in [0, 1], not {gamma} and {lam}")
    on = mask != 0
    rewards, values = (torch.where(on, given.detach(), 0.0) for given in (rewards, values))
    advantages = torch.zeros_like(values)
    ahead = following = values.new_zeros(len(values))  # A and V of the next token
    for t in reversed(range(values.shape[1])):
        here = rewards[:, t] + gamma * following - values[:, t] + gamma * lam * ahead
        ahead = torch.where(on[:, t], here, ahead)
        following = torch.where(on[:, t], values[:, t], following)
        advantages[:, t] = torch.where(on[:, t], ahead, 0.0)
    return advantages, advantages + values


def whiten(values: Tensor, mask: Tensor, total: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """(B, T) shifted and scaled to mean 0 and variance 1 over all unmasked tokens, 0 where masked.

    The variance has n - 1 in the denominator, and 1e-8 is added to it, as verl does. A single token gives 0.

    Args:
        values: (B, T).
        mask: (B, T).
        total: sums a tensor over processes; then mean and variance are of all their tokens.
    """
    check_shapes(values, mask)
    total = total or (lambda own: own)
    on = mask != 0
    kept = torch.where(on, values, 0.0)
    n, sum_ = total(torch.stack([on.sum().to(kept), kept.sum()]))
    centred = torch.where(on, kept - sum_ / n.clamp(min=1), 0.0)
    variance = total(centred.square().sum()) / (n - 1).clamp(min=1)
    return centred * torch.rsqrt(variance + 1e-8)


def value_loss(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    mask: Tensor,
    *,
    clip: float | None = 0.5,
    counts: Counts | None = None,
    aggregation: Aggregation = "token_mean",
    max_length: int | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The squared error of the values, to be minimized: half of it, combined by `aggregate`.

    Per token max((V - R)^2, (clip(V, V_old - clip, V_old + clip) - R)^2) / 2, so that values do not gain
    by moving further than `clip` from those of the sampling policy (PPO as published by OpenAI).

    Args:
        values: (B, T) of the critic that is trained; gradients flow through it only.
        old_values: (B, T) of the critic when the completions were sampled.
        returns: (B, T), see `gae`.
        mask: (B, T).
        clip: above 0; None does not clip.
        counts: of the whole minibatch, where these rows are a part of it.
        aggregation: see `aggregate`.
        max_length: tokens; for "constant_length".

    Returns:
        The scalar loss, and detached means over the unmasked tokens: `value_clip_fraction` (tokens whose
        loss is the clipped one), `value` and `value_error` (the squared error itself).

    Raises:
        ValueError: shapes do not fit or an option is out of range.
    """
    check_shapes(values, old_values, returns, mask)
    if clip is not None and not clip > 0:
        raise ValueError(f"clip must be above 0, not {clip}")
    on = mask != 0
    new, old, target = (
        torch.where(on, given, 0.0) for given in (values, old_values.detach(), returns.detach())
    )
    error = (new - target).square()
    clipped = error
    if clip is not None:  # by bounds, since old + (new - old) is not new to the last bit
        clipped = (new.clamp(old - clip, old + clip) - target).square()
    loss = aggregate(torch.maximum(error, clipped) / 2, mask, aggregation, max_length, counts)
    metrics = {
        "value_clip_fraction": token_mean((clipped > error).detach(), on),
        "value": token_mean(new.detach(), on),
        "value_error": token_mean(error.detach(), on),
    }
    return loss, metrics
