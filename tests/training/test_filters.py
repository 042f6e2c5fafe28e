"""Filters: what holds for all of them, dynamic sampling, overlong filtering."""

from __future__ import annotations

import copy
import itertools
import json
import math

import numpy as np
import pytest
from filtering import GOLDEN, batches, untimed
from hypothesis import given
from hypothesis import strategies as st

import rewardkit as rk
from rewardkit.normalizers import dr_grpo, gdpo, grpo
from rewardkit.training.filters import FILTERS, dynamic_sampling, overlong

NAN = math.nan
OPTIONS = {
    "dynamic_sampling": [{}, {"on": "sum"}, {"on": "gdpo"}],
    "shortest": [{"k": 2}, {"k": 3}],
    "token_efficiency": [{"k": 2}],
    "adaptive_difficulty": [
        {"warmup": 0, "k_very_hard": 5, "k_hard": 4, "k_medium": 3, "k_easy": 2},
        {"warmup": 3, "metric": "token_efficiency"},
    ],
}
every = pytest.mark.parametrize(
    ("name", "options"), [(name, options) for name, all_ in OPTIONS.items() for options in all_]
)


def test_every_filter_is_tested():
    assert OPTIONS.keys() == FILTERS.keys()


# --- every filter -------------------------------------------------------------------------------------


@every
@untimed
@given(batches())
def test_skipped_rows_are_never_kept_and_nothing_given_is_changed(name, options, batch):
    before = copy.deepcopy(batch)
    keep, state = FILTERS[name](*batch, {}, **options)
    assert keep.dtype == bool and keep.shape == batch[2].shape
    assert not keep[np.isnan(batch[0]).all(axis=1)].any()
    for given_, was in zip(batch, before, strict=True):
        np.testing.assert_array_equal(given_, was)
    held = copy.deepcopy(state)
    FILTERS[name](*batch, state, **options)
    assert state == held


@every
@untimed
@given(batches(distinct=True), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_names_of_groups_do_not_matter(name, options, batch, random):
    """Lengths differ: only a tie is settled by the order of rows."""
    rewards, lengths, groups, weights = batch
    keep, state = FILTERS[name](*batch, {}, **options)
    order = list(range(len(groups)))
    random.shuffle(order)
    renamed = {
        group: number for number, group in enumerate(random.sample(sorted(set(groups)), len(set(groups))))
    }
    other = np.array([renamed[group] for group in groups], dtype=np.int64)
    moved, moved_state = FILTERS[name](rewards[order], lengths[order], other[order], weights, {}, **options)
    np.testing.assert_array_equal(moved, keep[order])
    assert moved_state.get("sketch") == state.get("sketch")


@every
@untimed
@given(batches())
def test_skipped_rows_take_no_place(name, options, batch):
    """Without them all is as with them."""
    rewards, lengths, groups, weights = batch
    there = ~np.isnan(rewards).all(axis=1)
    keep, state = FILTERS[name](*batch, {}, **options)
    kept, other = FILTERS[name](rewards[there], lengths[there], groups[there], weights, {}, **options)
    np.testing.assert_array_equal(keep[there], kept)
    assert state.get("sketch") == other.get("sketch")


@every
@untimed
@given(st.lists(batches(), min_size=2, max_size=4))
def test_a_state_goes_on_from_json(name, options, calls):
    through, kept = {}, {}
    for batch in calls:
        one, through = FILTERS[name](*batch, json.loads(json.dumps(through)), **options)
        other, kept = FILTERS[name](*batch, kept, **options)
        np.testing.assert_array_equal(one, other)
        assert through == kept


@every
def test_what_does_not_fit_is_refused(name, options):
    run = FILTERS[name]
    rewards, lengths, groups = np.zeros((4, 2)), np.ones(4), np.zeros(4, dtype=int)
    for bad, message in [
        ((rewards[:, 0], lengths, groups, [1.0, 1.0]), "rewards must have shape"),
        ((rewards, lengths[:3], groups, [1.0, 1.0]), "lengths must have shape"),
        ((rewards, lengths, groups[:3], [1.0, 1.0]), "groups must have shape"),
        ((rewards, lengths, groups, [1.0]), "weights must have shape"),
        ((rewards, lengths, groups, [1.0, NAN]), "weights must be finite"),
        ((rewards, lengths, groups + 0.5, [1.0, 1.0]), "groups must be integers"),
        ((rewards, -lengths, groups, [1.0, 1.0]), "lengths must be numbers from 0"),
        ((rewards, lengths * NAN, groups, [1.0, 1.0]), "lengths must be numbers from 0"),
        ((rewards + math.inf, lengths, groups, [1.0, 1.0]), "rewards hold an infinity"),
    ]:
        with pytest.raises(ValueError, match=message):
            run(*bad, {}, **options)


# --- dynamic sampling ---------------------------------------------------------------------------------


def sampled(rewards, weights=None, groups=None, **options):
    rewards = np.asarray(rewards, dtype=np.float64)
    n, k = rewards.shape
    groups = np.zeros(n, dtype=int) if groups is None else groups
    weights = [1.0] * k if weights is None else weights
    return dynamic_sampling(rewards, np.ones(n), groups, weights, {}, **options)[0]


@pytest.mark.parametrize("on", ["components", "sum", "gdpo"])
def test_dapo(on):
    golden = GOLDEN["dapo_dynamic_sampling"]
    accuracy = np.array(golden["inputs"]["acc"])
    keep = sampled(accuracy.reshape(-1, 1), groups=np.repeat(np.arange(4), 4), on=on)
    assert keep.reshape(4, 4).all(axis=1).tolist() == golden["keep"]
    assert keep.reshape(4, 4).any(axis=1).tolist() == golden["keep"]


@pytest.mark.parametrize("p", [0.05, 0.125, 0.25, 0.5])
@pytest.mark.parametrize("size", [2, 4, 8])
def test_the_share_of_groups_that_stay(size, p):
    """1 - p^G - (1 - p)^G, over all groups of G right or wrong answers."""
    every_group = np.array(list(itertools.product([0.0, 1.0], repeat=size)))
    groups = np.repeat(np.arange(2**size), size)
    keep = sampled(every_group.reshape(-1, 1), groups=groups).reshape(-1, size)[:, 0]
    chance = np.prod(np.where(every_group == 1, p, 1 - p), axis=1)
    assert chance[keep].sum() == pytest.approx(1 - p**size - (1 - p) ** size, abs=1e-12)


@pytest.mark.parametrize(
    ("rewards", "weights", "kept"),
    [
        # which equal-sum groups GDPO can use
        ([[1, 0], [1, 0], [0, 1]], [1, 1], ("components",)),  # mirror images of equal weight: none
        ([[1, 0], [1, 0], [0, 1]], [1, 0.5], ("components", "sum", "gdpo")),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]], [1, 1, 1], ("components", "gdpo")),
        ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [1, 1, 1], ("components",)),  # each as rare as the others
        ([[2, 0], [0, 4]], [1, 0.5], ("components", "gdpo")),  # equal sums of unequal weights
        # values that are no numbers
        ([[1, 1], [1, NAN]], [1, 1], ("components", "sum")),  # the sum differs, no term does
        ([[1, NAN], [0, NAN], [NAN, NAN]], [1, 1], ("components", "sum", "gdpo")),
        ([[1, NAN], [NAN, NAN]], [1, 1], ()),  # one row that has a value
        # what has no weight, and what is rounding
        ([[1, 0], [1, 1]], [1, 0], ()),
        ([[0.1 + 0.2], [0.3], [0.3]], [1], ()),
        ([[0.1 + 0.2, 1], [0.3, 1], [0.3, 1]], [1, 1], ()),
        ([[1]], [1], ()),
    ],
)
def test_where_rows_must_differ(rewards, weights, kept):
    got = tuple(on for on in ("components", "sum", "gdpo") if sampled(rewards, weights, on=on).any())
    assert got == kept


@untimed
@given(batches())
def test_groups_that_a_normalizer_can_use_stay(batch):
    """And the others go: to the last bit of what the normalizers themselves make of them."""
    rewards, _, groups, weights = batch
    if not len(groups):
        return
    keep = {
        on: dynamic_sampling(*batch, {}, on=on, tolerance=1e-6)[0] for on in ("components", "sum", "gdpo")
    }
    counted = ~np.isnan(rewards).all(axis=1)

    def used(advantages):
        return np.isin(groups, groups[np.abs(advantages) > 1e-6]) & counted

    np.testing.assert_array_equal(keep["sum"], used(dr_grpo(rewards, groups, weights)))
    np.testing.assert_array_equal(keep["sum"], used(grpo(rewards, groups, weights)))
    np.testing.assert_array_equal(keep["gdpo"], used(gdpo(rewards, groups, weights, whiten="none", eps=0.0)))
    assert not (keep["sum"] & ~keep["components"]).any()
    assert not (keep["gdpo"] & ~keep["components"]).any()


def test_chosen_terms():
    """A length differs everywhere; the accuracy says which prompts are too easy."""
    rewards, groups = [[1, 0.1], [1, 0.2], [1, 0.3], [0, 0.4]], np.array([0, 0, 1, 1])
    assert sampled(rewards, groups=groups).all()
    expected = [False, False, True, True]
    assert sampled(rewards, groups=groups, terms=[0]).tolist() == expected
    names = ("accuracy", "brevity")
    assert sampled(rewards, groups=groups, terms=["accuracy"], names=names).tolist() == expected
    assert sampled(rewards, [0.0, 1.0], groups, terms=["accuracy"], names=names).tolist() == expected
    for one in ("accuracy", 0):
        assert sampled(rewards, groups=groups, terms=one, names=names).tolist() == expected
    for terms, message in [
        (["speed"], "term `speed` is unknown; known: accuracy, brevity"),
        ([2], "term 2 is unknown; there are 2, numbered from 0"),
        ([], "at least one term"),
        ("speed", "term `speed` is unknown"),
    ]:
        with pytest.raises(ValueError, match=message):
            sampled(rewards, groups=groups, terms=terms, names=names)
    with pytest.raises(ValueError, match="names of the terms are not known here"):
        sampled(rewards, groups=groups, terms=["accuracy"])


def test_options_of_dynamic_sampling():
    with pytest.raises(ValueError, match="on must be one of components, sum, gdpo, not 'mean'"):
        sampled([[1.0], [0.0]], on="mean")
    with pytest.raises(ValueError, match="tolerance must be a number >= 0"):
        sampled([[1.0], [0.0]], tolerance=-1.0)
    assert not sampled([[1.0], [0.0]], tolerance=0.5).any()


@untimed
@given(st.integers(0, 2**32 - 1))
def test_components_of_a_wide_batch_agree_with_a_loop(seed):
    random = np.random.default_rng(seed)
    rewards = random.integers(0, 2, (400, 3)) * np.array([1.0, 0.5, 3.0])
    rewards[random.random((400, 3)) < 0.2] = NAN
    groups = random.integers(0, 120, 400)
    keep = sampled(rewards, [1.0, 0.3, 0.1], groups)
    for group in np.unique(groups):
        rows = rewards[groups == group]
        counted = ~np.isnan(rows).all(axis=1)
        terms = any(len({x for x in column if not math.isnan(x)}) > 1 for column in rows.T)
        sums = {round(float(np.nansum(row * [1.0, 0.3, 0.1])), 9) for row in rows[counted]}
        assert keep[groups == group].tolist() == (counted & (terms or len(sums) > 1)).tolist()


# --- overlong -----------------------------------------------------------------------------------------


def test_overlong_filtering():
    finished = [True, False, True, False]
    assert overlong(finished).tolist() == [False, True, False, True]
    assert overlong(finished, [True, True, False, False]).tolist() == [True, True, False, True]
    with pytest.raises(ValueError, match="must both have shape"):
        overlong(finished, [True])


def test_soft_overlong_punishment():
    """The paper's formula is the language's `length.overlong`; verl's is a plain line below 0."""
    golden = GOLDEN["dapo_soft_overlong"]
    given_ = golden["inputs"]
    most, cache, lengths = given_["L_max"], given_["L_cache"], given_["lengths"]
    spec = rk.loads(
        f"""
        term paper in [-1, 0] = length.overlong(completion.tokens, {most}tok, {cache}tok)
        term verl in (-inf, 0] = min(({most - cache}tok - completion.tokens) / {cache}tok, 0)
        reward {{ paper: 1 verl: 1 }}
        """
    )
    rows = [{"prompt": "p", "completion": "c", "completion_tokens": length} for length in lengths]
    matrix = spec(rows).matrix
    np.testing.assert_allclose(matrix, np.transpose([golden["paper"], golden["verl"]]), atol=1e-9)
