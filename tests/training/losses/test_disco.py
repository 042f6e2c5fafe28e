"""DisCO: difficulty, contrast and constraint."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from losses_toy import make
from torch import tensor

from rewardkit.normalizers import dr_grpo, grpo
from rewardkit.training.losses import disco, ppo_clip, sampled_kl

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
F64 = torch.float64
FREE = {"penalty": 0.0}


@pytest.mark.parametrize("good", [1, 2, 4, 6, 7])
def test_what_a_group_weighs_in_grpo_and_its_kin(good):
    """In a group of 8 of which a share p is right, GRPO's loss is DisCO-b's times sqrt(p (1 - p)), Dr. GRPO's
    times p (1 - p): that is their difficulty bias, and DisCO-b's own weight is 1."""
    p, g = good / 8, 8
    rng = torch.Generator().manual_seed(good)
    old = torch.zeros(g, 5, dtype=F64)
    new = 0.3 * torch.randn(g, 5, generator=rng, dtype=F64)
    mask = torch.arange(5) < torch.randint(1, 6, (g, 1), generator=rng)
    groups = torch.zeros(g, dtype=torch.int64)
    rewards = (np.arange(g) < good).astype(float)[:, None]

    def clipped(advantages):
        loose = {"clip_low": 1.0, "clip_high": 1e9, "aggregation": "sequence_mean"}
        return ppo_clip(new, old, torch.as_tensor(advantages), mask, **loose)[0].item()

    centred = dr_grpo(rewards, groups.numpy(), [1.0])
    plain = disco(new, old, torch.as_tensor(centred), mask, groups, score="l_ratio", contrast="mean", **FREE)
    own, weight = plain[0].item(), math.sqrt(p * (1 - p))
    scaled = [grpo(rewards, groups.numpy(), [1.0], eps=0.0, ddof=ddof) for ddof in (0, 1)]
    assert clipped(centred) == pytest.approx(weight**2 * own, rel=1e-9)
    assert clipped(scaled[0]) == pytest.approx(weight * own, rel=1e-9)
    assert clipped(scaled[1]) == pytest.approx(weight * own * math.sqrt((g - 1) / g), rel=1e-9)


@pytest.mark.parametrize("score", ["log_l", "l_ratio"])
def test_the_formulas(score):
    mini = make(5, 12, 4, 3)
    on = mini.mask
    per_token = mini.new if score == "log_l" else (mini.new - mini.old).exp()
    scores = torch.where(on, per_token, 0.0).sum(1) / on.sum(1).clamp(min=1)
    tau = {"log_l": 10.0, "l_ratio": 1.0}[score]
    mean = soft = 0.0
    for one in mini.groups.unique():
        rows = (mini.groups == one) & on.any(dim=1)
        good, bad = scores[rows & (mini.advantages > 0)], scores[rows & (mini.advantages < 0)]
        if len(good) and len(bad):
            mean += bad.mean() - good.mean()
            soft += tau * ((bad / tau).logsumexp(0) - math.log(len(bad))) - good.mean()
    n = len(mini.groups.unique())
    assert mean != 0
    torch.testing.assert_close(mini.call("disco", {"score": score, **FREE})[0], soft / n)
    torch.testing.assert_close(mini.call("disco", {"score": score, "contrast": "mean", **FREE})[0], mean / n)


def blame(tau, scores=(-1.0, -0.5, -0.2)):
    """The weights of three bad completions beside a good one, and the loss."""
    new = tensor([[0.0], *([s] for s in scores)], dtype=F64, requires_grad=True)
    args = torch.zeros(4, 1, dtype=F64), tensor([1.0, -1.0, -1.0, -1.0]), torch.ones(4, 1), torch.zeros(4)
    loss, _ = disco(new, *args, tau=tau, **FREE)
    return torch.autograd.grad(loss, new)[0][1:, 0], loss.item()


def test_weights_of_bad_answers_sharpen_as_tau_falls():
    scores = tensor([-1.0, -0.5, -0.2], dtype=F64)
    peaks = []
    for tau in (100.0, 10.0, 1.0, 0.1, 0.01):
        weights, _ = blame(tau)
        torch.testing.assert_close(weights, (scores / tau).softmax(0))
        peaks.append(weights.max().item())
    assert peaks == sorted(peaks)
    assert peaks[0] == pytest.approx(1 / 3, abs=1e-2) and peaks[-1] == pytest.approx(1)
    assert blame(1e7)[1] == pytest.approx(float(scores.mean()), abs=1e-6)  # DisCO-b
    assert blame(1e-5)[1] == pytest.approx(-0.2, abs=1e-4)  # the worst alone
    weights, loss = blame(1e-3, (-500.0, -900.0, -700.0))  # far beyond what exp can hold
    assert weights.tolist() == [1.0, 0.0, 0.0] and loss == pytest.approx(-500, abs=0.01)


def test_a_group_without_both_is_skipped_and_counted():
    new = tensor([[0.5], [0.2], [0.9], [0.3]], dtype=F64)
    args = torch.zeros(4, 1, dtype=F64), tensor([1.0, -1.0, 1.0, 0.0]), torch.ones(4, 1)
    two = disco(new, *args, tensor([0, 0, 1, 1]), contrast="mean", **FREE)[0]
    assert two.item() == pytest.approx((0.2 - 0.5) / 2)


@pytest.mark.parametrize("i", range(3))
def test_the_constraint(i):
    """The paper's squared hinge; its gradient is twice `penalty * excess`, and the authors' code has once."""
    golden = GOLDEN["disco_kl_penalty"]
    inputs = golden["inputs"]
    kl, options = inputs["KL"][i], {"delta": inputs["delta"], "penalty": inputs["beta0"]}

    def constrain(**options):
        new = tensor([[-kl]], dtype=F64, requires_grad=True)
        one = torch.ones(1, 1)
        loss, metrics = disco(new, torch.zeros(1, 1), torch.zeros(1), one, torch.zeros(1), **options)
        (gradient,) = torch.autograd.grad(loss, new)
        return loss.item(), -gradient.item(), metrics["kl_excess"].item()

    value, pull, excess = constrain(**options)
    assert value == pytest.approx(golden["paper_beta*[KL-d]+^2"][i], abs=1e-8)
    assert pull == pytest.approx(2 * golden["grad_coef_beta*[KL-d]+"][i], abs=1e-6)
    assert excess == pytest.approx(max(0, kl - 1e-4), abs=1e-9)
    value, pull, _ = constrain(**{**options, "penalty": options["penalty"] / 2})
    assert value == pytest.approx(golden["squared_hinge_beta/2*[KL-d]+^2"][i], abs=1e-8)
    assert pull == pytest.approx(golden["grad_coef_beta*[KL-d]+"][i], abs=1e-6)
    assert pull * kl == pytest.approx(golden["public_code_value_coef*KL"][i], abs=1e-8)


def test_the_constraint_is_of_the_whole_minibatch():
    """Where one half overstepped it and the other made up for it, neither is pulled back."""
    new = tensor([[-1.0], [1.0]])
    args = torch.zeros(1, 1), torch.zeros(1), torch.ones(1, 1), torch.zeros(1)
    kl = sampled_kl(new, torch.zeros(2, 1), torch.ones(2, 1))
    assert disco(new[:1], *args)[0] > 0
    assert disco(new[:1], *args, kl=kl)[0] == 0


def test_a_part_needs_the_kl_of_the_whole():
    mini = make(0, 8, 4, 2)
    part = mini.rows((mini.groups == mini.groups[0]).nonzero()[:, 0])
    assert part.mask.sum() < mini.mask.sum()
    with pytest.raises(ValueError, match="a part of a minibatch needs kl"):
        part.call("disco", {}, mini.counts())


def test_what_does_not_fit_is_said():
    x, one = torch.zeros(1, 1), torch.zeros(1)
    for options, message in (
        ({"score": "logL"}, "score must be log_l or l_ratio, not 'logL'"),
        ({"contrast": "auc"}, "contrast must be softmax or mean, not 'auc'"),
        ({"tau": 0.0}, r"tau must be above 0 and penalty >= 0, not 0\.0 and"),
        ({"penalty": -1.0}, r"tau must be above 0 and penalty >= 0, not 10\.0 and -1\.0"),
    ):
        with pytest.raises(ValueError, match=message):
            disco(x, x, one, x, one, **options)
