"""GVPO: its identities, and the one optimum it has."""

import pytest
import torch
from losses_toy import make
from torch import tensor

from rewardkit.training.losses import gvpo

F64 = torch.float64


def rewards_of(mini, beta):
    """Implicit rewards (B,) and which completions are in the loss."""
    on = mini.mask != 0
    implicit = beta * torch.where(on, mini.new - mini.old, 0.0).sum(dim=1)
    return implicit, on.any(dim=1)


@pytest.mark.parametrize("seed", range(20))
def test_weights_sum_to_zero_and_are_the_gradient(seed):
    """At each token of completion i the gradient is -beta w_i / (n - 1) / groups, and the w_i of a group
    sum to 0, which cancels the partition function."""
    mini, beta = make(seed, 10, 4, 3), 0.3
    _, gradient, _ = mini.call("gvpo", {"beta": beta})
    implicit, heard = rewards_of(mini, beta)
    ids = mini.groups.unique()
    for one in ids:
        rows = (mini.groups == one) & heard
        if rows.sum() < 2:
            assert not gradient[rows].any()
            continue
        w = mini.advantages[rows] - mini.advantages[rows].mean() - (implicit[rows] - implicit[rows].mean())
        expected = -beta * w / (len(w) - 1) / len(ids)
        torch.testing.assert_close(gradient[rows], expected[:, None] * mini.mask[rows])
        own = gradient[rows].sum(dim=1) / mini.mask[rows].sum(dim=1)
        assert own.sum().item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_loss_is_variance_less_covariance(seed):
    """Var(h) / 2 - Cov(h, R) + Var(R) / 2 per group."""
    mini, beta = make(seed, 10, 4, 3), 0.3
    loss, _, _ = mini.call("gvpo", {"beta": beta})
    implicit, heard = rewards_of(mini, beta)
    total = 0.0
    for one in mini.groups.unique():
        rows = (mini.groups == one) & heard
        if rows.sum() >= 2:
            both = torch.cov(torch.stack([implicit[rows], mini.advantages[rows]]))
            total += both[0, 0] / 2 - both[0, 1] + both[1, 1] / 2
    torch.testing.assert_close(loss, torch.as_tensor(total / len(mini.groups.unique()), dtype=F64))


@pytest.mark.parametrize("sampling", [[0.2] * 5, [0.6, 0.1, 0.1, 0.1, 0.1], [0.02, 0.18, 0.2, 0.3, 0.3]])
def test_one_optimum_whatever_sampled(sampling):
    """A bandit of 5 arms, groups of 8 drawn off-policy: the policy becomes pi_old exp(R / beta) / Z."""
    rewards, beta = tensor([1.0, 0.2, 0.5, 0.0, 0.9], dtype=F64), 0.4
    reference = tensor([0.1, 0.3, 0.2, 0.25, 0.15], dtype=F64)
    closed = (reference.log() + rewards / beta).softmax(0)
    logits = torch.zeros(5, dtype=F64, requires_grad=True)
    rng, groups = torch.Generator().manual_seed(0), torch.arange(16).repeat_interleave(8)
    for _ in range(600):
        arms = torch.multinomial(tensor(sampling), 128, replacement=True, generator=rng)
        loss, _ = gvpo(
            logits.log_softmax(0)[arms][:, None],
            reference.log()[arms][:, None],
            rewards[arms],
            torch.ones(128, 1),
            groups,
            beta=beta,
        )
        (gradient,) = torch.autograd.grad(loss, logits)
        with torch.no_grad():
            logits -= 2 / beta**2 * gradient
    assert (logits.softmax(0) - closed).abs().sum() < 1e-6


def test_a_constant_of_the_group_changes_nothing():
    mini = make(3, 8, 4, 2)
    rows = torch.unique(mini.groups, return_inverse=True)[1]
    loss, gradient, _ = mini.call("gvpo", {})
    moved = type(mini)(mini.new, mini.old, mini.advantages + 7.0 * rows, mini.mask, mini.groups)
    other, shifted, _ = moved.call("gvpo", {})
    torch.testing.assert_close(other, loss)
    torch.testing.assert_close(shifted, gradient)


def test_a_lonely_completion_counts_as_a_group():
    new = tensor([[0.5], [0.0], [0.0]])
    loss, _ = gvpo(new, torch.zeros(3, 1), torch.zeros(3), torch.ones(3, 1), tensor([0, 0, 1]), beta=1.0)
    assert loss.item() == pytest.approx(0.125 / 2 / 2)
    with pytest.raises(ValueError, match="beta must be above 0, not 0"):
        gvpo(new, new, torch.zeros(3), new, torch.zeros(3), beta=0)
