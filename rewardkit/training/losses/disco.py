"""DisCO: good answers scored above bad ones, under a constraint on the KL."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ..numbers import is_number
from .counts import Counts, count
from .group import Groups
from .kl import sampled_kl
from .ratio import log_ratio
from .tokens import check_shapes, difference, per_sequence, token_mean

Score = Literal["log_l", "l_ratio"]
Contrast = Literal["softmax", "mean"]

#: the paper's temperature of each score
TAU = {"log_l": 10.0, "l_ratio": 1.0}


def disco(
    new_logp: Tensor,
    old_logp: Tensor,
    advantages: Tensor,
    mask: Tensor,
    groups: Tensor,
    *,
    counts: Counts | None = None,
    kl: Tensor | float | None = None,
    score: Score = "log_l",
    contrast: Contrast = "softmax",
    tau: float | None = None,
    delta: float = 1e-4,
    penalty: float = 1e3,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of Discriminative Constrained Optimization (arXiv 2505.12366, section 4), to be minimized.

    Per group, with scores s+ of its completions with A > 0 and s- of those with A < 0:
    "mean" (DisCO-b) mean s- - mean s+; "softmax" (DisCO) tau log mean exp(s- / tau) - mean s+,
    which weighs the bad answers that score highest the most, the more so the smaller tau. Summed over the
    groups that have both, and divided by the number of all groups. To it comes the constraint
    KL(old || new) <= delta as a squared hinge: `penalty * max(0, KL - delta)^2`, whose
    gradient is `2 * penalty * max(0, KL - delta)` times the KL's. (The authors' code has
    `penalty * max(0, KL - delta)` there: give half of its `beta` to get the same.)

    The KL is the mean of old_logp - new_logp over the tokens of the whole minibatch, so a part of one
    cannot know how far the constraint is overstepped. Whoever splits a minibatch measures it first,
    without gradient, by adding up `sampled_kl` over the parts, and gives it as `kl` with each; the
    gradients of the parts then add up to the minibatch's exactly.

    Args:
        new_logp: (B, T) under the policy that is trained; gradients flow through it only.
        old_logp: (B, T) under the policy that sampled.
        advantages: (B,); only the sign is read, and 0 is neither good nor bad.
        mask: (B, T); a completion without an unmasked token is neither good nor bad.
        groups: (B,) int64; all rows of a group must be in one call.
        counts: of the whole minibatch, where these rows are a part of it.
        kl: of the whole minibatch, where these rows are a part of it.
        score: "log_l" the mean log-probability of the tokens, "l_ratio" the mean of their ratios new / old.
        contrast: "softmax" or "mean".
        tau: of "softmax", above 0; 10 for "log_l" and 1 for "l_ratio" if None, the paper's choice.
        delta: nats per token.
        penalty: weight of the squared hinge, 0 or more.

    Returns:
        The scalar loss, and detached means over the unmasked tokens: `approx_kl` (of these rows), `ratio`
        and `kl_excess` (by how much the minibatch's KL is above delta).

    Raises:
        ValueError: shapes do not fit, an option is out of range, or `counts` tells that these rows are a
            part and `kl` is missing.
    """
    check_shapes(new_logp, old_logp, mask)
    if not isinstance(score, str) or score not in TAU:
        raise ValueError(f"score must be log_l or l_ratio, not {score!r}")
    if contrast not in ("softmax", "mean"):
        raise ValueError(f"contrast must be softmax or mean, not {contrast!r}")
    tau = TAU[score] if tau is None else tau
    if not is_number(tau) or not is_number(penalty) or not tau > 0 or not penalty >= 0:
        raise ValueError(f"tau must be above 0 and penalty >= 0, not {tau!r} and {penalty!r}")
    if not is_number(delta):
        raise ValueError(f"delta must be a number, not {delta!r}")
    on = mask != 0
    held = Groups(groups, advantages, mask)
    here = count(mask, groups)
    counts = counts or here
    if kl is None and counts.tokens > here.tokens:
        raise ValueError(
            "a part of a minibatch needs kl, the KL of the whole: add up sampled_kl over its parts"
        )

    ratios = log_ratio(new_logp, old_logp, mask).exp()
    scores = per_sequence(new_logp if score == "log_l" else ratios, on)
    heard, adv = on.any(dim=1), advantages.detach()
    good, bad = heard & (adv > 0), heard & (adv < 0)
    both = (held.sum(good) > 0) & (held.sum(bad) > 0)
    gain = _mean(held, scores, good)
    cost = _mean(held, scores, bad) if contrast == "mean" else _soft_maximum(held, scores, bad, tau)
    loss = torch.where(both, cost - gain, 0.0).sum() / (counts.groups or 1.0)

    share = sampled_kl(new_logp, old_logp, mask, counts)
    excess = (share.detach() if kl is None else torch.as_tensor(kl).to(share)).sub(delta).clamp(min=0)
    # the value is split by tokens, the gradient by each part's own KL
    value = penalty * excess**2 * (here.tokens / (counts.tokens or 1.0))
    loss = loss + value + 2 * penalty * excess * (share - share.detach())
    metrics = {
        "approx_kl": token_mean(difference(old_logp, new_logp, on).detach(), on),
        "ratio": token_mean(ratios.detach(), on),
        "kl_excess": excess,
    }
    return loss, metrics


def _mean(held: Groups, values: Tensor, chosen: Tensor) -> Tensor:
    """The mean of (B,) over the chosen rows of each group, 0 where there is none."""
    return held.sum(torch.where(chosen, values, 0.0)) / held.sum(chosen).clamp(min=1)


def _soft_maximum(held: Groups, values: Tensor, chosen: Tensor, tau: float) -> Tensor:
    """tau log mean exp(values / tau) over the chosen rows of each group, 0 where there is none."""
    scaled = torch.where(chosen, values, 0.0) / tau
    low = scaled.new_full((held.size,), -torch.inf)
    top = low.scatter_reduce(0, held.index, scaled.detach().masked_fill(~chosen, -torch.inf), "amax")
    top = top.masked_fill(top == -torch.inf, 0.0)
    weights = torch.where(chosen, scaled - top[held.index], -torch.inf).exp()
    n = held.sum(chosen)
    return tau * (torch.where(n > 0, held.sum(weights) / n.clamp(min=1), 1.0).log() + top)
