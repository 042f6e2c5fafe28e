"""The cases of a spec: exact where conditions are free of each other, and never too few."""

from fractions import Fraction

import numpy as np
import pytest
from batches import batches
from cases import thorough
from generator import specs
from hypothesis import given
from hypothesis import strategies as st
from probes import install

import rewardkit as rk
from rewardkit.analysis.cases import cases
from rewardkit.analysis.combinations import combinations
from rewardkit.analysis.idle import gates
from rewardkit.analysis.ranges import reward_range, term_ranges
from rewardkit.runtime.reward import Reward


def outcomes(text, fixed=None):
    """What the weighted terms can be together: an interval's text for each, `null` where it is none."""
    reward = rk.loads(text)
    spec = reward.spec
    found = cases(spec, reward.plan.numbers, [spec.terms[name].value for name in reward.terms], fixed)
    assert found.complete
    return {tuple("null" if not p.present else str(p.interval) for p in case.found) for case in found.cases}


def point(*values):
    return tuple("null" if v is None else f"[{v}, {v}]" for v in values)


CASES = {
    "free conditions": (
        "input a: bool\ninput b: bool\nterm x = a\nterm y = b\nreward { x: 1  y: 1 }",
        {point(0, 0), point(0, 1), point(1, 0), point(1, 1)},
    ),
    "a shared let": (
        "input a: bool\nlet ok = a\nterm x = ok\nterm y = not ok\nreward { x: 1  y: 1 }",
        {point(1, 0), point(0, 1)},
    ),
    "a gate": (
        "input a: bool\ninput r: real in [0, 1]\nterm x = a\nterm y when x > 0 = r\nreward { x: 1  y: 1 }",
        {point(0, 0), ("[1, 1]", "[0, 1]")},
    ),
    "else null": (
        "input a: bool\ninput b: bool\nterm x when a else null = b\nreward { x: 1 }",
        {point(None), point(0), point(1)},
    ),
    "thresholds of one number": (
        "input n: real\nterm x = n > 1\nterm y = n > 2\nreward { x: 1  y: 1 }",
        {point(0, 0), point(1, 0), point(1, 1)},
    ),
    "thresholds of a whole number leave no gap": (
        "input n: int\nterm x = n > 1 and n < 3 and n != 2\nreward { x: 1 }",
        {point(0)},
    ),
    "the same measure twice": (
        "term x = completion.words > 9\nterm y = completion.words <= 9\nreward { x: 1  y: 1 }",
        {point(1, 0), point(0, 1)},
    ),
    "choices of one text": (
        'input s: text\nterm x = s == "a"\nterm y = s == "b"\nreward { x: 1  y: 1 }',
        {point(0, 0), point(1, 0), point(0, 1)},
    ),
    "null flows through a call": (
        "input answer: text\nlet final = math.boxed(completion.text)\n"
        "term found = final != null\nterm right = math.equal(final, answer) ?? false\n"
        "reward { found: 1  right: 1 }",
        {point(0, 0), point(1, 0), point(1, 1)},
    ),
    "a skipped row is none": (
        "input a: bool?\nskip when a == null\nterm x = a == null\nreward { x: 1 }",
        {point(0)},
    ),
    "a few whole numbers": (
        "input stars: int in [1, 3]\nterm x = stars\nterm y = 2 * stars\nreward { x: 1  y: 1 }",
        {point(1, 2), point(2, 4), point(3, 6)},
    ),
    "what a fault counts as": (
        "input n: int in [0, 5]\nterm x = clamp(probe.flaky(n), 0, 1) ?? -1\nreward { x: 1 }",
        {point(-1), point(0), point(1)},
    ),
    "nothing is known of a product": (
        "input r: real in [0, 1]\ninput s: real in [-1, 1]\nterm x = r * s\nreward { x: 1 }",
        {("[-1, 1]",)},
    ),
}


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


@pytest.mark.parametrize("name", CASES)
def test_cases(name):
    text, expected = CASES[name]
    assert outcomes(text) == expected


PARAMS = """
input a: bool
param strict: bool = true
term x = a and strict
term y = step > 10 and a
reward { x: 1  y: 1 }
"""


def test_a_run_fixes_params_and_step():
    assert len(outcomes(PARAMS)) == 4
    assert outcomes(PARAMS, {"strict": False, "step": 20}) == {point(0, 0), point(0, 1)}
    assert outcomes(PARAMS, {"strict": True, "step": 0}) == {point(0, 0), point(1, 0)}


WORLDS = [
    ("term x when easy = a\nterm y when not easy = a", [[(0, 0), (0, 1)], [(0, 0), (1, 0)]]),
    ("term x = easy\nterm y = a", [[(0, 0), (0, 1)], [(1, 0), (1, 1)]]),
    ("term x = a\nterm y when a = easy", [[(0, 0), (1, 0)], [(0, 0), (1, 1)]]),
]


@pytest.mark.parametrize(("terms", "expected"), WORLDS)
def test_a_condition_of_the_prompt_makes_worlds(terms, expected):
    reward = rk.loads(f"input easy: bool per prompt\ninput a: bool\n{terms}\nreward {{ x: 1  y: 1 }}")
    found = cases(reward.spec, reward.plan.numbers, [reward.spec.terms[n].value for n in "xy"])
    worlds = {}
    for case in found.cases:
        worlds.setdefault(case.world, set()).add(tuple(int(p.interval.lo) for p in case.found))
    assert sorted(map(sorted, worlds.values())) == expected


def test_twenty_conditions_are_given_up_in_bounded_time():
    terms = "".join(f"input b{i}: bool\nterm t{i} = b{i}\n" for i in range(20))
    reward = rk.loads(terms + "reward {" + " ".join(f"t{i}: 1" for i in range(20)) + "}")
    found = cases(reward.spec, reward.plan.numbers, [t.value for t in reward.spec.terms.values()])
    assert not found.complete and len(found.cases) < 4096


def test_a_long_chain_of_lets_needs_no_recursion():
    lets = "let x0 = completion.words > 3\n" + "".join(f"let x{i + 1} = not x{i}\n" for i in range(3000))
    assert outcomes(f"{lets}term t = x3000\nreward {{ t: 1 }}") == {point(0), point(1)}


# --- never too few ---------------------------------------------------------------------------------


def allows(possible, value, faulted):
    if np.isnan(value):
        return possible.null or faulted
    interval, exact = possible.interval, Fraction(float(value))
    slack = Fraction(1, 10**9) * max(1, abs(exact))
    below = interval.lo is not None and exact < interval.lo - slack
    above = interval.hi is not None and exact > interval.hi + slack
    return possible.present and not below and not above


@thorough(1 / 5)
@given(specs(scopes=("group",)), batches(), st.integers(0, 12))
def test_every_row_is_one_of_the_cases(text, batch, step):
    """Rows of a group have cases of one world; gates and ranges hold on every row."""
    rows, size = batch
    reward = rk.loads(text)
    spec, terms = reward.spec, reward.terms
    scores = reward(rows, group=size, step=step)
    faulted = set(scores.faults.get_column("row").to_list())
    alive = [i for i in range(len(rows)) if not scores.skipped[i] and i not in faulted]
    for fixed in ({}, {**reward.params, "step": step}):
        found = cases(spec, reward.plan.numbers, [spec.terms[name].value for name in terms], fixed, most=800)
        if not found.complete:
            continue
        fitting = {
            i: {
                case.world
                for case in found.cases
                if all(allows(p, v, False) for p, v in zip(case.found, scores.matrix[i], strict=True))
            }
            for i in alive
        }
        for start in range(0, len(rows), size):
            worlds = [fitting[i] for i in range(start, start + size) if i in fitting]
            assert not worlds or set.intersection(*worlds), text
    holds_on_rows(reward, scores, alive)
    together(reward, scores, alive, size)


def together(reward: Reward, scores, alive, size):
    """The combinations of terms, less those that a proof excludes, hold rows where no term is a range."""
    known = combinations(reward, scores.step)
    if known.problem is not None or known.ends:
        return
    for start in range(0, len(scores), size):
        rows = [scores.matrix[i] for i in range(start, start + size) if i in alive]
        assert (
            any(
                all(any(np.allclose(row, c, rtol=1e-9, equal_nan=True) for c in world) for row in rows)
                for world in known.worlds
            )
            or not rows
        )


def holds_on_rows(reward: Reward, scores, alive):
    for gate in gates(reward, {}):
        seen = {v for v in scores.gates[gate.term][alive].tolist() if not np.isnan(v)}
        assert seen <= {"never": {0}, "always": {1}}.get(gate.opens, {0, 1})
    weights = reward.weights(scores.step)
    np.testing.assert_array_equal(weights, scores.weights)
    ranges = term_ranges(reward, weights.tolist(), {})
    whole = reward_range(reward, ranges, {})
    for term in ranges:
        values = scores.frame.get_column(term.name).to_numpy()[alive]
        for value in values[~np.isnan(values)].tolist():
            exact = Fraction(value)
            slack = Fraction(1, 10**9) * max(1, abs(exact))
            assert term.range.lo is None or exact >= term.range.lo - slack, term
            assert term.range.hi is None or exact <= term.range.hi + slack, term
            if term.values is not None:
                assert any(abs(exact - v) <= slack for v in term.values), term
    for total in scores.total[alive][~np.isnan(scores.total[alive])].tolist():
        slack = Fraction(1, 10**9) * Fraction(max(1.0, float(np.abs(scores.weights).max()), abs(total)))
        assert whole.lo is None or Fraction(total) >= whole.lo - slack
        assert whole.hi is None or Fraction(total) <= whole.hi + slack


def test_a_large_spec_is_looked_at_less_not_longer():
    """The work is bounded by what a split costs, so many terms that depend on each other take no minutes."""
    text = "".join(f"input x{i}: bool\nterm t{i} when x{(i + 1) % 200} = x{i}\n" for i in range(200))
    reward = rk.loads(text + "reward {" + " ".join(f"t{i}: 1" for i in range(200)) + "}")
    values = [term.value for term in reward.spec.terms.values()]
    found = cases(reward.spec, reward.plan.numbers, values)
    assert not found.complete and len(found.cases) < 400
    (gate,) = (g for g in gates(reward, {}) if g.term == "t0")
    assert gate.opens == "sometimes"
