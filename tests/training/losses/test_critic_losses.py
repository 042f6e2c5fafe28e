"""Advantages from values, whitening, and the loss of the values."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import tensor

from rewardkit.training.losses import count, gae, value_loss, whiten

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())["gae"]
F64 = torch.float64


def draw(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def test_gae():
    inputs = GOLDEN["inputs"]
    rewards, values = tensor([inputs["rewards"]]), tensor([inputs["values"]])
    mask = torch.ones(1, 4)
    advantages, returns = gae(rewards, values, mask, gamma=inputs["gamma"], lam=inputs["lam"])
    torch.testing.assert_close(advantages, tensor([GOLDEN["adv_raw"]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(returns, tensor([GOLDEN["returns"]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(whiten(advantages, mask), tensor([GOLDEN["adv_whitened"]]), atol=1e-5, rtol=0)


@settings(deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.booleans(), min_size=1, max_size=8),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([0.0, 0.9, 1.0]),
)
def test_what_is_masked_is_not_there(seed, kept, gamma, lam):
    """As if the other tokens had never been, and by the sum that defines the estimate."""
    on = tensor(kept)
    rewards, values = draw(seed, 2, 1, len(kept))
    dirty = [torch.where(on, given, torch.nan) for given in (rewards, values)]
    advantages, returns = gae(*dirty, on[None], gamma=gamma, lam=lam)
    r, v = rewards[:, on], values[:, on]
    deltas = r + gamma * torch.cat([v[:, 1:], torch.zeros(1, 1, dtype=F64)], dim=1)[:, : r.shape[1]] - v
    steps = torch.arange(r.shape[1], dtype=F64)
    decay = torch.where(steps >= steps[:, None], (gamma * lam) ** (steps - steps[:, None]).clamp(min=0), 0.0)
    torch.testing.assert_close(advantages[:, on], deltas @ decay.T)
    torch.testing.assert_close(returns[:, on], advantages[:, on] + v)
    assert not advantages[:, ~on].any() and not returns[:, ~on].any()


def test_without_discount_a_return_is_what_is_still_to_come():
    rewards, values = draw(0, 3, 5), draw(1, 3, 5)
    _, returns = gae(rewards, values, torch.ones(3, 5))
    torch.testing.assert_close(returns, rewards.flip(1).cumsum(dim=1).flip(1))
    assert not gae(rewards.requires_grad_(), values.requires_grad_(), torch.ones(3, 5))[0].requires_grad
    with pytest.raises(ValueError, match="gamma and lam must be in"):
        gae(rewards, values, torch.ones(3, 5), gamma=1.1)


def test_whitened():
    values, mask = 3 + 5 * draw(0, 6, 7), draw(1, 6, 7) > 0
    white = whiten(torch.where(mask, values, torch.inf), mask)
    assert not white[~mask].any()
    assert white[mask].mean().item() == pytest.approx(0, abs=1e-12)
    assert white[mask].var().item() == pytest.approx(1)


def test_whitened_over_processes():
    """Two threads that add up their sums get what one gets of all."""
    values, mask = draw(0, 6, 7), draw(1, 6, 7) > 0
    white, halves = whiten(values, mask), (slice(0, 2), slice(2, 6))
    slots, met = [torch.zeros(()), torch.zeros(())], Barrier(2, timeout=60)

    def work(k):
        def total(own):
            slots[k] = own
            met.wait()
            both = slots[0] + slots[1]
            met.wait()  # nobody writes the next before all have read this
            return both

        return whiten(values[halves[k]], mask[halves[k]], total)

    with ThreadPoolExecutor(2) as pool:
        torch.testing.assert_close(torch.cat(list(pool.map(work, range(2)))), white)


@pytest.mark.parametrize("tokens", [0, 1])
def test_too_few_to_whiten(tokens):
    mask = torch.arange(3)[None] < tokens
    assert not whiten(tensor([[5.0, torch.nan, torch.nan]]), mask).any()
    assert whiten(torch.zeros(2, 0), torch.zeros(2, 0)).shape == (2, 0)


def test_value_loss():
    """V moved from 0 to 2 where 1 was right: clipped at 0.5 it is still half an error away, unclipped a whole
    one, and the larger counts. Where it moved away from the clipped value's error, the clip holds it."""
    old, mask = torch.zeros(1, 2), torch.ones(1, 2)
    new = tensor([[2.0, 0.9]], requires_grad=True)
    loss, metrics = value_loss(new, old, torch.ones(1, 2), mask)
    assert loss.item() == pytest.approx((1.0 + 0.25) / 2 / 2)
    assert metrics["value_clip_fraction"] == 0.5
    assert metrics["value"] == pytest.approx(1.45) and metrics["value_error"] == pytest.approx(1.01 / 2)
    (gradient,) = torch.autograd.grad(loss, new)
    assert gradient.tolist() == [[0.5, 0.0]]
    assert value_loss(new, old, torch.ones(1, 2), mask, clip=None)[0].item() == pytest.approx(1.01 / 4)
    with pytest.raises(ValueError, match="clip must be above 0"):
        value_loss(new, old, old, mask, clip=0.0)


def test_a_value_within_the_clip_is_not_clipped():
    """Not even in the last bit, where old + (new - old) would differ from new."""
    new, old = (draw(seed, 50, 20).float() for seed in (0, 1))
    _, metrics = value_loss(new, old, draw(2, 50, 20).float(), torch.ones(50, 20), clip=100.0)
    assert metrics["value_clip_fraction"] == 0


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant_length", "global_tokens"])
def test_parts_of_the_value_loss_add_up_and_padding_is_not_read(aggregation):
    given, mask = draw(0, 3, 6, 4), draw(1, 6, 4) > 0
    options = {"aggregation": aggregation, "max_length": 7}

    def grad(given, mask, counts=None):
        new = given[0].clone().requires_grad_()
        loss, _ = value_loss(new, *given[1:], mask, counts=counts, **options)
        return loss.detach(), torch.autograd.grad(loss, new)[0]

    loss, gradient = grad(given, mask)
    dirty = grad(torch.where(mask, given, torch.nan), mask)
    assert torch.equal(dirty[0], loss) and torch.equal(dirty[1], gradient)
    parts = [grad(given[:, half], mask[half], count(mask)) for half in (slice(0, 1), slice(1, 6))]
    torch.testing.assert_close(sum(part[0] for part in parts), loss)
    torch.testing.assert_close(torch.cat([part[1] for part in parts]), gradient)
    empty = grad(given, torch.zeros(6, 4))
    assert empty[0] == 0 and not empty[1].any()
