"""Mutants: what is changed, what cannot be told apart, and what the tests of the examples notice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from batches import batches
from cases import thorough
from generator import specs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from probes import install
from specs import checked

from rewardkit.checker import check, read_source
from rewardkit.diagnostics import Source
from rewardkit.runtime.reward import Reward
from rewardkit.testing.meaning import Meanings
from rewardkit.testing.mutants import mutants
from rewardkit.testing.mutate import MutationReport, Outcome, mutate

ROOT = Path(__file__).parents[2]
EXAMPLES = [*sorted(ROOT.glob("examples/*/*.rwd")), *sorted(ROOT.glob("rewardkit/templates/*/*.rwd"))]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_tests_of_the_examples_notice_nearly_everything(path):
    spec, _ = check(read_source(path))
    assert spec is not None
    report = report_of(spec)
    assert report.count("killed") >= 3
    assert report.score is not None and report.score >= 90, [m.what for m in report.survivors]
    doubled = next(o for o in report.outcomes if o.mutant.what == "all weights: doubled")
    # a declared range of the reward leaves no room for it, and no advantage shows it otherwise
    assert doubled.fate == ("equal" if spec.reward_range is None else "refused")


def report_of(spec, **options) -> MutationReport:
    outcomes = tuple(mutate(spec, spec.tests, **options))
    return MutationReport(outcomes, len(mutants(spec.module)))


def fates(text: str) -> dict[str, list[str]]:
    """The mutants of a spec by what became of them."""
    out: dict[str, list[str]] = {}
    for outcome in mutate(spec := checked(text), spec.tests):
        out.setdefault(outcome.fate, []).append(outcome.mutant.what)
    return out


SMALL = """
input n: int
input ok: bool
param most: int in [1, 9] = 4
skip when n < 0
let half = n / 2.0
term a when ok and n > most else -1 = min(half, 3)
term b = if n == 0 or not ok then 1 else n - 1
reward { a: 1.0  b: 0.5 }
"""


def test_what_is_changed():
    assert [mutant.what for mutant in mutants(checked(SMALL).module)] == [
        "param `most`: 4 -> 8",
        "param `most`: 4 -> 2",
        "`skip when`: n < 0 -> nothing",
        "`skip when`: n < 0 -> not (n < 0)",
        "comparison: n < 0 -> n <= 0",
        "constant: 0 -> 1",
        "constant: 0 -> (-1)",
        "arithmetic: n / 2.0 -> n * 2.0",
        "constant: 2.0 -> 4.0",
        "constant: 2.0 -> 1.0",
        "gate of `a`: ok and n > most -> not (ok and n > most)",
        "gate of `a`: ok and n > most -> true",
        "logic: ok and n > most -> ok or n > most",
        "comparison: n > most -> n >= most",
        "arithmetic: -1 -> (1)",
        "constant: 1 -> 2",
        "constant: 1 -> 0",
        "function: min -> max",
        "constant: 3 -> 4",
        "constant: 3 -> 2",
        "constant: 3 -> 6",
        "`if`: n == 0 or not ok -> not (n == 0 or not ok)",
        "comparison: n == 0 -> n != 0",
        "constant: 0 -> 1",
        "constant: 0 -> (-1)",
        "logic: n == 0 or not ok -> n == 0 and not ok",
        "condition: not ok -> (ok)",
        "constant: 1 -> 2",
        "constant: 1 -> 0",
        "arithmetic: n - 1 -> n + 1",
        "constant: 1 -> 2",
        "constant: 1 -> 0",
        "weight of `a`: 1.0 -> 2.0",
        "weight of `a`: 1.0 -> (-1.0)",
        "weight of `a`: 1.0 -> 0.0",
        "weights of `a` and `b`: swapped",
        "all weights: doubled",
        "weight of `b`: 0.5 -> 1.0",
        "weight of `b`: 0.5 -> (-0.5)",
        "weight of `b`: 0.5 -> 0.0",
    ]


def test_each_mutant_changes_one_place_and_most_of_them_check():
    spec = checked(SMALL)
    sources = [mutant.source().text for mutant in mutants(spec.module)]
    assert len(set(sources)) == len(sources) and SMALL not in sources
    assert sum(check(Source("m", text))[0] is not None for text in sources) >= len(sources) - 2


def test_an_operator_is_found_beside_brackets_and_comments():
    spec = checked("input n: int\nterm a = (n  # n < 3\n  ) < (3)\nreward { a: 1 }\n")
    (mutant,) = [m for m in mutants(spec.module) if m.kind == "comparison"]
    assert mutant.source().text == "input n: int\nterm a = (n  # n < 3\n  ) <= (3)\nreward { a: 1 }\n"


TESTED = """
input n: int in [0, 100]
term a in [0, 1] = clamp(n / 10, 0, 1)
term metric = n * 3
reward { a: 1.0 }
advantage gdpo
test "t" { sample s { n = 5 } sample z { n = 20 } expect s.a == 0.5 and z.a == 1 and s.reward == 0.5 }
"""


def test_what_training_cannot_see_is_no_mutant():
    found = fates(TESTED)
    assert found["equal"] == [
        "constant: 0 -> (-1)",  # nothing is below 0
        "arithmetic: n * 3 -> n / 3",  # no reward reads it
        "constant: 3 -> 4",
        "constant: 3 -> 2",
        "constant: 3 -> 6",
        "weight of `a`: 1.0 -> 2.0",  # with one term, every weight is a common factor
    ]
    assert "constant: 10 -> 11" in found["killed"] and "survived" not in found
    assert "arithmetic: n / 10 -> n * 10" in found["killed"]


@pytest.mark.parametrize(
    ("advantage", "equal"),
    [
        ("advantage gdpo", True),
        ("advantage grpo", True),
        ("advantage dr_grpo", False),
        ('advantage dr_grpo { whiten: "sequence" }', True),
        ('advantage gdpo { whiten: "none" }', False),
        ("", False),
    ],
)
def test_a_common_factor_is_taken_out_where_the_normalizer_does(advantage, equal):
    text = f"input n: int\nterm a = n\nterm b = n > 3\nreward {{ a: 1.0 b: 0.2 }}\n{advantage}\n"
    found = fates(text + 'test "t" { sample s { n = 5 } expect s.a == 5 }')
    assert ("all weights: doubled" in found.get("equal", [])) is equal
    assert "weight of `a`: 1.0 -> 2.0" not in found.get("equal", [])


def test_survivors_are_what_no_test_looks_at():
    found = fates(SMALL + 'test "t" { sample s { n = 5 ok = true } expect s.a == 2.5 }')
    assert "gate of `a`: ok and n > most -> not (ok and n > most)" in found["killed"]
    assert "weight of `b`: 0.5 -> 1.0" in found["survived"]
    assert "comparison: n > most -> n >= most" in found["survived"]
    assert "param `most`: 4 -> 8" in found["killed"]


def test_a_param_that_the_run_sets_is_that_value():
    spec = checked(SMALL + 'test "t" { sample s { n = 5 ok = true } expect s.a == 2.5 }')
    report = report_of(spec, params={"most": 3})
    assert {o.mutant.what: o.fate for o in report.outcomes}["param `most`: 4 -> 8"] == "equal"


MASKED = """
input a: text
input b: text
let same = a == b
mask when same
skip when a == "skip"
term t = completion.finished
reward { t: 1 }
"""
STATES = """
sample yes { a = "x" b = "x" } sample no { a = "x" b = "y" } sample out { a = "skip" b = "skip" }
"""


def test_masks_and_skips_are_noticed_by_what_became_of_the_samples():
    seen = "expect yes.masked and not no.masked and not out.masked and out.skipped and not yes.skipped"
    found = fates(f'{MASKED} test "t" {{ {STATES} {seen} expect yes.t == 1 }}')
    assert "`mask when`: same -> nothing" in found["killed"]
    assert "`mask when`: same -> not (same)" in found["killed"]
    blind = fates(f'{MASKED} test "t" {{ {STATES} expect yes.same and yes.t == 1 and out.t == null }}')
    # the let is read by the test: a changed let is another mutant than a changed mask
    assert "`mask when`: same -> not (same)" in blind["survived"]
    assert "comparison: a == b -> a != b" in blind["killed"]


def test_a_mutant_that_says_what_one_before_says_counts_once():
    text = "input n: int\nmask when n > 3\nterm t = if n == 2 then 1 else 0\nreward { t: 1 }\n"
    found = fates(text + 'test "t" { sample s { n = 5 } expect s.reward == 0 }')
    (same,) = [what for what in found["repeated"] if "==" in what]
    assert same == "comparison: n == 2 -> n != 2"
    assert "`if`: n == 2 -> not (n == 2)" in found["killed"]
    assert "`mask when`: n > 3 -> not (n > 3)" in found["survived"]


def test_the_lines_that_a_mutant_changes():
    text = "input n: int\nterm a = n\nterm b = n\nskip when n\n  == 0\nreward {\n  a: 1.0\n  b: 2.0\n}\n"
    lines = {m.what: m.lines() for m in mutants(checked(text).module)}
    assert lines["weight of `b`: 2.0 -> 4.0"] == (("  b: 2.0",), ("  b: 4.0",))
    assert lines["all weights: doubled"] == (("  a: 1.0", "  b: 2.0"), ("  a: 2.0", "  b: 4.0"))
    assert lines["`skip when`: n == 0 -> nothing"] == (("skip when n", "  == 0"), ("",))


def test_another_judge_of_equality_may_be_asked():
    spec = checked(SMALL + 'test "t" { sample s { n = 5 ok = true } expect s.a == 2.5 }')
    asked = []

    def equal(one, other):
        asked.append(other.source.text)
        return True

    report = report_of(spec, equal=equal)
    assert report.count("killed") == report.count("survived") == 0 and report.score is None
    assert len(asked) + report.count("refused") + 0 == len(report.outcomes)


def test_the_same_mutants_and_fates_each_time():
    spec = checked(TESTED)
    assert [o.to_json() for o in mutate(spec, spec.tests)] == [o.to_json() for o in mutate(spec, spec.tests)]


def test_the_report_of_a_part():
    spec = checked(TESTED)
    outcomes = tuple(mutate(spec, spec.tests))
    report = MutationReport(outcomes[:3], len(outcomes))
    assert report.to_json()["complete"] is False and len(report.to_json()["mutants"]) == 3
    assert MutationReport((), 5).score is None
    assert isinstance(outcomes[0], Outcome)


# --- equal means equal -------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


@settings(thorough(1 / 10), suppress_health_check=list(HealthCheck))
@given(specs(), batches(), st.integers(0, 12), st.data())
def test_mutants_that_are_equal_score_the_same(text, batch, step, data):
    """On generated specs and rows: the same rows, terms and weights (up to a factor that is taken out)."""
    rows, size = batch
    spec = checked(text)
    meanings, own = Meanings(), Reward(spec)
    meaning = meanings.of(spec, own.plan, own.params)
    equal = []
    for mutant in mutants(spec.module):
        other, _ = check(mutant.source())
        if other is None:
            continue
        reward = Reward(other)
        if meanings.of(other, reward.plan, reward.params) == meaning:
            equal.append(reward)
    assume(equal)
    expected = own(rows, group=size, step=step)
    for reward in equal[:6]:
        found = reward(rows, group=size, step=step)
        np.testing.assert_array_equal(found.skipped, expected.skipped)
        np.testing.assert_array_equal(found.masked, expected.masked)
        np.testing.assert_allclose(found.matrix, expected.matrix, rtol=1e-9, atol=1e-9)
        size_of = np.abs(found.weights).sum() or 1.0
        own_size = np.abs(expected.weights).sum() or 1.0
        np.testing.assert_allclose(found.weights / size_of, expected.weights / own_size, rtol=1e-9)
