"""A critic for PPO: a value head on the policy's last hidden state, and the advantages that it gives.

The head is kept apart from the model, so the policy is still saved as an ordinary Hugging Face folder.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .losses import gae, whiten
from .policy import Policy
from .rollout import by_length, chosen_logps, read_completions


class ValueHead(nn.Module):
    """A linear map from hidden states (..., H) to values (...), float32. It begins as 0 everywhere."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        values: Tensor = self.linear(hidden.float()).squeeze(-1)
        return values


def value_head(policy: Policy) -> ValueHead:
    """A new head for this policy, on its device."""
    config = policy.model.config.get_text_config()
    return ValueHead(config.hidden_size).to(policy.model.device)


def token_logps_and_values(
    policy: Policy,
    head: ValueHead,
    prompt_ids: Tensor,
    prompt_mask: Tensor,
    completion_ids: Tensor,
    temperature: float = 1.0,
    *,
    trunk: bool = True,
) -> tuple[Tensor, Tensor]:
    """What `token_logps` gives, and the value of the state in which each token was sampled: float32 (B, T)
    both, in one forward pass.

    With `trunk` the values' gradient goes on into the policy; else it stays in the head.
    """

    def read(prompt_ids: Tensor, prompt_mask: Tensor, completion_ids: Tensor) -> tuple[Tensor, Tensor]:
        output = read_completions(policy, prompt_ids, prompt_mask, completion_ids, output_hidden_states=True)
        hidden = _last(output.hidden_states[-1], completion_ids.shape[1])
        values: Tensor = head(hidden if trunk else hidden.detach())
        return chosen_logps(policy, output.logits, completion_ids, temperature), values

    logp, values = by_length(read, policy, prompt_ids, prompt_mask, completion_ids)
    return logp, values


def state_values(
    policy: Policy, head: ValueHead, prompt_ids: Tensor, prompt_mask: Tensor, completion_ids: Tensor
) -> Tensor:
    """The values alone, without gradient: float32 (B, T). No logits are computed for them."""

    def read(prompt_ids: Tensor, prompt_mask: Tensor, completion_ids: Tensor) -> tuple[Tensor]:
        output = read_completions(
            policy, prompt_ids, prompt_mask, completion_ids, output_hidden_states=True, logits_to_keep=1
        )
        return (head(_last(output.hidden_states[-1], completion_ids.shape[1])),)

    with torch.no_grad():
        return by_length(read, policy, prompt_ids, prompt_mask, completion_ids)[0]


def _last(hidden: Tensor, count: int) -> Tensor:
    """The last `count` places of (B, S, H), none where no completion has a token."""
    return hidden[:, hidden.shape[1] - count :]


def token_rewards(
    scores: Tensor, mask: Tensor, kl: Tensor | None = None, kl_coefficient: float = 0.0
) -> Tensor:
    """Rewards per token (B, T), 0 where masked: the score (B,) at the last unmasked token, and
    -kl_coefficient * kl (B, T) at each (arXiv 1909.08593, eq. 2).

    Raises:
        ValueError: shapes do not fit.
    """
    if scores.shape != mask.shape[:1] or (kl is not None and kl.shape != mask.shape):
        raise ValueError(
            f"scores must have shape {tuple(mask.shape[:1])} and kl {tuple(mask.shape)}, not "
            f"{tuple(scores.shape)} and {None if kl is None else tuple(kl.shape)}"
        )
    on = mask != 0
    last = on & (on.flip(1).cumsum(dim=1).flip(1) == 1)
    rewards = torch.where(last, scores.detach()[:, None], 0.0)
    return rewards if kl is None else rewards - torch.where(on, kl_coefficient * kl.detach(), 0.0)


def critic_advantages(
    rewards: Tensor,
    values: Tensor,
    mask: Tensor,
    *,
    gamma: float = 1.0,
    lam: float = 1.0,
    total: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Advantages, whitened over all tokens of the batch, and returns: (N, T) both, 0 where masked.

    Arguments and errors as for `gae` and `whiten`: `total` sums over processes, where the batch is spread.
    """
    advantages, returns = gae(rewards, values, mask, gamma=gamma, lam=lam)
    return whiten(advantages, mask, total), returns
