"""Claims that hold in the reward: which normalizers keep them in the advantage."""

import numpy as np
import pytest

import rewardkit as rk
from rewardkit.analysis.analyze import analyze
from rewardkit.analysis.claims import claims
from rewardkit.analysis.report import render
from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.testing.runner import run_tests

SPEC = """
input ok: bool
input tidy: bool
input kind: bool
term correct = ok
term format = tidy
term tone = kind
reward { correct: WEIGHT  format: 1  tone: 1 }
ADVANTAGE
prove ok outranks not ok
prove correct in [0, 1]
"""


def spec(weight, advantage=""):
    return SPEC.replace("WEIGHT", str(weight)).replace("ADVANTAGE", advantage)


def answers(text, sizes):
    (claim,) = claims(rk.loads(text).spec, sizes)
    return claim.in_reward, {(x.normalizer, x.size): x.answer for x in claim.advantages}


def broken_groups(weight, size):
    """By hand: whether in some group of `size` a right row is not above a wrong one under GDPO."""
    from itertools import combinations_with_replacement, product

    from rewardkit.normalizers import gdpo

    rows = list(product([0.0, 1.0], repeat=3))
    for group in combinations_with_replacement(rows, size):
        values = np.array(group)
        given = gdpo(values, np.zeros(size, int), np.array([weight, 1, 1]), eps=0, whiten="none")
        right = values[:, 0] == 1
        if right.any() and not right.all() and given[right].min() <= given[~right].max() + 1e-9:
            return True
    return False


@pytest.mark.parametrize("weight", [2.1, 2.5, 3.5])
def test_gdpo_keeps_a_claim_in_small_groups_only(weight):
    in_reward, found = answers(spec(weight, "advantage gdpo"), (2, 4, 8))
    assert in_reward == "proved"
    for size in (2, 4, 8):
        assert found["grpo", size] == found["dr_grpo", size] == "proved"
        assert (found["gdpo", size] == "refuted") == broken_groups(weight, size)


def test_a_lost_claim_is_a_warning_with_a_group_that_breaks_it():
    text = spec(2.5, "advantage gdpo")
    found = analyze(rk.loads(text), sizes=[2, 8])
    (lost,) = [f for f in found.findings if f.kind == "claim-lost"]
    assert lost.severity == "warning"
    assert "`ok outranks not ok` holds in the reward, but not in the advantage under gdpo" in lost.message
    assert "refuted for 8" in render(found) and "group {" in render(found)
    # the group is a test that fails under the spec as it is
    (test,) = [x.test for c in found.claims for x in c.advantages if x.test]
    checked, _ = check(Source("spec.rwd", f"{text}\n{test}"))
    (result,) = run_tests(checked, checked.tests)
    assert not result.passed


def test_a_normalizer_that_the_spec_does_not_use_is_a_note():
    found = analyze(rk.loads(spec(2.5, "advantage grpo")), sizes=[8])
    assert [f.severity for f in found.findings if f.kind == "claim-lost"] == ["note"]


def test_a_claim_that_fails_in_the_reward_is_not_followed():
    in_reward, found = answers(spec(1.5), (2,))
    assert in_reward == "refuted" and not found


def test_specs_without_claims_have_none():
    assert claims(rk.loads("input a: bool\nterm x = a\nreward { x: 1 }").spec) == ()
