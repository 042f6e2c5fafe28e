"""What holds for any rewards, against a reference in plain Python."""

import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardkit.normalizers import batch as batch_deviation
from rewardkit.normalizers import dr_grpo, effective_share, gdpo, grpo, reinforce_pp, rloo


def reinforce(*args, whiten="sequence", **options):
    """REINFORCE++ without tokens."""
    return reinforce_pp(*args, whiten=whiten, **options)


COMPARING = [grpo, dr_grpo, gdpo, rloo, batch_deviation]
every = pytest.mark.parametrize("normalizer", [*COMPARING, reinforce], ids=lambda f: f.__name__)
comparing = pytest.mark.parametrize("normalizer", COMPARING, ids=lambda f: f.__name__)
local = pytest.mark.parametrize(
    "normalizer", [grpo, dr_grpo, gdpo, rloo, reinforce], ids=lambda f: f.__name__
)
NAN = math.nan


@st.composite
def batches(draw, nulls=True, max_terms=3):
    """Rewards (N, K), ragged groups in any order under any ids, weights (K,)."""
    n, k = draw(st.integers(1, 14)), draw(st.integers(1, max_terms))
    values = st.one_of(st.sampled_from([0.0, 1.0]), st.integers(-300, 300).map(lambda x: x / 100))
    cell = st.one_of(values, st.just(NAN)) if nulls else values
    rewards = draw(st.lists(st.lists(cell, min_size=k, max_size=k), min_size=n, max_size=n))
    ids = draw(st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=4))
    groups = draw(st.lists(st.sampled_from(ids), min_size=n, max_size=n))
    weights = draw(st.lists(st.sampled_from([-0.5, 0.1, 0.2, 1.0, 3.0]), min_size=k, max_size=k))
    return np.array(rewards), np.array(groups), np.array(weights)


def reference(name, rewards, groups, weights, eps, ddof, whiten):
    """One value at a time, with Python's own exact-enough statistics."""
    n, k = rewards.shape

    def within(values, scaled):
        """Each value against its group; None where there is no value."""
        result = []
        for i in range(n):
            peers = [values[j] for j in range(n) if groups[j] == groups[i] and values[j] is not None]
            if values[i] is None or len(peers) < 2 or max(peers) - min(peers) < 1e-9:
                result.append(0.0)
                continue
            spread = statistics.stdev(peers) if ddof else statistics.pstdev(peers)
            result.append((values[i] - statistics.fmean(peers)) / ((spread + eps) if scaled else 1.0))
        return result

    cells = [[None if math.isnan(x) else float(x) for x in row] for row in rewards]
    counted = [any(x is not None for x in row) for row in cells]
    if name == "gdpo":
        terms = [within([row[j] for row in cells], scaled=True) for j in range(k)]
        out = [math.fsum(weights[j] * terms[j][i] for j in range(k)) for i in range(n)]
    else:
        totals = [
            math.fsum(w * x for w, x in zip(weights, row, strict=True) if x is not None) if on else None
            for row, on in zip(cells, counted, strict=True)
        ]
        out = within(totals, scaled=name == "grpo")
        there = [x for x in totals if x is not None]
        if name == "rloo":
            peers = [sum(groups[j] == groups[i] and counted[j] for j in range(n)) for i in range(n)]
            out = [a * m / (m - 1) if m > 1 else a for a, m in zip(out, peers, strict=True)]
        elif name == "batch" and len(there) > 1:
            spread = statistics.stdev(there) if ddof else statistics.pstdev(there)
            out = [a / (spread + eps) if spread > 1e-9 else 0.0 for a in out]
        elif name == "reinforce":
            out = [0.0 if x is None else x for x in totals]
    if whiten == "sequence":
        batch = [a for a, on in zip(out, counted, strict=True) if on]
        spread = statistics.pstdev(batch) if batch else 0.0
        if ddof and len(batch) > 1:
            spread = statistics.stdev(batch)
        mean = statistics.fmean(batch) if batch else 0.0
        silent = spread < 1e-9
        out = [
            0.0 if silent or not on else (a - mean) / (spread + eps)
            for a, on in zip(out, counted, strict=True)
        ]
    return np.array(out)


@every
@given(
    batches(),
    st.sampled_from([0.0, 1e-4, 0.1]),
    st.sampled_from([0, 1]),
    st.sampled_from(["none", "sequence"]),
)
@settings(max_examples=150, deadline=None)
def test_agrees_with_the_reference(normalizer, batch, eps, ddof, whiten):
    expected = reference(normalizer.__name__, *batch, eps, ddof, whiten)
    actual = normalizer(*batch, eps=eps, ddof=ddof, whiten=whiten)
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


@every
@given(batches(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_advantages_move_with_their_rows(normalizer, batch, random):
    rewards, groups, weights = batch
    order = np.array(random.sample(range(len(rewards)), len(rewards)))
    moved = normalizer(rewards[order], groups[order], weights)
    np.testing.assert_allclose(moved, normalizer(rewards, groups, weights)[order], rtol=0, atol=1e-12)


@every
@given(batches())
@settings(max_examples=60, deadline=None)
def test_torch_gives_what_numpy_gives(normalizer, batch):
    rewards, groups, weights = batch
    expected = normalizer(rewards, groups, weights)
    tensors = torch.tensor(rewards, requires_grad=True), torch.tensor(groups), torch.tensor(weights)
    actual = normalizer(*tensors)
    assert actual.dtype == torch.float64 and not actual.requires_grad
    np.testing.assert_allclose(actual.numpy(), expected, rtol=0, atol=1e-12)


@every
@given(batches())
@settings(max_examples=60, deadline=None)
def test_float32_gives_what_float64_gives(normalizer, batch):
    rewards, groups, weights = batch
    single = rewards.astype(np.float32)
    for array in single, torch.tensor(single):
        actual = np.asarray(normalizer(array, groups, weights))
        assert actual.dtype == np.float32
        exact = normalizer(single.astype(np.float64), groups, weights)
        np.testing.assert_allclose(actual, exact, rtol=1e-6, atol=1e-6)


@comparing
@given(batches())
@settings(max_examples=60, deadline=None)
def test_advantages_of_a_group_sum_to_nothing(normalizer, batch):
    advantages = normalizer(*batch)
    for group in np.unique(batch[1]):
        assert abs(advantages[batch[1] == group].sum()) < 1e-9


@pytest.mark.parametrize("normalizer", [grpo, gdpo], ids=lambda f: f.__name__)
@given(batches(), st.sampled_from([1e-3, 0.3, 7.0, 1e6]), st.sampled_from(["none", "sequence"]))
@settings(max_examples=60, deadline=None)
def test_the_scale_of_rewards_does_not_matter(normalizer, batch, factor, whiten):
    rewards, groups, weights = batch
    plain, scaled = (
        normalizer(r, groups, weights, eps=0.0, whiten=whiten) for r in (rewards, rewards * factor)
    )
    np.testing.assert_allclose(scaled, plain, rtol=1e-8, atol=1e-8)


@given(batches(), st.lists(st.sampled_from([0.01, 0.5, 1.0, 40.0]), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_gdpo_ignores_the_scale_of_each_term(batch, factors):
    rewards, groups, weights = batch
    scaled = rewards * np.array(factors[: len(weights)])
    plain = gdpo(rewards, groups, weights, eps=0.0)
    np.testing.assert_allclose(gdpo(scaled, groups, weights, eps=0.0), plain, rtol=1e-8, atol=1e-8)


@given(batches(nulls=False), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_dr_grpo_is_linear(batch, seed):
    rewards, groups, weights = batch
    other = np.random.default_rng(seed).normal(size=rewards.shape)
    together = dr_grpo(2 * rewards + 3 * other, groups, weights)
    apart = 2 * dr_grpo(rewards, groups, weights) + 3 * dr_grpo(other, groups, weights)
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-10)


@given(batches(max_terms=1))
@settings(max_examples=60, deadline=None)
def test_gdpo_of_one_term_is_whitened_grpo(batch):
    rewards, groups, _ = batch
    expected = grpo(rewards, groups, np.ones(1), whiten="sequence")
    np.testing.assert_allclose(gdpo(rewards, groups, np.ones(1)), expected, rtol=0, atol=1e-12)


@local
@given(batches(), batches())
@settings(max_examples=60, deadline=None)
def test_other_groups_change_nothing_without_whitening(normalizer, batch, other):
    (rewards, groups, weights), (more, _, _) = batch, other
    if more.shape[1] != rewards.shape[1]:
        more = np.resize(more, (len(more), rewards.shape[1]))
    both = np.concatenate([more, rewards])
    ids = np.concatenate([np.full(len(more), 2**61), groups])
    alone = normalizer(rewards, groups, weights, whiten="none")
    beside = normalizer(both, ids, weights, whiten="none")[len(more) :]
    np.testing.assert_array_equal(beside, alone)


@given(batches())
@settings(max_examples=60, deadline=None)
def test_effective_share(batch):
    rewards, groups, weights = batch
    expected = []
    for term, weight in zip(rewards.T, weights, strict=True):
        cells = [[x for x in term[groups == g] if not math.isnan(x)] for g in np.unique(groups)]
        spreads = [statistics.stdev(c) for c in cells if len(c) > 1]
        expected.append(abs(weight) * (statistics.fmean(spreads) if spreads else 0.0))
    total = sum(expected)
    expected = [x / total if total else 0.0 for x in expected]
    np.testing.assert_allclose(effective_share(rewards, groups, weights), expected, atol=1e-9)
    np.testing.assert_allclose(effective_share(torch.tensor(rewards), groups, weights), expected, atol=1e-9)


@every
@given(batches(), st.sampled_from(["none", "sequence", "token"]), st.data())
@settings(max_examples=80, deadline=None)
def test_a_skipped_row_is_not_there(normalizer, batch, whiten, data):
    rewards, groups, weights = batch
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=len(groups), max_size=len(groups))))
    lengths = np.array(data.draw(st.lists(st.integers(0, 9), min_size=len(groups), max_size=len(groups))))
    there = np.where(gone[:, None], NAN, rewards)
    found = normalizer(there, groups, weights, lengths=lengths, whiten=whiten)
    assert not found[gone].any()
    kept = normalizer(rewards[~gone], groups[~gone], weights, lengths=lengths[~gone], whiten=whiten)
    np.testing.assert_allclose(found[~gone], kept, rtol=1e-9, atol=1e-9)


@every
@given(batches(), st.lists(st.integers(0, 5), min_size=14, max_size=14))
@settings(max_examples=80, deadline=None)
def test_a_token_counts_once(normalizer, batch, tokens):
    """Whitened over tokens, advantages have no mean over them, and a deviation of 1 or none."""
    rewards, groups, weights = batch
    lengths = np.array(tokens[: len(groups)])
    found = normalizer(rewards, groups, weights, lengths=lengths, whiten="token", eps=0.0, ddof=0)
    counted = ~np.isnan(rewards).all(axis=1)
    spread_out = np.repeat(found[counted], lengths[counted])
    if len(spread_out):
        assert abs(spread_out.mean()) < 1e-6
        assert abs(spread_out.std() - 1) < 1e-6 or abs(spread_out).max() < 1e-9
    for array in torch.tensor(rewards), torch.tensor(rewards.astype(np.float32)):
        again = normalizer(array, groups, weights, lengths=torch.tensor(lengths), whiten="token", eps=1e-4)
        exact = normalizer(
            np.asarray(array, np.float64), groups, weights, lengths=lengths, whiten="token", eps=1e-4
        )
        np.testing.assert_allclose(np.asarray(again), exact, rtol=1e-6, atol=1e-6)
