"""Running test blocks: nulls, tolerances, groups, params, and what a failure shows."""

import pytest

from rewardkit.checker import check
from rewardkit.diagnostics import Source, render_full
from rewardkit.testing import run_tests, select_tests

HEAD = """
input x: real
input y: int?
param scale: real in (0, 10] = 1
let half = x / 2
let names = text.lines(completion.text)
term a = half * scale
term b when y != null else null = y ?? 0
reward { a: 1  b: 1 }
advantage grpo
"""


def run(body: str, spec: str = HEAD):
    found, diagnostics = check(Source("t.rwd", spec + body))
    assert found is not None, "\n".join(render_full(d) for d in diagnostics)
    return run_tests(found, found.tests)


def passes(expect: str, sample: str = 'completion.text = "p\\nq"  x = 3') -> bool:
    (result,) = run(f'test "t" {{ sample s {{ {sample} }} expect {expect} }}')
    assert result.error is None
    return result.passed


@pytest.mark.parametrize(
    ("expect", "holds"),
    [
        ("s.a == 1.5", True),
        ("s.reward == 1.5", True),
        ("s.b == null", True),
        ("s.b == 0", False),  # a comparison with null is false
        ("s.b != 0", False),
        ("not (s.b > 0)", True),
        ("s.b + 1 > 0", False),
        ("s.a == 1.4 within 0.2", True),
        ("s.a == 1.4 within 0.05", False),
        ("s.a != 1.4 within 0.2", False),
        ("s.a != 1.4 within 0.05", True),
        ("s.b == 0 within 1", False),
        ("s.b != 0 within 1", False),
        ('s.names[0] == "p" and len(s.names) == 2', True),
        ("s.names[5] == null", True),
        ("(s.b ?? 7) == 7", True),
        ("(if s.a > 1 then 2 else 3) == 2", True),
    ],
)
def test_expectations(expect, holds):
    assert passes(expect) is holds


def test_samples_may_set_params_and_the_step():
    body = """test "t" {
      sample one { completion.text = ""  x = 2 }
      sample two { completion.text = ""  x = 2  scale = 3 }
      expect one.a == 1 and two.a == 3
    }"""
    assert run(body)[0].passed
    stepped = "input x: int\nterm a = x\nreward { a: ramp(step, 0, 10) }\n"
    body = 'test "t" { sample s { x = 4  step = 5 } expect s.reward == 2 }'
    assert run(body, stepped)[0].passed


def test_advantages_of_groups():
    body = """test "t" {
      group { sample a { completion.text = ""  x = 2 } sample b { completion.text = ""  x = 4 } }
      sample alone { completion.text = ""  x = 100 }
      expect a.advantage < 0 and b.advantage > 0
      expect alone.a == 50
    }"""
    assert run(body)[0].passed


def test_a_group_aggregate_sees_the_group_of_its_sample():
    spec = "input x: int\nterm a = x - min(x) over group\nreward { a: 1 }\n"
    body = """test "t" {
      group { sample a { x = 5 } sample b { x = 7 } }
      group { sample c { x = 100 } }
      expect a.a == 0 and b.a == 2 and c.a == 0
    }"""
    assert run(body, spec)[0].passed


def test_what_expect_names_is_computed_even_behind_a_closed_gate():
    spec = """input ok: bool
    let found = math.boxed(completion.text)
    term a when ok = (found ?? "") == "4"
    reward { a: 1 }
    """
    body = r'test "t" { sample s { ok = false  completion.text = r"\boxed{5}" } expect s.found == "5" }'
    assert run(body, spec)[0].passed


def test_a_failure_shows_the_value_of_each_part():
    (result,) = run(
        'test "t" { sample s { completion.text = ""  x = 3 } expect s.a * 2 == 4 and s.half < 1 }'
    )
    (failure,) = result.failures
    assert failure.code == "RK0810"
    assert [(v.span.text, v.value) for v in failure.values] == [
        ("s.a", "1.5"),
        ("s.a * 2", "3"),
        ("s.a * 2 == 4", "false"),
        ("s.half", "1.5"),
        ("s.half < 1", "false"),
    ]


def test_a_failure_tells_of_faults():
    spec = "input x: int\nterm a = x * x\nreward { a: 1 }\n"
    body = 'test "t" { sample s { x = 4000000000000 } expect s.a > 0 }'
    (result,) = run(body, spec)
    assert "too large" in " ".join(result.failures[0].notes)


def test_one_failing_test_does_not_stop_the_others():
    body = """test "first" { sample s { completion.text = ""  x = 1 } expect s.a == 2 }
    test "second" { sample s { completion.text = ""  x = 1 } expect s.a == 0.5 }"""
    assert [result.passed for result in run(body)] == [False, True]


def test_selection_is_by_part_of_the_name():
    spec, _ = check(Source("t.rwd", HEAD + 'test "One two" { expect 1 == 1 } test "three" { expect 1 == 1 }'))
    assert [test.name for test in select_tests(spec, "TWO")] == ["One two"]
    assert not select_tests(spec, "four")
