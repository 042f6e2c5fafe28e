"""GVPO: a regression of implicit rewards on rewards, within each group."""

from __future__ import annotations

import torch
from torch import Tensor

from ..numbers import is_number
from .counts import Counts, count
from .group import Groups
from .tokens import check_shapes, difference, token_mean


def gvpo(
    new_logp: Tensor,
    old_logp: Tensor,
    advantages: Tensor,
    mask: Tensor,
    groups: Tensor,
    *,
    counts: Counts | None = None,
    beta: float = 0.1,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of Group Variance Policy Optimization (arXiv 2504.19599, section 3), to be minimized.

    With the implicit reward h_i = beta (log pi(y_i) - log pi_old(y_i)), summed over the completion's
    tokens, and w_i = (A_i - mean A) - (h_i - mean h): sum_i w_i^2 / (2 (n - 1)) per group of n, mean over
    groups. The weights of a group sum to 0, which cancels the partition function, so the minimum is
    pi ~ pi_old exp(R / beta), whatever distribution sampled. The gradient at each token of completion i
    is -beta w_i / (n - 1).

    The old policy is the reference here; to hold a fixed one, give its log-probabilities as `old_logp`.
    Means are taken over the group's completions with an unmasked token, `n` counts those; a group with
    fewer than two adds 0, and counts in the mean over groups.

    Args:
        new_logp: (B, T) under the policy that is trained; gradients flow through it only.
        old_logp: (B, T) under the reference.
        advantages: (B,) the reward, less any constant of its group.
        mask: (B, T).
        groups: (B,) int64; all rows of a group must be in one call.
        counts: of the whole minibatch, where these rows are a part of it.
        beta: weight of the KL to the reference, above 0.

    Returns:
        The scalar loss, and detached means over the unmasked tokens: `approx_kl` (k1, nats per token, of
        the old policy from the new).

    Raises:
        ValueError: shapes do not fit or `beta` is not above 0.
    """
    check_shapes(new_logp, old_logp, mask)
    if not is_number(beta) or not beta > 0:
        raise ValueError(f"beta must be above 0, not {beta!r}")
    on = mask != 0
    heard = on.any(dim=1)
    held = Groups(groups, advantages, mask)
    ratios = difference(new_logp, old_logp.detach(), on)
    gaps = advantages.detach() - beta * ratios.sum(dim=1)
    gaps = torch.where(heard, gaps, 0.0)
    n = held.sum(heard)
    centred = torch.where(heard, gaps - (held.sum(gaps) / n.clamp(min=1))[held.index], 0.0)
    per_group = held.sum(centred.square()) / (2 * (n - 1).clamp(min=1))
    loss = per_group.sum() / ((counts or count(mask, groups)).groups or 1.0)
    return loss, {"approx_kl": token_mean(-ratios.detach(), on)}
