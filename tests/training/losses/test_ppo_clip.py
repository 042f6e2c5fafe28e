"""The clipped policy loss and its aggregations."""

import json
import math
from pathlib import Path

import pytest
import torch
from torch import tensor

from rewardkit.training.losses import aggregate, kl_penalty, ppo_clip, token_losses

GOLDEN = json.loads((Path(__file__).parents[2] / "normalizers" / "golden.json").read_text())


def case(name):
    inputs = GOLDEN[name]["inputs"]
    new, old, adv, mask = (tensor(inputs[key]) for key in ("new_logp", "old_logp", "adv_seq", "mask"))
    return (new, old, adv, mask), {"clip_low": inputs["eps"], "clip_high": inputs["eps"]}, GOLDEN[name]


def close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=actual.dtype), rtol=0, atol=1e-4)


def test_ppo_clip():
    args, clip, golden = case("ppo_clip")
    losses, ratio = token_losses(*args, **clip)
    close(losses, golden["per_token_loss"])
    close(ratio, golden["ratio"])
    loss, metrics = ppo_clip(*args, **clip)
    close(loss, golden["token_mean"])
    close(metrics["clip_fraction"], golden["clipfrac"])
    close(metrics["approx_kl"], golden["approx_kl_k1"])
    close(metrics["ratio"], sum(map(sum, golden["ratio"])) / 9)
    close(metrics["dual_clip_fraction"], 0.0)


def test_dual_clip():
    args, clip, golden = case("ppo_dual_clip")
    c = golden["inputs"]["c"]
    close(token_losses(*args, **clip, dual_clip=c)[0], golden["per_token_loss"])
    loss, metrics = ppo_clip(*args, **clip, dual_clip=c)
    close(loss, golden["token_mean"])
    close(metrics["dual_clip_fraction"], 1 / 9)


def test_aggregation():
    args, clip, golden = case("loss_aggregation")
    length = golden["inputs"]["max_len"]
    close(ppo_clip(*args, **clip, aggregation="token_mean")[0], golden["token-mean"])
    close(ppo_clip(*args, **clip, aggregation="sequence_mean")[0], golden["seq-mean-token-mean"])
    constant = ppo_clip(*args, **clip, aggregation="constant_length", max_length=length)[0]
    close(constant, golden["dr_grpo_trl"])
    close(constant, golden["seq-mean-token-sum-norm_new_verl_Aug2026"])
    close(constant * 3, golden["seq-mean-token-sum-norm_old_verl_Jan2026"])
    close(constant * length, golden["seq-mean-token-sum"])


def test_clip_higher():
    """A ratio of 1.25 is cut by 0.2 and not by 0.28; the lower side stays."""
    new, old = tensor([[1.25, 0.75]]).log(), torch.zeros(1, 2)
    for clip_high, expected in ((0.2, 1.2), (0.28, 1.25)):
        losses, _ = token_losses(new, old, tensor([1.0]), torch.ones(1, 2), clip_high=clip_high)
        close(losses, [[-expected, -0.75]])
    losses, _ = token_losses(new, old, tensor([-1.0]), torch.ones(1, 2), clip_high=0.28)
    close(losses, [[1.25, 0.8]])


def test_gradient_is_the_policy_gradient_inside_the_clip_and_none_outside():
    old = torch.zeros(1, 3)
    new = tensor([[0.0, 0.5, -0.5]], requires_grad=True)
    loss, _ = ppo_clip(new, old, tensor([[2.0, 2.0, 2.0]]), torch.ones(1, 3))
    (gradient,) = torch.autograd.grad(loss, new)
    # -A r / 3 tokens; a ratio that already rose beyond the clip is pushed no further
    close(gradient, [[-2 / 3, 0.0, -2 * math.exp(-0.5) / 3]])


def test_dual_clip_stops_the_gradient_of_a_runaway_ratio():
    new = tensor([[2.0]], requires_grad=True)
    args = torch.zeros(1, 1), tensor([-1.0]), torch.ones(1, 1)
    for dual_clip, expected in ((None, math.exp(2)), (3.0, 0.0)):
        (gradient,) = torch.autograd.grad(ppo_clip(new, *args, dual_clip=dual_clip)[0], new)
        close(gradient, [[expected]])


def test_gradients_flow_through_the_new_policy_only():
    new, old, ref = (torch.randn(2, 3, requires_grad=True) for _ in range(3))
    adv = torch.randn(2, requires_grad=True)
    loss, metrics = ppo_clip(new, old, adv, torch.ones(2, 3))
    (loss + kl_penalty(new, ref, torch.ones(2, 3)).sum()).backward()
    assert new.grad is not None and new.grad.any()
    assert old.grad is None and ref.grad is None and adv.grad is None
    assert not any(value.requires_grad for value in metrics.values())


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant_length"])
def test_padding_is_never_read(aggregation):
    args, _, _ = case("ppo_clip")
    new, old, adv, mask = args
    clean = new.clone().requires_grad_()
    dirty = torch.where(mask != 0, new, -math.inf).requires_grad_()
    old_dirty = torch.where(mask != 0, old, -math.inf)
    adv_dirty = torch.where(mask != 0, adv[:, None], math.nan)
    results = []
    for n, o, a in ((clean, old, adv), (dirty, old_dirty, adv_dirty)):
        loss, metrics = ppo_clip(n, o, a, mask, aggregation=aggregation, max_length=4, dual_clip=3.0)
        loss = loss + aggregate(kl_penalty(n, o, mask), mask, aggregation, 4)
        results.append((loss, *torch.autograd.grad(loss, n), *metrics.values()))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant_length"])
def test_no_token_at_all_is_a_loss_of_nothing(aggregation):
    new = torch.zeros(2, 3, requires_grad=True)
    loss, metrics = ppo_clip(
        new, torch.ones(2, 3), torch.ones(2), torch.zeros(2, 3), aggregation=aggregation, max_length=3
    )
    loss.backward()
    assert loss.item() == 0 and not new.grad.any()
    assert all(value.item() == 0 for value in metrics.values())


def test_a_completion_without_tokens_is_left_out_of_the_sequence_mean():
    values, mask = tensor([[1.0, 3.0], [7.0, 7.0]]), tensor([[True, True], [False, False]])
    close(aggregate(values, mask, "sequence_mean"), 2.0)
    close(aggregate(values, mask, "constant_length", 4), 0.5)


def test_a_hopeless_ratio_does_not_overflow():
    new = tensor([[0.0, -1.0]], requires_grad=True)
    loss, metrics = ppo_clip(new, tensor([[-500.0, -1.0]]), tensor([-1.0]), torch.ones(1, 2))
    loss.backward()
    close(metrics["ratio"] / ((math.exp(20) + 1) / 2), 1.0)
    assert torch.isfinite(loss) and torch.isfinite(new.grad).all()
    assert torch.isfinite(kl_penalty(new - 500, new, torch.ones(1, 2))).all()


def test_what_does_not_fit_is_said():
    x, mask, adv = torch.zeros(2, 3), torch.ones(2, 3), torch.zeros(2)
    with pytest.raises(ValueError, match=r"must share one shape \(B, T\), not \(2, 3\), \(2, 2\), \(2, 3\)"):
        ppo_clip(x, x[:, :2], adv, mask)
    with pytest.raises(ValueError, match=r"advantages must have shape \(2,\) or \(2, 3\), not \(3,\)"):
        ppo_clip(x, x, torch.zeros(3), mask)
    with pytest.raises(ValueError, match="constant_length needs max_length"):
        ppo_clip(x, x, adv, mask, aggregation="constant_length")
    with pytest.raises(ValueError, match="aggregation must be"):
        ppo_clip(x, x, adv, mask, aggregation="mean")
    with pytest.raises(ValueError, match="clip_low must be in"):
        ppo_clip(x, x, adv, mask, clip_low=1.5)
    with pytest.raises(ValueError, match=r"dual_clip must be above 1, not 0\.5"):
        ppo_clip(x, x, adv, mask, dual_clip=0.5)
