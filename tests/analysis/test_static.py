"""What an analysis says of a spec alone: ranges, shares, gates, weights."""

from fractions import Fraction

import pytest

import rewardkit as rk
from rewardkit.analysis.analyze import analyze
from rewardkit.analysis.report import render
from rewardkit.diagnostics import RewardError


def analyzed(text, **options):
    params = options.pop("params", {})
    return analyze(rk.loads(text, **params), sizes=[2], **options)


def kinds(text, **options):
    return {(f.kind, f.term) for f in analyzed(text, **options).findings}


SCALES = """
input ok: bool
input grade: real in [-3, 3]
term format = ok
term correctness = grade
term brevity in [0, 1] when ok = 1 - clamp(completion.words / 100, 0, 1)
term words = completion.words
reward { format: 1  correctness: 1  brevity: 0.5 }
"""


def test_ranges_and_shares():
    found = analyzed(SCALES)
    by_name = {t.name: t for t in found.terms}
    assert [t.name for t in found.terms] == ["format", "correctness", "brevity", "words"]
    assert by_name["format"].values == (0, 1) and by_name["correctness"].values is None
    # 1, 6 and 0.5 of 7.5; weights 1, 1 and 0.5 of 2.5
    assert [by_name[n].share for n in ("format", "correctness", "brevity")] == pytest.approx(
        [1 / 7.5, 6 / 7.5, 0.5 / 7.5]
    )
    assert [by_name[n].weight_share for n in ("format", "correctness", "brevity")] == [0.4, 0.4, 0.2]
    assert by_name["words"].weight is None and by_name["words"].share is None
    assert (found.reward.lo, found.reward.hi) == (-3, Fraction(9, 2))


def test_the_reward_is_over_cases_not_over_terms():
    found = analyzed("input a: bool\nterm x = a\nterm y = not a\nreward { x: 1  y: 2 }")
    assert (found.reward.lo, found.reward.hi) == (1, 2)


def test_weights_are_over_steps_and_params():
    text = (
        "input a: bool\nparam bonus: real in [0, 4] = 0.5\nterm x = a\nterm y = not a\n"
        "reward { x: 2 * ramp(step, 0, 10)  y: bonus }"
    )
    x, y = analyzed(text).terms
    assert (x.weight.lo, x.weight.hi, x.weight_now) == (0, 2, 0)
    assert (y.weight.lo, y.weight.hi, y.weight_now) == (0, 4, 0.5)
    x, y = analyzed(text, params={"bonus": 3.0}, step=10).terms
    assert x.weight_now == 2
    assert y.weight.constant == 3


def test_an_unbounded_term_leaves_the_shares_open():
    found = analyzed("term n = completion.words\nterm ok = completion.finished\nreward { n: -1  ok: 1 }")
    assert [t.share for t in found.terms] == [None, None]
    assert [t.weight_share for t in found.terms] == [0.5, 0.5]
    assert found.reward.lo is None and found.reward.hi == 1


FINDINGS = {
    "a gate that never opens": (
        "input n: real\ninput a: bool\nterm x when n > 3 and n < 2 = a\nterm y = a\nreward { x: 1  y: 1 }",
        ("gate-never", "x"),
    ),
    "a gate that no unskipped row opens": (
        "input a: text?\ninput b: bool\nskip when a == null\nlet none = a == null\n"
        "term x when none = b\nterm y = b\nreward { x: 1  y: 1 }",
        ("gate-never", "x"),
    ),
    "a gate whose two sides exclude each other": (
        "input n: real\ninput m: real\ninput a: bool\nterm x when n > m and m > n + 1 = a\nterm y = a\n"
        "reward { x: 1  y: 1 }",
        ("gate-never", "x"),
    ),
    "a gate that is always open": (
        "input n: real in [0, 1]\ninput a: bool\nterm x when n < 2 = a\nterm y = a\nreward { x: 1  y: 1 }",
        ("gate-always", "x"),
    ),
    "a weight of 0": (
        "input a: bool\nterm x = a\nterm y = not a\nreward { x: 0  y: 1 }",
        ("weight-zero", "x"),
    ),
    "a weight of 0 at this step": (
        "input a: bool\nterm x = a\nterm y = not a\nreward { x: ramp(step, 0, 9)  y: 1 }",
        ("weight-zero-now", "x"),
    ),
    "a constant": ("input a: bool\nterm x = 1\nterm y = a\nreward { x: 1  y: 1 }", ("constant", "x")),
    "a hidden constant": (
        "input n: real\ninput a: bool\nterm x = (n > 1 and n < 0) or n == n + 0 or true\nterm y = a\n"
        "reward { x: 1  y: 1 }",
        ("constant", "x"),
    ),
    "a term of the prompt": (
        "input hard: real in [0, 1] per prompt\ninput a: bool\nterm x = hard\nterm y = a\n"
        "reward { x: 1  y: 1 }",
        ("group-level", "x"),
    ),
    "a term of the group": (
        "input a: bool\nterm x = mean(a) over group\nterm y = a\nreward { x: 1  y: 1 }",
        ("group-level", "x"),
    ),
    "a factor of the prompt": (
        "input hard: real in [0, 1] per prompt\ninput r: real\nlet w = 1 + hard\nterm x = w * r\n"
        "term y = r\nreward { x: 1  y: 1 }",
        ("group-factor", "x"),
    ),
    "one term": ("input a: bool\nterm x = a\nreward { x: 2 }", ("only-term", "x")),
    "twins": (
        "input a: bool\nlet b = a\nterm x = a\nterm y = b\nreward { x: 1  y: 1 }",
        ("same-as", "y"),
    ),
    "a tie-breaker": (SCALES, ("dominated", "brevity")),
}


@pytest.mark.parametrize("name", FINDINGS)
def test_findings(name):
    text, expected = FINDINGS[name]
    assert expected in kinds(text)


def test_a_sound_spec_has_no_warning():
    assert [f for f in analyzed(SCALES).findings if f.severity == "warning"] == []


def test_dominated_wants_less_than_a_step():
    """At exactly one step two rows can tie, so the smaller term does more than break ties."""
    text = "input a: bool\ninput r: real in [0, 1]\nterm x = a\nterm y = r\nreward {{ x: 1  y: {} }}"
    assert ("dominated", "y") in kinds(text.format("0.99"))
    assert ("dominated", "y") not in kinds(text.format("1"))
    assert ("dominated", "y") not in kinds(text.format("-1.5"))
    assert ("dominated", "x") not in kinds(text.format("9"))  # `r` has no smallest step


def test_the_smallest_step_counts():
    text = (
        "input n: int in [0, 4]\ninput r: real in [0, 1]\nterm x = n * n\nterm y = r\n"
        "reward {{ x: 1  y: {} }}"
    )
    assert ("dominated", "y") in kinds(text.format("0.9"))
    assert ("dominated", "y") not in kinds(text.format("2"))  # the step from 0 to 1 is 1


def test_a_library_is_refused():
    with pytest.raises(RewardError, match="has no `reward`"):
        analyze(rk.loads("let x = 1"))


def test_a_weight_that_cannot_be_computed_is_told():
    reward = rk.loads("input a: bool\nterm x = a\nreward { x: exp(step) }")
    with pytest.raises(RewardError, match="the weight of `x` cannot be computed at step 2000"):
        analyze(reward, step=2000)


def test_very_large_terms_are_not_counted():
    found = analyzed(
        "input r: real in [0, 1e90]\ninput a: bool\nterm x = r\nterm y = a\nreward { x: 1  y: 1 }"
    )
    assert found.collapse.combinations.problem is not None
    assert "not counted" in render(found)
