"""The policy update: who carries gradient, and in what parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from training_toy import make_scores

from rewardkit.training import TrainError
from rewardkit.training.collect import Collected
from rewardkit.training.config import TrainConfig
from rewardkit.training.critic import value_head
from rewardkit.training.division import minibatches, shares
from rewardkit.training.parts import find_parts
from rewardkit.training.policy import Policy, encode_prompt
from rewardkit.training.rollout import Rollout, Sampling, generate
from rewardkit.training.step import make_batch
from rewardkit.training.update import Batch, Learner, learning_rate, token_values, update

GROUPS = np.repeat(np.arange(4), 4)


def roll(policy: Policy) -> Rollout:
    prompts = [encode_prompt(policy, text) for text in ("1=", "2=xy", "3", "x=")]
    return generate(policy, prompts, Sampling(4, 8), torch.Generator().manual_seed(0))


def batch_of(policy: Policy, seed: int = 0, **flags: Any) -> Batch:
    rollout = roll(policy)
    advantages = np.random.default_rng(seed).normal(size=16)
    scores = make_scores({"a": [0.0] * 16}, GROUPS, **flags)
    found = Collected(rollout, scores, GROUPS, np.ones(16, dtype=bool), 4, {}, 4, {})
    return replace(make_batch(found), advantages=torch.from_numpy(advantages).float())


def learner(policy: Policy, optimizer: torch.optim.Optimizer, config: TrainConfig) -> Learner:
    reference = policy if config.kl_coefficient else None
    return Learner(policy, reference, optimizer, Accelerator(cpu=True), find_parts(config).objective)


def gradient(policy: Policy, batch: Batch, **options: Any) -> list[torch.Tensor]:
    """What one update would have applied, unclipped, of a single minibatch."""
    seen: list[torch.Tensor] = []

    class Recorder(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            seen.extend(p.grad.clone() for p in policy.model.parameters() if p.grad is not None)

    config = TrainConfig(**{"steps": 1, "minibatches": 1, "gradient_clip": 0.0, **options})
    optimizer = Recorder(policy.model.parameters(), lr=0.0)
    policy.model.zero_grad()
    update(learner(policy, optimizer, config), batch, config, step=0)
    return seen


def test_minibatches_are_whole_groups() -> None:
    groups = np.array([3, 0, 1, 0, 2, 3, 1, 4, 2, 3])
    parts = list(minibatches(groups, 2, seed=0))
    assert sorted(torch.cat(parts).tolist()) == list(range(10))
    held = [set(groups[part.numpy()].tolist()) for part in parts]
    assert not held[0] & held[1]
    assert sorted(map(len, held)) == [2, 3]
    assert len(list(minibatches(groups, 9, seed=0))) == 5


def test_minibatches_differ_between_steps() -> None:
    first = [tuple(next(minibatches(GROUPS, 2, seed)).tolist()) for seed in range(10)]
    assert len(set(first)) > 1


@pytest.mark.parametrize("flag", ["masked", "skipped"])
@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant_length"])
def test_silent_rows_carry_no_gradient(policy: Policy, flag: str, aggregation: str) -> None:
    silent = [i % 3 == 0 for i in range(16)]
    batch = batch_of(policy, **{flag: silent})
    before = gradient(policy, batch, aggregation=aggregation, kl_coefficient=0.5)
    changed = batch.advantages.clone()
    changed[torch.tensor(silent)] = 1e6
    after = gradient(
        policy,
        Batch(batch.rollout, changed, GROUPS, batch.trained),
        aggregation=aggregation,
        kl_coefficient=0.5,
    )
    assert any(bool(g.any()) for g in before)
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_masked_tokens_are_not_counted(policy: Policy) -> None:
    """The gradient of the loud rows is what it would be without the others."""
    masked = [i >= 8 for i in range(16)]
    batch = batch_of(policy, masked=masked)
    alone = batch.rollout
    half = Rollout(
        *(part[:8] for part in (alone.prompt_ids, alone.prompt_mask, alone.completion_ids)),
        *(part[:8] for part in (alone.mask, alone.logp)),
        alone.texts[:8],
        alone.finished[:8],
    )
    fewer = Batch(half, batch.advantages[:8], GROUPS[:8], half.mask)
    for ours, theirs in zip(gradient(policy, batch), gradient(policy, fewer), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_nothing_to_learn_is_no_step(policy: Policy) -> None:
    assert gradient(policy, batch_of(policy, skipped=[True] * 16)) == []


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant_length"])
def test_micro_batches_change_nothing(policy: Policy, aggregation: str) -> None:
    batch = batch_of(policy, masked=[i in (1, 2, 3, 9) for i in range(16)])
    whole = gradient(policy, batch, aggregation=aggregation)
    parts = gradient(policy, batch, aggregation=aggregation, micro_batch=3)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_shares_are_whole_groups_of_like_length(policy: Policy) -> None:
    rows, tokens = torch.arange(16), batch_of(policy).trained.sum(dim=1)
    assert [part.tolist() for part in shares(rows, GROUPS, tokens, 1)] == [list(range(16))]
    for processes in (2, 3, 5):
        parts = shares(rows, GROUPS, tokens, processes)
        assert sorted(torch.cat(parts).tolist()) == list(range(16))
        held = [set(GROUPS[part.numpy()].tolist()) for part in parts]
        assert sum(map(len, held)) == 4
    trained = torch.zeros(16, 40, dtype=torch.bool)
    for group, length in enumerate((10, 3, 4, 2)):
        trained[group == GROUPS, :length] = True
    one, other = shares(rows, GROUPS, trained.sum(dim=1), 2)
    assert set(GROUPS[one.numpy()].tolist()) == {0}
    assert set(GROUPS[other.numpy()].tolist()) == {1, 2, 3}


@pytest.mark.parametrize(
    "options",
    [
        {"aggregation": "global_tokens"},
        {"ratio": "sequence", "aggregation": "sequence_mean"},
        {"objective": "cispo", "clip_low": 1.0},
        {"objective": "gvpo"},
        {"objective": "disco"},
        {"objective": "disco", "objective_options": {"score": "l_ratio", "contrast": "mean"}},
    ],
    ids=str,
)
def test_micro_batches_change_no_objective(policy: Policy, options: dict[str, Any]) -> None:
    """On a policy that has moved since it sampled: ratios are not 1, and a constraint is overstepped."""
    batch = batch_of(policy, masked=[i in (1, 2, 3, 9) for i in range(16)])
    noise = torch.randn(batch.rollout.logp.shape, generator=torch.Generator().manual_seed(0))
    batch = replace(batch, rollout=replace(batch.rollout, logp=batch.rollout.logp + 0.1 * noise.abs()))
    whole, parts = (
        torch.cat([g.flatten() for g in gradient(policy, batch, **options, micro_batch=size)])
        for size in (None, 5)
    )
    assert whole.norm() > 1e-2
    assert (whole - parts).norm() < 1e-5 * whole.norm()


def test_micro_batches_change_nothing_for_a_critic(policy: Policy) -> None:
    """Nor for its head, which learns beside the policy; and `token_values` are what the loss sees."""
    config = TrainConfig(steps=1, minibatches=1, gradient_clip=0.0, critic=True)
    batch, seen, measured = batch_of(policy), [], []
    for size in (None, 5):
        head = value_head(policy)
        with torch.no_grad():
            head.linear.weight.fill_(0.1)
        parameters = [*policy.model.parameters(), *head.parameters()]
        before = [p.detach().clone() for p in parameters]
        own = config.model_copy(update={"micro_batch": size})
        moved = replace(learner(policy, torch.optim.SGD(parameters, lr=1.0), own), head=head)
        values = token_values(moved, batch, own)
        given = replace(batch, values=values, returns=values + batch.trained)  # all one too low
        measured.append(update(moved, given, own, step=0))
        seen.append([a.detach() - b for a, b in zip(parameters, before, strict=True)])
        with torch.no_grad():
            for parameter, old in zip(parameters, before, strict=True):
                parameter.copy_(old)
    assert measured[0]["value_error"] == pytest.approx(1, abs=1e-5)
    assert measured[0] == pytest.approx(measured[1], abs=1e-4)
    assert seen[0][-1].item() == pytest.approx(0.1, abs=1e-4)  # the bias, by `coefficient` times the error
    for one, other in zip(*seen, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_on_the_sampling_policy_the_ratio_is_one(policy: Policy) -> None:
    """Then the loss is minus the mean advantage, nothing is clipped and the KL to itself is 0."""
    batch = batch_of(policy)
    optimizer = torch.optim.SGD(policy.model.parameters(), lr=0.0)
    config = TrainConfig(steps=1, minibatches=1, kl_coefficient=0.1)
    measures = update(learner(policy, optimizer, config), batch, config, step=0)
    weights = batch.trained.sum(dim=1).double()
    expected = -float((batch.advantages * weights).sum() / weights.sum())
    assert measures["loss"] == pytest.approx(expected, abs=1e-5)
    assert measures["clip_fraction"] == 0
    assert measures["approx_kl"] == pytest.approx(0, abs=1e-5)
    assert measures["kl"] == pytest.approx(0, abs=1e-6)


def test_a_gradient_that_is_not_finite_stops(policy: Policy) -> None:
    batch = batch_of(policy)
    broken = Batch(batch.rollout, torch.full((16,), float("inf")), GROUPS, batch.trained)
    before = [p.clone() for p in policy.model.parameters()]
    optimizer = torch.optim.AdamW(policy.model.parameters())
    with pytest.raises(TrainError, match="step 1: the gradient is not finite"):
        update(learner(policy, optimizer, TrainConfig(steps=1)), broken, TrainConfig(steps=1), step=0)
    assert all(torch.equal(p, q) for p, q in zip(before, policy.model.parameters(), strict=True))


def test_learning_rates() -> None:
    def rates(schedule: str) -> list[float]:
        config = TrainConfig.model_validate(
            {"steps": 12, "warmup_steps": 2, "learning_rate": 1.0, "schedule": schedule}
        )
        return [learning_rate(config, step) for step in (0, 1, 2, 7, 11)]

    assert rates("constant") == [0.5, 1, 1, 1, 1]
    assert rates("linear") == pytest.approx([0.5, 1, 1, 0.5, 0.1])
    assert rates("cosine") == pytest.approx([0.5, 1, 1, 0.5, 0.0245], abs=1e-4)
