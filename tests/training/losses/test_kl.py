"""The KL, and the gradients of its estimators."""

import math

import pytest
import torch
from torch import tensor

from rewardkit.training.losses import adaptive_kl, kl_in_reward, kl_penalty, sampled_kl

F64 = torch.float64


def close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=actual.dtype), rtol=0, atol=1e-4)


def test_kl_estimators():
    logp, ref, mask = tensor([[-1.0, -2.0, -3.0]]), tensor([[-1.5, -1.0, 0.0]]), tensor([[1, 1, 0]])
    close(kl_penalty(logp, ref, mask, "k1"), [[0.5, -1.0, 0.0]])
    close(kl_penalty(logp, ref, mask, "k2"), [[0.125, 0.5, 0.0]])
    close(kl_penalty(logp, ref, mask, "k3"), [[math.exp(-0.5) - 0.5, math.e - 2, 0.0]])


def test_k1_and_k3_are_unbiased():
    """Weighed by the policy's own probabilities, both are the exact KL."""
    p, q = tensor([0.5, 0.3, 0.2]), tensor([0.2, 0.2, 0.6])
    exact = (p * (p / q).log()).sum()
    for kind in "k1", "k3":
        estimate = kl_penalty(p.log()[None], q.log()[None], torch.ones(1, 3), kind)[0]
        close((p * estimate).sum(), exact)


def test_gradients_of_the_estimators():
    """In expectation over the policy: of k2 the KL's, of k1 0, of k3 that of KL(reference || policy)."""
    logits = tensor([0.3, -1.0, 0.7, 0.1], dtype=F64, requires_grad=True)
    ref = tensor([0.0, 0.5, -0.5, 1.0], dtype=F64).log_softmax(0)

    def gradient(loss):
        return torch.autograd.grad(loss, logits)[0]

    logp = logits.log_softmax(0)
    p = logp.exp().detach()
    estimates = {
        kind: gradient(
            (p * kl_penalty(logits.log_softmax(0)[None], ref[None], torch.ones(1, 4), kind)[0]).sum()
        )
        for kind in ("k1", "k2", "k3")
    }
    own = logits.log_softmax(0)
    torch.testing.assert_close(estimates["k2"], gradient((own.exp() * (own - ref)).sum()))
    torch.testing.assert_close(estimates["k1"], torch.zeros(4, dtype=F64), atol=1e-12, rtol=0)
    own = logits.log_softmax(0)
    torch.testing.assert_close(estimates["k3"], gradient((ref.exp() * (ref - own)).sum()))


def test_kl_in_the_reward_is_a_sum_per_completion():
    logp, ref = tensor([[-1.0, -2.0, -3.0], [-1.0, 0.0, 0.0]], requires_grad=True), torch.full((2, 3), -1.5)
    mask = tensor([[1, 1, 0], [0, 0, 0]])
    assert kl_in_reward(logp, ref, mask).tolist() == [0.0, 0.0]
    assert kl_in_reward(logp, ref, mask, "k2").tolist() == [0.25, 0.0]
    assert not kl_in_reward(logp, ref, mask, "k3").requires_grad


def test_the_kl_of_the_sampling_policy():
    new, old, mask = tensor([[-1.0, -2.0, 7.0]]), tensor([[-0.5, -1.0, 0.0]]), tensor([[1, 1, 0]])
    assert sampled_kl(new, old, mask) == 0.75


def test_adaptive_kl():
    def move(kl):
        return adaptive_kl(0.1, kl, target=6.0, horizon=10_000, samples=1000)

    assert move(6.0) == 0.1
    assert move(6.6) == pytest.approx(0.1 * 1.01)
    assert move(600.0) == pytest.approx(0.1 * 1.02)
    assert move(0.0) == pytest.approx(0.1 * 0.98)
    assert math.isfinite(move(1e300))
    with pytest.raises(ValueError, match="target and horizon must be above 0"):
        adaptive_kl(0.1, 1.0, target=0.0, horizon=1.0, samples=1.0)


def test_an_unknown_estimator_is_said():
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="kind must be k1, k2 or k3"):
        kl_penalty(x, x, torch.ones(2, 3), "k4")
