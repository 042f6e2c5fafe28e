"""GFPO: which completions stay, and what that does to the length."""

from __future__ import annotations

import math

import numpy as np
import pytest
from filtering import GOLDEN, batches, untimed
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.normalizers import grpo
from rewardkit.training.filters import (
    Sketch,
    adaptive_difficulty,
    excess_length_reduction,
    shortest,
    token_efficiency,
)

NAN = math.nan


def quartiles(state):
    return [state["measures"][name] for name in ("q25", "q50", "q75")]


def example(name):
    golden = GOLDEN[name]
    given_ = golden["inputs"]
    rewards = np.array(given_["rewards"]).reshape(-1, 1)
    return rewards, np.array(given_["lengths"]), given_["k"], golden


@pytest.mark.parametrize(
    ("name", "filtered"), [("gfpo_length", shortest), ("gfpo_token_efficiency", token_efficiency)]
)
def test_the_worked_examples(name, filtered):
    rewards, lengths, k, golden = example(name)
    groups = np.zeros(len(rewards), dtype=int)
    keep, _ = filtered(rewards, lengths, groups, [1.0], {}, k=k)
    assert np.flatnonzero(keep).tolist() == golden["kept"]
    # eq. 2: a row that is not kept is in no statistic, and its advantage is 0
    seen = np.where(keep[:, None], rewards, NAN)
    np.testing.assert_allclose(
        grpo(seen, groups, [1.0], eps=0.0, ddof=0), golden["adv_paper_ddof0"], atol=1e-4
    )
    np.testing.assert_allclose(grpo(seen, groups, [1.0]), golden["adv_trl_ddof1_eps1e-4"], atol=1e-4)


@pytest.mark.parametrize("filtered", [shortest, token_efficiency])
@untimed
@given(batches(cell=st.sampled_from([0.0, 0.5, 1.0])), st.integers(2, 5))
def test_the_best_k_of_each_group(filtered, batch, k):
    """One group at a time, in plain Python: shorter first, earlier first among equals."""
    rewards, lengths, groups, weights = batch
    keep, _ = filtered(*batch, {}, k=k)
    for group in set(groups.tolist()):
        rows = [i for i in np.flatnonzero(groups == group) if not np.isnan(rewards[i]).all()]
        totals = {i: float(np.nansum(rewards[i] * weights)) for i in rows}
        if filtered is shortest:
            rows.sort(key=lambda i: (lengths[i], i))
        else:
            rows.sort(key=lambda i: (-totals[i] / lengths[i], lengths[i], i))
        assert set(np.flatnonzero(keep & (groups == group))) == set(rows[:k])


def test_every_group_is_looked_at_on_its_own():
    """TRL's experimental GFPO took rows i to i + G for group i: only the first group was right."""
    size, k = 4, 2
    lengths = np.array([1, 2, 3, 4, 40, 10, 30, 20, 7, 8, 5, 6, 400, 300, 200, 100])
    groups = np.repeat(np.arange(4), size)
    keep, _ = shortest(np.ones((16, 1)), lengths, groups, [1.0], {}, k=k)
    assert np.flatnonzero(keep).tolist() == [0, 1, 5, 7, 10, 11, 14, 15]
    assert (np.bincount(groups, keep) == k).all()


def test_ties_and_odd_rows():
    zeros = np.zeros((5, 1))
    # equal lengths: the earlier rows; equal efficiency (a reward of 0): the shorter rows
    assert shortest(zeros, [5] * 5, [0] * 5, [1.0], {}, k=2)[0].tolist() == [True, True, False, False, False]
    keep, _ = token_efficiency(zeros, [9, 3, 3, 1, 3], [0] * 5, [1.0], {}, k=3)
    assert keep.tolist() == [False, True, True, True, False]
    # a length of 0 counts as 1
    keep, _ = token_efficiency([[1.0], [4.0], [1.0]], [0, 2, 1], [0] * 3, [1.0], {}, k=2)
    assert keep.tolist() == [True, True, False]
    # fewer rows than k stay, skipped ones aside; a row without a value of the chosen term comes last
    rewards = [[1.0, NAN], [NAN, NAN], [NAN, 9.0], [0.0, 0.0]]
    assert shortest(rewards, [1, 1, 1, 1], [0] * 4, [1.0, 1.0], {}, k=8)[0].tolist() == [
        True,
        False,
        True,
        True,
    ]
    keep, _ = token_efficiency(rewards, [9, 1, 1, 9], [0] * 4, [1.0, 1.0], {}, k=2, terms=[0])
    assert keep.tolist() == [True, False, False, True]
    # a length may be missing where the row is skipped
    assert shortest([[1.0], [NAN]], [1.0, NAN], [0, 0], [1.0], {})[0].tolist() == [True, False]


@pytest.mark.parametrize("k", [1, 0, -2, 2.0, True, 1.0, 0.0, NAN])
def test_k_is_an_integer_from_2_on(k):
    batch = np.ones((4, 1)), [1] * 4, [0] * 4, [1.0], {}
    for filtered in (shortest, token_efficiency):
        with pytest.raises(ValueError, match="k must be an integer from 2 on"):
            filtered(*batch, k=k)
    with pytest.raises(ValueError, match="k_easy must be an integer from 2 on"):
        adaptive_difficulty(*batch, k_easy=k)


@untimed
@given(batches(distinct=True), st.floats(0.01, 0.99))
def test_a_share_of_each_group(batch, share):
    """Rounded up, of the rows that count, and two at least: shares need not know how many are sampled."""
    rewards, _, groups, _ = batch
    keep, _ = shortest(*batch, {}, k=share)
    for group in set(groups.tolist()):
        count = int((~np.isnan(rewards[groups == group]).all(axis=1)).sum())
        assert keep[groups == group].sum() == min(max(math.ceil(share * count - 1e-9), 2), count)


def test_the_published_shares_are_the_defaults():
    """8 of 16; and 8, 8, 6 and 4 of 16 by difficulty."""
    sixteen = np.ones((16, 1)), np.arange(16), np.zeros(16, dtype=int), [1.0], {}
    assert shortest(*sixteen)[0].sum() == token_efficiency(*sixteen)[0].sum() == 8
    keep, _ = adaptive_difficulty(*prompts(np.arange(8) / 8, 16), {}, warmup=0)
    assert keep.reshape(8, 16).sum(axis=1).tolist() == [8, 8, 8, 8, 6, 6, 4, 4]


# --- adaptive difficulty ------------------------------------------------------------------------------


def prompts(means, size):
    """One group of equal rewards for each mean."""
    return (
        np.repeat(means, size).reshape(-1, 1),
        np.tile(np.arange(1, size + 1), len(means)),
        np.repeat(np.arange(len(means)), size),
        [1.0],
    )


def test_adaptive_difficulty():
    golden = GOLDEN["gfpo_adaptive_difficulty"]
    given_ = golden["inputs"]
    ks = {f"k_{name}": k for name, k in given_["k"].items()}
    state, kept = {}, []
    for mean in given_["mean_rewards_in_order"]:
        keep, state = adaptive_difficulty(*prompts([mean], given_["G"]), state, warmup=given_["warmup"], **ks)
        kept.append(int(keep.sum()))
    assert kept == golden["k_per_prompt"]
    np.testing.assert_allclose(
        [state["measures"][q] for q in ("q25", "q50", "q75")], golden["final_quartiles"], atol=1e-12
    )


@untimed
@given(
    st.lists(st.lists(st.integers(0, 16), min_size=1, max_size=12), min_size=1, max_size=8),
    st.integers(0, 20),
)
def test_k_by_exact_quartiles(calls, warmup):
    """All groups of a call join before any is judged, so that their order does not matter."""
    state, seen = {}, []
    ks = {"k_very_hard": 7, "k_hard": 6, "k_medium": 5, "k_easy": 4}
    for call in calls:
        seen += [x / 16 for x in call]
        keep, state = adaptive_difficulty(
            *prompts(np.divide(call, 16), 16), state, warmup=warmup, metric="token_efficiency", **ks
        )
        quartiles = np.percentile(seen, [25, 50, 75])
        for mean, kept in zip(call, keep.reshape(-1, 16).sum(axis=1), strict=True):
            below = [mean / 16 < q - 1e-9 for q in quartiles]
            expected = 7 if below[0] else 6 if below[1] else 5 if below[2] else 4
            assert kept == (expected if len(seen) >= warmup else 7)


def test_the_warm_up_counts_the_prompts_of_this_call():
    ks = {"k_very_hard": 4, "k_hard": 3, "k_medium": 3, "k_easy": 2}
    for warmup, kept in [(8, 2), (9, 4)]:
        keep, _ = adaptive_difficulty(*prompts(np.arange(8) / 8, 4), {}, warmup=warmup, **ks)
        assert keep.reshape(8, 4)[-1].sum() == kept


def test_prompts_that_are_all_the_same_are_easy():
    """As in the paper: none is below a quartile."""
    for mean in (0.0, 1.0):
        keep, _ = adaptive_difficulty(*prompts([mean] * 8, 10), {}, warmup=0)
        assert keep.sum() == 8 * 3  # a quarter of 10, rounded up


def test_the_state_stays_small():
    """The sketch holds no more after 50,000 prompts, with a mean of its own each."""
    random, state = np.random.default_rng(0), {}
    for _ in range(50):
        _, state = adaptive_difficulty(*prompts(random.random(1000), 2), state)
    sketch = Sketch.load(state["sketch"])
    assert sketch.count == 50_000 and len(sketch.means) <= 512
    np.testing.assert_allclose(quartiles(state), [0.25, 0.5, 0.75], atol=0.02)


def test_options_of_adaptive_difficulty():
    batch = (*prompts([0.5], 4), {})
    with pytest.raises(ValueError, match="metric must be one of shortest, token_efficiency, not 'length'"):
        adaptive_difficulty(*batch, metric="length")
    with pytest.raises(ValueError, match="warmup must be"):
        adaptive_difficulty(*batch, warmup=-1)
    with pytest.raises(ValueError, match="cannot be read"):
        adaptive_difficulty(*batch[:-1], {"sketch": {"means": "a"}})
    # the mean is over the chosen terms
    rewards = np.array([[0.0, 5.0], [1.0, NAN], [NAN, 7.0], [NAN, NAN]])
    _, state = adaptive_difficulty(rewards, [1] * 4, [0] * 4, [1.0, 1.0], {}, terms=["a"], names=["a", "b"])
    assert state["sketch"]["means"] == [0.5]


# --- length -------------------------------------------------------------------------------------------


def test_excess_length_reduction():
    golden = GOLDEN["gfpo_elr"]
    given_ = golden["inputs"]
    elr = excess_length_reduction(given_["L_SFT"], given_["L_GRPO"], given_["L_GFPO"])
    assert elr == pytest.approx(golden["ELR"], abs=1e-6)
    with pytest.raises(ValueError, match="no excess length"):
        excess_length_reduction(1.0, 1.0, 1.0)


def trained(k, size, seed):
    """Mean length that a policy over eight lengths ends at, with k of `size` completions kept.

    Longer is more often right, and ever less so.
    """
    random = np.random.default_rng(seed)
    lengths = np.array([100, 200, 300, 400, 600, 800, 1200, 1600])
    right = 0.9 * (1 - np.exp(-lengths / 400))
    logits, prompts_, groups = np.zeros(8), 16, np.repeat(np.arange(16), size)
    for _ in range(150):
        chance = np.exp(logits - logits.max())
        chance /= chance.sum()
        drawn = random.choice(8, prompts_ * size, p=chance)
        rewards = (random.random(len(drawn)) < right[drawn]).astype(float)[:, None]
        keep, _ = shortest(rewards, lengths[drawn], groups, [1.0], {}, k=k)
        advantages = grpo(np.where(keep[:, None], rewards, NAN), groups, [1.0])
        gradient = np.bincount(drawn, advantages, 8) - advantages.sum() * chance
        logits += 0.2 * gradient / keep.sum()
    chance = np.exp(logits - logits.max())
    return float(chance @ lengths / chance.sum())


def test_the_share_that_is_kept_sets_the_pull_on_length():
    """k/G controls it: 4 of 16 pull as 6 of 24 do, harder than 8 of 16, and GRPO grows longest."""
    lengths = {
        name: np.mean([trained(*name, seed) for seed in range(4)])
        for name in [(16, 16), (8, 16), (4, 16), (6, 24)]
    }
    assert lengths[16, 16] > lengths[8, 16] > lengths[4, 16]
    assert abs(lengths[4, 16] - lengths[6, 24]) < 0.5 * (lengths[8, 16] - lengths[4, 16])
    assert excess_length_reduction(650, lengths[16, 16], lengths[4, 16]) > 0
