"""The ratio of two policies: GSPO's, and what it is for."""

import math

import pytest
import torch
from losses_toy import make
from torch import tensor

from rewardkit.training.losses import log_ratio, ppo_clip

F64 = torch.float64


def test_levels():
    new, old = tensor([[0.3, 0.1, -0.4], [1.0, 9.0, 9.0]]), torch.zeros(2, 3)
    mask = tensor([[1, 1, 1], [1, 0, 0]])
    assert torch.equal(log_ratio(new, old, mask), tensor([[0.3, 0.1, -0.4], [1.0, 0.0, 0.0]]))
    for ratio in "sequence", "sequence_token":
        torch.testing.assert_close(log_ratio(new, old, mask, ratio), tensor([[0.0] * 3, [1.0, 0.0, 0.0]]))
    with pytest.raises(ValueError, match="ratio must be token, sequence or sequence_token, not 'row'"):
        log_ratio(new, old, mask, "row")


@pytest.mark.parametrize("ratio", ["sequence", "sequence_token"])
def test_the_gradient_of_gspo(ratio):
    """-s A / (B |y|) at every token of a completion that is not clipped, 0 in one that is."""
    lengths = tensor([2.0, 4.0, 3.0, 1.0])
    mask = torch.arange(4) < lengths[:, None]
    shift = tensor([0.1, -0.1, 0.5, -0.6], dtype=F64)
    advantages = tensor([1.0, -2.0, 1.5, -0.5], dtype=F64)  # the last two have moved as they should, too far
    new = shift[:, None].expand(4, 4).clone().requires_grad_()
    loss, metrics = ppo_clip(
        new, torch.zeros(4, 4, dtype=F64), advantages, mask, ratio=ratio, aggregation="sequence_mean"
    )
    (gradient,) = torch.autograd.grad(loss, new)
    inside = tensor([1.0, 1.0, 0.0, 0.0])
    expected = (-shift.exp() * advantages * inside / (4 * lengths))[:, None] * mask
    torch.testing.assert_close(gradient, expected)
    s = tensor([math.exp(0.1), math.exp(-0.1), 1.2, 0.8])
    torch.testing.assert_close(loss, -(s * advantages).mean())
    assert metrics["clip_fraction"] == pytest.approx(4 / 10)


def test_gspo_token_gives_each_token_its_own_advantage():
    """Its value is the sequence's, its gradient -s A_t / (B |y|)."""
    new = tensor([[0.2, -0.1]], dtype=F64, requires_grad=True)
    advantages = tensor([[1.0, -3.0]], dtype=F64)
    args = torch.zeros(1, 2, dtype=F64), advantages, torch.ones(1, 2)
    one, two = (
        ppo_clip(new, *args, ratio=ratio, aggregation="sequence_mean")[0]
        for ratio in ("sequence", "sequence_token")
    )
    torch.testing.assert_close(one, two)
    (gradient,) = torch.autograd.grad(two, new)
    torch.testing.assert_close(gradient, -math.exp(0.05) * advantages / 2)
    (spread,) = torch.autograd.grad(one, new)
    torch.testing.assert_close(spread, torch.full_like(new, math.exp(0.05) / 2))


@pytest.mark.parametrize("seed", range(20))
def test_both_sequence_ratios_are_one_loss_where_the_advantage_is_constant(seed):
    mini = make(seed, 8, 5, 3)
    options = {"aggregation": "sequence_mean", "dual_clip": 3.0}
    sequence = mini.call("ppo_clip", {"ratio": "sequence", **options})
    token = mini.call("ppo_clip", {"ratio": "sequence_token", **options})
    for one, other in zip(sequence[:2], token[:2], strict=True):
        torch.testing.assert_close(one, other)


def variances(tokens, sigma=0.1):
    """In theory: of token ratios, their product and GSPO's, with log-ratios N(-sigma^2 / 2, sigma^2)."""
    var = sigma**2

    def lognormal(mean, var):
        return math.exp(2 * mean + var) * math.expm1(var)

    return lognormal(-var / 2, var), math.expm1(tokens * var), lognormal(-var / 2, var / tokens)


def test_the_variance_law_of_gspo():
    """The product of ratios has a variance that explodes with length, GSPO's falls as sigma^2 / T."""
    lengths = (8, 32, 128, 512)
    token, product, sequence = zip(*map(variances, lengths), strict=True)
    assert token == pytest.approx([0.0101] * 4, abs=1e-4)
    assert product == pytest.approx([0.08, 0.38, 2.6, 166], rel=0.05)
    assert sequence == pytest.approx([1.2e-3, 3.1e-4, 7.6e-5, 1.9e-5], rel=0.05)
    assert sequence == pytest.approx([0.01 / t for t in lengths], rel=0.02)


@pytest.mark.parametrize("tokens", [8, 32])  # the product's tails are too heavy to sample beyond
def test_the_variance_law_holds_for_these_functions(tokens):
    rng = torch.Generator().manual_seed(tokens)
    new = -0.005 + 0.1 * torch.randn(100_000, tokens, generator=rng)
    old, mask = torch.zeros_like(new), torch.ones_like(new)
    own, whole = log_ratio(new, old, mask), log_ratio(new, old, mask, "sequence")[:, 0]
    measured = own.exp().var(), own.sum(dim=1).exp().var(), whole.exp().var()
    assert [float(v) for v in measured] == pytest.approx(variances(tokens), rel=0.06)
