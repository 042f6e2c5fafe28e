"""Distinct advantages: the counts of figure 3 of the GDPO paper, from specs; and what is merged."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

import rewardkit as rk
from rewardkit.analysis.analyze import analyze
from rewardkit.analysis.collapse import COMPARED, advantages, classes, collapse
from rewardkit.analysis.combinations import combinations

GOLDEN = json.loads((Path(__file__).parents[1] / "normalizers" / "golden.json").read_text())
TABLE = GOLDEN["gdpo_distinct_advantage_groups"]
PAPER = {"grpo": "grpo", "dr_grpo": "grpo_no_std", "gdpo": "gdpo"}


def binary(terms, weight="1"):
    declared = "".join(f"input b{i}: bool\nterm t{i} = b{i}\n" for i in range(terms))
    return rk.loads(declared + "reward { " + "  ".join(f"t{i}: {weight}" for i in range(terms)) + " }")


def counts(row):
    return {name: row[key]["multiset"] for name, key in PAPER.items()}


def test_the_counts_of_two_binary_rewards():
    found = collapse(binary(2), sizes=range(2, 9))
    expected = {int(size): counts(row) for size, row in TABLE["rollouts_at_2_rewards"].items()}
    assert {c.size: {n: c.distinct[n] for n in PAPER} for c in found.counts} == expected
    assert [c.groups for c in found.counts] == [math.comb(4 + g - 1, g) for g in range(2, 9)]


@pytest.mark.parametrize("terms", range(1, 7))
def test_the_counts_of_groups_of_four(terms):
    (found,) = collapse(binary(terms), sizes=[4], most=10**6).counts
    assert {n: found.distinct[n] for n in PAPER} == counts(TABLE["rewards_at_4_rollouts"][str(terms)])


@pytest.mark.parametrize("weight", ["0.001", "3", "1e6"])
def test_a_common_factor_of_the_weights_changes_no_count(weight):
    (found,) = collapse(binary(2, weight), sizes=[4]).counts
    assert {n: found.distinct[n] for n in PAPER} == counts(TABLE["rollouts_at_2_rewards"]["4"])


def test_figure_2():
    """Rewards (0, 1) and (0, 2) are one to GRPO and two to GDPO."""
    found = collapse(binary(2), sizes=[2])
    assert found.merge_size == 2
    (merge,) = found.merges
    assert merge.normalizer == "grpo" and set(merge.by) == {"dr_grpo", "gdpo"}
    assert merge.advantages == pytest.approx((-math.sqrt(0.5), math.sqrt(0.5)))
    totals = sorted(tuple(sum(row) for row in group) for group in merge.groups)
    assert totals == [(0, 1), (0, 2)]


def test_what_is_merged_has_the_same_advantages_and_its_others_tell_it_apart():
    found = collapse(binary(3), sizes=[4])
    assert found.merges
    for merge in found.merges:
        groups = np.array(merge.groups)
        given = advantages(merge.normalizer, groups, np.ones(3))
        np.testing.assert_allclose(given, np.tile(merge.advantages, (len(groups), 1)), atol=1e-9)
        for other in merge.by:
            assert classes(advantages(other, groups, np.ones(3))).max() >= 0
        assert any(classes(advantages(o, groups, np.ones(3))).max() > 0 for o in merge.by)


def test_terms_that_add_up_to_a_constant_are_silent_under_every_normalizer():
    """GDPO as well at equal weights, other than section 3.1 of the paper says."""
    reward = rk.loads("input a: bool\nterm x = a\nterm y = not a\nreward { x: 1  y: 1 }")
    (found,) = collapse(reward, sizes=[4]).counts
    assert found.groups == 5
    assert dict(found.silent) == dict.fromkeys(COMPARED, 3)
    assert dict(found.distinct) == dict.fromkeys(COMPARED, 1)


def test_the_order_of_completions_does_not_count():
    reward = binary(2)
    rows = np.array(combinations(reward).all)
    every = np.array(list(itertools.product(rows, repeat=3)))
    (found,) = collapse(reward, sizes=[3]).counts
    for name in COMPARED:
        assert classes(advantages(name, every, np.ones(2))).max() + 1 == found.distinct[name]


def test_a_gate_leaves_fewer_combinations():
    reward = rk.loads("input a: bool\ninput b: bool\nterm x = a\nterm y when a = b\nreward { x: 1  y: 1 }")
    assert combinations(reward).all == ((0, 0), (1, 0), (1, 1))


def test_ranges_are_looked_at_by_their_ends():
    reward = rk.loads(
        "input r: real in [-3, 3]\nterm x = r\nterm y = -0.001 * (completion.tokens / 1tok)\n"
        "reward { x: 1  y: 1 }"
    )
    found = combinations(reward)
    assert dict(found.ends) == {"x": (-3, 3), "y": (-1, 0)}
    assert found.unbounded == ("y",)
    assert len(found.all) == 4


def test_no_value_is_a_value_of_its_own():
    reward = rk.loads("input a: bool\ninput b: bool\nterm x when a else null = b\nreward { x: 1 }")
    found = combinations(reward)
    assert len(found.all) == 3
    assert sum(math.isnan(v) for (v,) in found.all) == 1
    (count,) = collapse(reward, sizes=[2]).counts
    assert count.groups == 6 and count.distinct["grpo"] == 2


def test_what_a_prompt_settles_is_the_same_in_a_group():
    reward = rk.loads(
        "input easy: bool per prompt\ninput a: bool\nterm x when easy = a\nterm y when not easy = a\n"
        "reward { x: 1  y: 1 }"
    )
    found = combinations(reward)
    assert len(found.worlds) == 2 and len(found.all) == 3
    (count,) = collapse(reward, sizes=[2]).counts
    assert count.groups == 5  # {00, 00} is in both worlds, {01, 10} in none


def test_weights_at_a_step():
    reward = rk.loads(
        "input a: bool\ninput b: bool\nterm x = a\nterm y = b\nreward { x: 1  y: ramp(step, 0, 10) }"
    )
    (early,), (late,) = (collapse(reward, sizes=[2], step=step).counts for step in (0, 10))
    assert early.distinct["gdpo"] == 2 and late.distinct["gdpo"] == 3


def test_too_many_groups_are_left_out():
    found = collapse(binary(6), sizes=[2, 8])
    assert found.counts[0].distinct
    assert not found.counts[1].distinct and found.counts[1].groups == math.comb(71, 8)


def test_too_many_combinations_are_told():
    found = collapse(binary(20))
    assert found.combinations.problem is not None and not found.counts


def test_rounding_does_not_split_classes():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(50, 4))
    noisy = np.concatenate([base, base * (1 + 1e-15), rng.permuted(base, axis=1)])
    assert classes(noisy).max() + 1 == 50


RELATIONS = {
    "two inputs compared both ways": (
        "input a: real\ninput b: real\nterm x = a < b\nterm y = b < a\nreward { x: 1  y: 1 }",
        ((0, 0), (0, 1), (1, 0)),
    ),
    "a range that moves with another": (
        "input r: real in [0, 1]\nterm x = r\nterm y = 1 - r\nreward { x: 1  y: 1 }",
        ((0, 1), (1, 0)),
    ),
    "a param of the run": (
        "input n: int in [0, 100]\nparam most: int in [1, 50] = 1\n"
        "term x = n < most\nterm y = 2 * n > most + 9\nreward { x: 1  y: 1 }",
        ((0, 0), (0, 1), (1, 0)),
    ),
}


@pytest.mark.parametrize("name", RELATIONS)
def test_relations_between_values_leave_fewer(name):
    text, expected = RELATIONS[name]
    assert combinations(rk.loads(text)).all == expected


def test_another_normalizer_is_shown_where_the_spec_names_it():
    text = "input a: bool\nterm x = a\nreward { x: 1 }\nadvantage "
    assert tuple(analyze(rk.loads(text + "gdpo")).collapse.counts[0].distinct) == COMPARED
    for name in ("rloo", "reinforce_pp", "batch"):
        found = analyze(rk.loads(text + name))
        assert tuple(found.collapse.counts[0].distinct) == (*COMPARED, name)
        # groups of two bools: REINFORCE++ tells all three apart, as it does not compare within them
        assert found.collapse.counts[0].distinct[name] == (3 if name == "reinforce_pp" else 2)
