"""Estimates of the distance between two policies, from the log-probabilities of sampled tokens."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .counts import Counts, count
from .tokens import MAX_LOG_RATIO, check_shapes, difference

KL = Literal["k1", "k2", "k3"]


def kl_penalty(logp: Tensor, ref_logp: Tensor, mask: Tensor, kind: KL = "k3") -> Tensor:
    """Estimates of KL(policy || reference) on tokens that the policy sampled: (B, T) nats, 0 where masked.

    With d = logp - ref_logp (Schulman, "Approximating KL divergence", 2020):
    k1 = d, unbiased and sometimes negative, and as a loss its expected gradient is 0;
    k2 = d^2 / 2, biased, never negative, and as a loss its expected gradient is that of the KL;
    k3 = exp(-d) - 1 + d, unbiased, never negative: the one in GRPO's loss (arXiv 2402.03300, eq. 4),
    with d clamped to +-20 so that `exp` cannot overflow.

    Args:
        logp: (B, T) under the policy; gradients flow through it only.
        ref_logp: (B, T) under the reference.
        mask: (B, T).
        kind: "k1", "k2" or "k3".

    Raises:
        ValueError: shapes do not fit or `kind` is unknown.
    """
    check_shapes(logp, ref_logp, mask)
    d = difference(logp, ref_logp.detach(), mask != 0)
    if kind == "k1":
        return d
    if kind == "k2":
        return d.square() / 2
    if kind == "k3":
        d = d.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
        return torch.expm1(-d) + d
    raise ValueError(f"kind must be k1, k2 or k3, not {kind!r}")


def kl_in_reward(logp: Tensor, ref_logp: Tensor, mask: Tensor, kind: KL = "k1") -> Tensor:
    """The KL of each completion, to be subtracted from its reward times a coefficient: (B,) nats, detached.

    The sum of `kl_penalty` over tokens. With k1 it is log pi(y) - log ref(y), the penalty of RLHF
    (arXiv 1909.08593, eq. 2). Arguments and errors as for `kl_penalty`.
    """
    return kl_penalty(logp.detach(), ref_logp, mask, kind).sum(dim=1)


def adaptive_kl(coefficient: float, kl: float, *, target: float, horizon: float, samples: float) -> float:
    """The KL's coefficient for the next step, drawn to where the KL is `target` (arXiv 1909.08593, sec. 2.2).

    coefficient * (1 + clip(kl / target - 1, -0.2, 0.2) * samples / horizon): `samples` completions were
    trained on since the last call, and over `horizon` of them the coefficient moves by at most a fifth.

    Raises:
        ValueError: `target` or `horizon` is not above 0.
    """
    if not target > 0 or not horizon > 0:
        raise ValueError(f"target and horizon must be above 0, not {target} and {horizon}")
    error = min(max(kl / target - 1, -0.2), 0.2)
    return coefficient * (1 + error * samples / horizon)


def sampled_kl(new_logp: Tensor, old_logp: Tensor, mask: Tensor, counts: Counts | None = None) -> Tensor:
    """KL(old || new) per token, by k1 on tokens that the old policy sampled: a scalar in nats.

    With `counts` it is these rows' share, and the shares of a minibatch add up to its KL.
    """
    check_shapes(new_logp, old_logp, mask)
    counts = counts or count(mask)
    return difference(old_logp.detach(), new_logp, mask != 0).sum() / (counts.tokens or 1.0)
