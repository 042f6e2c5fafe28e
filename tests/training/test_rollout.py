"""Sampling: the cache, padding and log-probabilities agree with plain forward passes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rewardkit.training import TrainError
from rewardkit.training.policy import Policy, encode_prompt
from rewardkit.training.rollout import (
    Rollout,
    Sampling,
    _draw,
    _narrow,
    chosen_logps,
    generate,
    read_completions,
    token_logps,
)

EVEN = ["1=", "2=", "3=", "x="]
RAGGED = ["1=", "2=xy", "3", "1=xxyyxy"]


def roll(policy: Policy, prompts: list[str], seed: int = 0, **options: object) -> Rollout:
    sampling = Sampling(**{"completions": 8, "max_new_tokens": 12, **options})  # type: ignore[arg-type]
    encoded = [encode_prompt(policy, prompt) for prompt in prompts]
    return generate(policy, encoded, sampling, torch.Generator().manual_seed(seed))


def plain_logps(policy: Policy, prompt: list[int], completion: list[int], temperature: float) -> torch.Tensor:
    """One row alone, without cache, padding or masks."""
    with torch.no_grad():
        logits = policy.model(input_ids=torch.tensor([prompt + completion])).logits[0]
    logits[:, policy.barred] = float("-inf")
    logps = torch.log_softmax(logits / temperature, dim=-1)
    return torch.stack([logps[len(prompt) - 1 + t, token] for t, token in enumerate(completion)])


@pytest.mark.parametrize("prompts", [EVEN, RAGGED])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_logps_are_those_of_each_row_alone(policy: Policy, prompts: list[str], temperature: float) -> None:
    rollout = roll(policy, prompts, temperature=temperature)
    with torch.no_grad():
        again = token_logps(
            policy, rollout.prompt_ids, rollout.prompt_mask, rollout.completion_ids, temperature
        )
    for row in range(len(rollout.mask)):
        mask = rollout.mask[row]
        prompt = rollout.prompt_ids[row][rollout.prompt_mask[row]].tolist()
        completion = rollout.completion_ids[row][mask].tolist()
        assert prompt == encode_prompt(policy, prompts[row // 8])
        expected = plain_logps(policy, prompt, completion, temperature)
        torch.testing.assert_close(rollout.logp[row][mask], expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(again[row][mask], expected, atol=1e-5, rtol=0)
        assert not rollout.logp[row][~mask].any()


def test_padding_carries_no_gradient_and_no_nan(policy: Policy) -> None:
    rollout = roll(policy, RAGGED)
    logp = token_logps(policy, rollout.prompt_ids, rollout.prompt_mask, rollout.completion_ids)
    logp.masked_fill(~rollout.mask, 0.0).sum().backward()
    assert all(bool(p.grad.isfinite().all()) for p in policy.model.parameters() if p.grad is not None)


@pytest.mark.parametrize("prompts", [EVEN, RAGGED])
def test_what_a_rollout_holds(policy: Policy, prompts: list[str]) -> None:
    rollout = roll(policy, prompts)
    (end,) = policy.end_ids
    assert 0 < int(rollout.finished.sum()) < len(rollout.finished)  # both kinds are looked at
    for row, text in enumerate(rollout.texts):
        tokens = int(rollout.tokens[row])
        ids = rollout.completion_ids[row].tolist()
        assert rollout.mask[row].tolist() == [t < tokens for t in range(len(ids))]
        assert all(i == policy.pad_id for i in ids[tokens:])
        assert (ids[tokens - 1] == end) == bool(rollout.finished[row])
        assert end not in ids[: tokens - 1]
        spoken = ids[: tokens - int(rollout.finished[row])]
        assert text == policy.tokenizer.decode(spoken)
        assert not set(spoken) & set(policy.barred.tolist())
        assert bool(rollout.finished[row]) or tokens == 12


def test_it_stops_when_all_are_finished(policy: Policy) -> None:
    with torch.no_grad():  # the end token is all that is ever said
        policy.model.lm_head.weight[policy.end_ids[0]] *= 0
        policy.model.lm_head.weight[3:] *= 0
    calls = []
    policy.model.register_forward_hook(lambda *_: calls.append(1))
    rollout = roll(policy, EVEN, max_new_tokens=60)
    assert rollout.completion_ids.shape[1] == len(calls) == int(rollout.tokens.max()) < 60


def test_the_generator_decides(policy: Policy) -> None:
    one, same, other = roll(policy, EVEN, 1), roll(policy, EVEN, 1), roll(policy, EVEN, 2)
    assert torch.equal(one.completion_ids, same.completion_ids)
    assert torch.equal(one.logp, same.logp)
    assert one.texts != other.texts


def test_top_k_and_top_p() -> None:
    chances = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.05, 0.05, 0.1, 0.8]])
    assert _narrow(chances, 2, None).bool().tolist() == [
        [True, True, False, False],
        [False, False, True, True],
    ]
    assert _narrow(chances, None, 0.6).bool().tolist() == [[True, True, False, False], [False] * 3 + [True]]
    assert torch.equal(_narrow(chances, None, None), chances)


def test_top_k_of_one_is_greedy(policy: Policy) -> None:
    rollout = roll(policy, RAGGED, top_k=1)
    assert all(len(set(rollout.texts[i : i + 8])) == 1 for i in range(0, 32, 8))


def test_too_long_for_the_model(policy: Policy) -> None:
    with pytest.raises(TrainError, match="do not fit the policy, which takes 64 tokens"):
        roll(policy, EVEN, max_new_tokens=63)


def one_pass(policy: Policy, prompts: torch.Tensor, mask: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return chosen_logps(policy, read_completions(policy, prompts, mask, ids).logits, ids)


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("pad_ends", [False, True])
def test_pieces_are_one_pass(policy: Policy, ragged: bool, pad_ends: bool) -> None:
    """Rows scored in pieces of like length have the values and the gradient of one pass, in their place."""
    if pad_ends:  # as for tokenizers without a padding token
        policy = replace(policy, pad_id=policy.end_ids[0])
    rollout = roll(policy, RAGGED if ragged else EVEN, completions=20, max_new_tokens=20)
    assert len(set(rollout.tokens.tolist())) > 5
    given = (policy, rollout.prompt_ids, rollout.prompt_mask, rollout.completion_ids)
    sizes: list[tuple[int, ...]] = []
    hook = policy.model.get_input_embeddings().register_forward_hook(
        lambda _, ids, __: sizes.append(ids[0].shape)
    )
    pieces, whole = token_logps(*given), one_pass(*given)
    hook.remove()
    assert len(sizes) == 6
    assert sum(rows * width for rows, width in sizes[:-1]) < 0.8 * sizes[-1][0] * sizes[-1][1]
    torch.testing.assert_close(pieces[rollout.mask], whole[rollout.mask], atol=1e-5, rtol=0)
    weights = list(policy.model.parameters())
    gradients = [torch.autograd.grad(logp[rollout.mask].sum(), weights) for logp in (pieces, whole)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4 * float(other.abs().max()), rtol=0)


def test_pieces_of_rows_without_a_token(policy: Policy) -> None:
    ids = torch.full((40, 3), policy.pad_id)
    ids[7, 0] = 4
    prompts, mask = torch.full((40, 2), 3), torch.ones((40, 2), dtype=torch.bool)
    logp = token_logps(policy, prompts, mask, ids)
    assert logp.shape == ids.shape
    expected = one_pass(policy, prompts, mask, ids)[7, 0]
    torch.testing.assert_close(logp[7, 0], expected, atol=1e-5, rtol=0)


def test_draws_follow_the_chances() -> None:
    chances = torch.tensor([0.0, 0.5, 0.0, 0.125, 0.25, 0.0])  # that need not sum to 1
    count = 40_000
    drawn = _draw(chances.expand(count, -1), torch.Generator().manual_seed(0))
    assert drawn.shape == (count, 1)
    shares = drawn[:, 0].bincount(minlength=6) / count
    assert not shares[chances == 0].any()
    torch.testing.assert_close(shares, chances / chances.sum(), atol=0.015, rtol=0)  # 6 standard deviations


def test_draws_between_tiny_chances() -> None:
    """Chances far below the rounding of a sum in float32 are met as often as they should be."""
    chances = torch.cat([torch.ones(1), torch.full((1000,), 1e-8)])
    rows = torch.cat([chances[1:], chances[:1] * 1e-5]).expand(4000, -1)  # half of all on the last
    last = (_draw(rows, torch.Generator().manual_seed(0)) == 1000).float().mean()
    assert abs(float(last) - 0.5) < 0.05


def test_logits_that_are_not_finite(policy: Policy) -> None:
    with torch.no_grad():
        policy.model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(TrainError, match="the policy's logits are not finite"):
        roll(policy, EVEN)
