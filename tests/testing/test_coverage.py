"""Coverage: which ways of each gate, `if`, term and condition some test has seen."""

from __future__ import annotations

import json

import pytest
from specs import checked

from rewardkit.testing import Bench, run_tests
from rewardkit.testing.coverage import Coverage, CoverageReport

SPEC = """
input x: int
input xs: list[int]
def big(n: int) = if n > 5 then 1 else 0
skip when x == 99
mask when x == 98
let kept = if x > 3 then 1 else 0
let unread = if x > 1 then 1 else 0
term a when x > 0 else 7 = kept
term b = big(x)
term c = sum((if y > 2 then 1 else 0) for y in xs)
term one = 1
term d in [0, 100] = ramp(step, 0, 10) * (if step > 5 then 2 else 1)
reward { a: 1 }
"""


def coverage(tests: str, spec: str = SPEC) -> CoverageReport:
    found = checked(spec + tests)
    seen = Coverage(found)
    assert all(
        result.error is None for result in run_tests(found, found.tests, bench=Bench(observe=seen.add))
    )
    return seen.report()


def sample(fields: str, name: str = "s") -> str:
    return f"sample {name} {{ {fields} }}"


def test_of_each_place_what_was_never_seen():
    report = coverage(f'test "t" {{ {sample("x = 2 xs = [1, 3]")} expect s.one == 1 }}')
    assert [f"{branch}: {way}" for branch, way in report.missing] == [
        "`if n > 5`: true",
        "`skip when x == 99`: true",
        "`mask when x == 98`: true",
        "`if x > 3`: true",
        "the term `a`: not zero",
        "the gate of `a`: closed",
        "the term `b`: not zero",
        "the term `c`: zero",
        "the term `d`: not zero",
        "`if step > 5`: true",
    ]
    # 6 terms of which one is never 0, a gate, two conditions, four `if`s of which one is in a `def`
    assert report.possible == 9 + 2 + 4 + 8
    assert report.seen == report.possible - 10
    assert report.percent == pytest.approx(100 * 13 / 23)


def test_all_ways_over_several_tests():
    report = coverage(
        f'test "a" {{ {sample("x = 7 xs = [3]")} {sample("x = 0 xs = []", "u")}'
        f" {sample('x = 99 xs = []', 'v')} {sample('x = 98 xs = []', 'w')} {sample('x = 2 xs = []', 'y')}"
        " expect s.one == 1 }"
        f'test "b" {{ {sample("x = 1 xs = [1] step = 9")} expect s.one == 1 }}'
    )
    assert report.missing == () and report.percent == 100


def test_what_a_closed_gate_or_a_mock_hides_is_not_seen():
    spec = """input x: int
    let part = if x > 3 then 1 else 2
    let same = if x > 4 then 1 else 2
    term a when x > 10 = part
    term b = same
    reward { a: 1 b: 1 }
    """
    hidden = coverage(
        'test "t" { sample s { x = 5 } sample m { x = 11 } mock m.part = 1 mock s.same = 1 mock m.same = 1'
        " expect s.a == 0 }",
        spec,
    )
    assert [str(branch) for branch, _ in hidden.missing if branch.kind == "if"] == ["`if x > 3`"] * 2 + [
        "`if x > 4`"
    ] * 2


def test_rows_are_seen_too(tmp_path):
    text = "input x: int\nterm a when x > 1 = x\nreward { a: 1 }\n"
    text += 'test "r" { rows "r.jsonl" { expect mean(x) > 0 } }'
    (tmp_path / "r.jsonl").write_text('{"x": 1}\n{"x": 2}\n')
    spec = checked(text, tmp_path / "t.rwd")
    seen = Coverage(spec)
    run_tests(spec, spec.tests, bench=Bench(observe=seen.add))
    assert seen.report().missing == ()


def test_a_def_is_covered_by_any_of_its_calls():
    spec = """input x: int
    def sign(n: int) = if n > 0 then 1 else -1
    term a = sign(x)
    term b = sign(-x)
    reward { a: 1 b: 1 }
    """
    report = coverage('test "t" { sample s { x = 5 } expect s.a == 1 }', spec)
    assert [str(branch) for branch, _ in report.missing if branch.kind == "if"] == []


def test_lists_in_lists():
    spec = """input xs: list[int]
    term a = sum(count(y for y in xs where (if y > x then true else false)) for x in xs)
    reward { a: 1 }
    """
    assert not coverage(
        'test "t" { sample s { xs = [1, 2] } sample e { xs = [] } expect s.a == 1 }', spec
    ).missing
    some = coverage('test "t" { sample s { xs = [1] } sample e { xs = [] } expect s.a == 0 }', spec)
    assert {way for _, way in some.missing} == {"true", "not zero"}


def test_as_json():
    report = coverage(f'test "t" {{ {sample("x = 2 xs = [1, 3]")} expect s.one == 1 }}').to_json()
    assert json.loads(json.dumps(report))["missing"][0] == {
        "kind": "if", "name": "n > 5", "never": "true", "file": "t.rwd", "line": 4, "column": 22,
    }  # fmt: skip


DEFS = """
input x: int?
input y: int?
def near(a: int, b: int) = if a == b then 1 else 0
term t = near(x, y) ?? 0
term u = near(x ?? 0, 1)
reward { t: 1  u: 1 }
"""


def test_a_null_argument_of_a_def_is_named_and_no_if():
    report = coverage(f'test "t" {{ {sample("x = 1 y = 1")} expect s.t == 1 }}', DEFS)
    assert [f"never {way}: {branch}" for branch, way in report.missing] == [
        "never false: `if a == b`",
        "never zero: the term `t`",
        "never null: the argument `x` of `near`",
        "never null: the argument `y` of `near`",
        "never zero: the term `u`",
    ]
    samples = [sample("x = 1 y = 1"), sample("x = null y = 1", "n"), sample("x = 2 y = null", "m")]
    whole = coverage(f'test "t" {{ {" ".join(samples)} expect s.t == 1 and n.t == 0 and m.t == 0 }}', DEFS)
    assert whole.missing == ()
    kinds = [branch["kind"] for branch in report.to_json()["missing"]]
    assert kinds.count("argument") == 2
