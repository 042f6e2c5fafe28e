"""The value head beside a policy."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import tensor

from rewardkit.training.critic import (
    ValueHead,
    critic_advantages,
    state_values,
    token_logps_and_values,
    token_rewards,
    value_head,
)
from rewardkit.training.losses import gae, value_loss, whiten
from rewardkit.training.policy import Policy, encode_prompt, open_policy, save_policy
from rewardkit.training.rollout import Rollout, Sampling, generate, token_logps


def roll(policy: Policy) -> Rollout:
    prompts = [encode_prompt(policy, text) for text in ("1=", "2=xy", "3", "x=")]
    return generate(policy, prompts, Sampling(2, 8), torch.Generator().manual_seed(0))


def any_head(policy: Policy) -> ValueHead:
    head = value_head(policy)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        head.linear.weight.normal_(generator=generator)
        head.linear.bias.fill_(0.5)
    return head


def read(
    policy: Policy, head: ValueHead, rollout: Rollout, **options: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    given = rollout.prompt_ids, rollout.prompt_mask, rollout.completion_ids
    return token_logps_and_values(policy, head, *given, 0.7, **options)


def test_one_pass_gives_both(policy: Policy) -> None:
    rollout = roll(policy)
    logp, values = read(policy, value_head(policy), rollout)
    given = rollout.prompt_ids, rollout.prompt_mask, rollout.completion_ids
    assert torch.equal(logp, token_logps(policy, *given, 0.7))
    assert values.shape == logp.shape and values.dtype == torch.float32
    assert not values.any()  # a new head knows nothing
    head = any_head(policy)
    _, values = read(policy, head, rollout)
    assert values.std() > 0.1
    alone = state_values(policy, head, *given)
    torch.testing.assert_close(alone, values.detach())
    assert not alone.requires_grad


def test_a_value_is_of_the_state_before_the_token(policy: Policy) -> None:
    rollout, head = roll(policy), any_head(policy)
    _, before = read(policy, head, rollout)
    t = 2
    rollout.completion_ids[:, t] = policy.end_ids[0]
    _, after = read(policy, head, rollout)
    torch.testing.assert_close(before[:, : t + 1], after[:, : t + 1])
    assert ((before[:, t + 1] - after[:, t + 1]).abs() > 1e-4).any()


def test_padding_on_the_left_changes_no_value(policy: Policy) -> None:
    rollout, head = roll(policy), any_head(policy)
    rows = slice(4, 6)  # of the shortest prompt
    own = rollout.prompt_mask[4]
    alone = rollout.prompt_ids[rows, own], rollout.prompt_mask[rows, own], rollout.completion_ids[rows]
    _, values = token_logps_and_values(policy, head, *alone)
    _, padded = read(policy, head, rollout)
    torch.testing.assert_close(values, padded[rows], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("trunk", [True, False])
def test_how_far_the_gradient_of_the_values_goes(policy: Policy, trunk: bool) -> None:
    head = any_head(policy)
    _, values = read(policy, head, roll(policy), trunk=trunk)
    values.sum().backward()
    assert head.linear.weight.grad is not None and head.linear.weight.grad.any()
    assert any(p.grad is not None and bool(p.grad.any()) for p in policy.model.parameters()) == trunk


def test_the_policy_is_saved_without_it(policy: Policy, tmp_path: Path) -> None:
    read(policy, any_head(policy), roll(policy))
    save_policy(policy, tmp_path)
    again = open_policy(tmp_path, whole=True)
    assert again.model.state_dict().keys() == policy.model.state_dict().keys()


def test_it_learns_what_states_are_worth(policy: Policy) -> None:
    """A head on a policy that stands still: its error falls by most of what a constant leaves."""
    rollout, head = roll(policy), value_head(policy)
    returns = (rollout.completion_ids == rollout.completion_ids[0, 0]).float()
    returns = returns.flip(1).cumsum(dim=1).flip(1)  # how often a token is still to come
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    errors = []
    for _ in range(200):
        _, values = read(policy, head, rollout, trunk=False)
        loss, metrics = value_loss(values, values.detach(), returns, rollout.mask, clip=None)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(float(metrics["value_error"]))
    assert errors[-1] < 0.7 * float(returns[rollout.mask].var())
    assert errors[-1] < 0.5 * errors[0]


def test_rewards_of_tokens() -> None:
    mask = tensor([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
    scores = tensor([2.0, torch.nan, -1.0])
    kl = torch.where(mask != 0, tensor([0.5]), torch.nan)
    assert token_rewards(scores, mask).tolist() == [[0, 0, 0, 2, 0], [0] * 5, [-1, 0, 0, 0, 0]]
    shaped = token_rewards(scores, mask, kl, 0.2)
    torch.testing.assert_close(shaped, tensor([[-0.1, -0.1, 0, 1.9, 0], [0.0] * 5, [-1.1, 0, 0, 0, 0]]))
    assert token_rewards(tensor([]), torch.zeros(0, 3)).shape == (0, 3)
    with pytest.raises(
        ValueError, match=r"scores must have shape \(3,\) and kl \(3, 5\), not \(2,\) and None"
    ):
        token_rewards(scores[:2], mask)


def test_advantages_of_a_batch() -> None:
    generator = torch.Generator().manual_seed(0)
    rewards, values = torch.randn(2, 4, 6, generator=generator)
    mask = torch.rand(4, 6, generator=generator) < 0.7
    advantages, returns = critic_advantages(rewards, values, mask, gamma=0.9, lam=0.8)
    raw, expected = gae(rewards, values, mask, gamma=0.9, lam=0.8)
    assert torch.equal(advantages, whiten(raw, mask)) and torch.equal(returns, expected)
