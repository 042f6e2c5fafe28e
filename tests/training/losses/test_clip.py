"""Clips and aggregations: the claims of their papers."""

import math

import pytest
import torch
from losses_toy import make
from torch import tensor

from rewardkit.training.losses import Counts, aggregate, cispo, ppo_clip

F64 = torch.float64


def pull(probability, before, **clip):
    """The gradient at a token with A = 1 that had one probability and has another now."""
    new = tensor([[probability]], dtype=F64).log().requires_grad_()
    loss, _ = ppo_clip(new, tensor([[before]], dtype=F64).log(), tensor([1.0]), torch.ones(1, 1), **clip)
    return torch.autograd.grad(loss, new)[0].item()


@pytest.mark.parametrize(
    ("before", "clip_high", "cap"),
    [(0.01, 0.2, 0.012), (0.01, 0.28, 0.0128), (0.9, 0.2, 1.08), (0.9, 0.28, 1.152)],
)
def test_clip_caps(before, clip_high, cap):
    """How likely a token may become in one step: a rare one hardly more, which is why DAPO clips higher."""
    assert pull(cap * (1 - 1e-9), before, clip_high=clip_high) < 0
    assert pull(cap * (1 + 1e-9), before, clip_high=clip_high) == 0


def test_a_likely_token_is_never_clipped():
    assert pull(1.0, 0.9) < 0


def test_length_bias():
    """Of two wrong answers the long one is blamed less per token by sequence_mean, and not by Dr. GRPO's
    constant; the token mean depends on who else is in the batch."""
    mask = torch.arange(8) < tensor([2, 8])[:, None]

    def per_token(rows, **options):
        new = torch.zeros(len(rows), 8, dtype=F64, requires_grad=True)
        args = torch.zeros(len(rows), 8, dtype=F64), -torch.ones(len(rows)), mask[rows]
        return torch.autograd.grad(ppo_clip(new, *args, **options)[0], new)[0][:, 0].tolist()

    assert per_token([0, 1], aggregation="sequence_mean") == pytest.approx([1 / 4, 1 / 16])
    constant = {"aggregation": "constant_length", "max_length": 8}
    assert per_token([0, 1], **constant) == pytest.approx([1 / 16, 1 / 16])
    assert per_token([0, 0], **constant) == pytest.approx([1 / 16, 1 / 16])
    assert per_token([0, 1]) == pytest.approx([1 / 10, 1 / 10])
    assert per_token([0, 0]) == pytest.approx([1 / 4, 1 / 4])


def test_counts_are_the_denominators():
    values, mask = tensor([[1.0, 2.0], [4.0, 9.0]]), tensor([[1, 1], [1, 0]])
    counts = Counts(tokens=14.0, sequences=5.0, rows=7.0, groups=3.0)
    assert aggregate(values, mask, "token_mean", counts=counts) == 7 / 14
    assert aggregate(values, mask, "global_tokens", counts=counts) == 7 / 14
    assert aggregate(values, mask, "sequence_mean", counts=counts) == pytest.approx(5.5 / 5)
    assert aggregate(values, mask, "constant_length", 2, counts) == 7 / 14


@pytest.mark.parametrize("seed", range(10))
def test_global_tokens_weigh_the_tokens_of_all_minibatches_the_same(seed):
    """The mean of the minibatches' losses is the token mean of the step."""
    mini = make(seed, 9, 5, 3)
    parts = [mini.rows(torch.arange(9)[rows]) for rows in (slice(0, 2), slice(2, 9))]
    counts = Counts(float(mini.mask.sum()) / len(parts), 0.0, 0.0, 0.0)
    losses = [part.call("ppo_clip", {"aggregation": "global_tokens"}, counts)[0] for part in parts]
    torch.testing.assert_close(sum(losses) / len(parts), mini.call("ppo_clip", {})[0])


def weigh(ratio, **options):
    """CISPO's weight of a token, by its gradient with A = -1 and log-probability -2."""
    new = tensor([[-2.0]], dtype=F64, requires_grad=True)
    loss, metrics = cispo(new, new.detach() - math.log(ratio), tensor([-1.0]), torch.ones(1, 1), **options)
    weight = torch.autograd.grad(loss, new)[0].item()
    assert loss.item() == pytest.approx(-2 * weight)
    assert metrics["clip_fraction"] == (abs(weight - ratio) > 1e-9)
    return weight


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.1, 1.0, 1.9, 5.0]),  # the paper's: bounded above only
        ({"clip_low": 1.0, "clip_high": 0.5}, [0.1, 1.0, 1.5, 1.5]),  # TRL with epsilon_high = 1.5
        ({"clip_low": 0.2, "clip_high": 0.3}, [0.8, 1.0, 1.3, 1.3]),  # verl with the same
    ],
)
def test_cispo_clips_the_weight_and_keeps_the_gradient(options, expected):
    assert [weigh(ratio, **options) for ratio in (0.1, 1.0, 1.9, 8.0)] == pytest.approx(expected)


def test_what_cispo_cannot_take():
    x = torch.zeros(1, 1)
    with pytest.raises(ValueError, match=r"clip_low must be in \[0, 1\]"):
        cispo(x, x, tensor([1.0]), x, clip_low=1.5)
    with pytest.raises(ValueError, match="clip_high >= 0"):
        cispo(x, x, tensor([1.0]), x, clip_high=-1.0)
