"""`mock`: what is fixed, for which samples, and what a test may not reach."""

from __future__ import annotations

import pytest
from batches import batches
from cases import thorough
from generator import specs
from hypothesis import given
from hypothesis import strategies as st
from probes import install
from specs import checked, found, ran

from rewardkit.compiler import compile_spec
from rewardkit.runtime.engine import Given
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows
from rewardkit.testing import Bench, run_tests

HEAD = """
input cases: list[testcase]
input n: int
extern score(x: text): real in [0, 1]
let run = code.run(completion.text, cases)
let words = completion.words
let tone = judge.score(completion.text, rubric: "is it polite?")
let calls = tools.parse(completion.text)
let doubled = n * 2
term passes in [0, 1] = run.share
term brief = completion.words
term told = words
term polite in [0, 1] when n > 0 = tone ?? 0
term rated in [0, 1] = score(completion.text)
term many = len(calls ?? [])
term twice = doubled
reward { passes: 1 }
"""
GIVEN = 'completion.text = "a b"  cases = []  n = 1'
#: what a test must fix of HEAD to run at all
OUTSIDE = "mock code.run = code.result(passed: 1, total: 2)  mock judge.score = 0.5  mock score = 0.25"


def passes(body: str, samples: str = f"sample a {{ {GIVEN} }} sample b {{ {GIVEN} }}") -> bool:
    (result,) = ran(f'{HEAD} test "t" {{ {samples} {OUTSIDE} {body} }}')
    assert result.error is None, result.error
    return result.passed


@pytest.mark.parametrize(
    "body",
    [
        "expect a.passes == 0.5 and b.passes == 0.5",
        "mock a.code.run = code.result(passed: 2, total: 2)  expect a.passes == 1 and b.passes == 0.5",
        "mock a.run = code.result(passed: 0, total: 2)  expect a.passes == 0 and b.passes == 0.5",
        "mock a.judge.score = 1  expect a.polite == 1 and b.polite == 0.5",
        "mock a.judge.score = null  expect a.polite == 0 and b.polite == 0.5",
        "mock a.tone = null  expect a.polite == 0 and b.polite == 0.5",
        "mock a.score = 1  expect a.rated == 1 and b.rated == 0.25",
        "mock a.doubled = -7  expect a.twice == -7 and b.twice == 2",
        "mock a.doubled = 3 - 2 * 4  expect a.twice == -5",
        # a mocked let does not touch an equal expression elsewhere
        "mock a.words = 70  expect a.told == 70 and a.brief == 2 and b.told == 2",
        'mock a.calls = """[{"name": "f", "arguments": {}}]"""  expect a.many == 1 and b.many == 0',
        "mock a.calls = null  expect a.many == 0 and a.calls == null",
        "mock tools.parse = null  expect a.calls == null and b.calls == null",
    ],
)
def test_what_is_mocked(body):
    assert passes(body)


def test_a_mocked_call_given_null_is_null():
    spec = """
    extern f1(found: text, answer: text): real in [0, 1]
    input answer: text
    let found = format.tag(completion.text, "answer")
    let rated = f1(found, answer)
    term t in [0, 1] = rated ?? 0
    reward { t: 1 }
    test "t" {
      sample tagged { completion.text = "<answer>4</answer>"  answer = "4" }
      sample plain { completion.text = "4"  answer = "4" }
      sample fixed { completion.text = "4"  answer = "4" }
      mock f1 = 0.5
      mock fixed.rated = 0.25
      expect tagged.t == 0.5 and plain.t == 0 and plain.rated == null and fixed.t == 0.25
    }
    """
    (result,) = ran(spec)
    assert result.passed, result.failures or result.error


def test_an_argument_of_a_mocked_call_is_computed_and_may_need_a_mock():
    spec = """
    extern one(x: text): text
    extern two(x: text): real in [0, 1]
    term t = two(one(completion.text))
    reward { t: 1 }
    """
    sample = 'sample a { completion.text = "x" } expect a.t == 0.5'
    (result,) = ran(f'{spec} test "t" {{ {sample} mock two = 0.5 }}')
    assert "reaches `one`" in result.error
    (result,) = ran(f'{spec} test "t" {{ {sample} mock two = 0.5 mock one = "y" }}')
    assert result.passed


def test_the_mock_of_a_sample_counts_more_wherever_it_stands():
    spec = 'let c = text.contains(completion.text, "x")\nterm t = c\nreward { t: 1 }\n'
    body = 'sample a { completion.text = "x" } sample b { completion.text = "y" } '
    for mocks in ("mock a.text.contains = false mock text.contains = true",
                  "mock text.contains = true mock a.text.contains = false"):  # fmt: skip
        (result,) = ran(f'{spec} test "t" {{ {body} {mocks} expect a.t == 0 and b.t == 1 }}')
        assert result.passed


@pytest.mark.parametrize(
    ("leave_out", "says"),
    [
        (
            "mock code.run = code.result(passed: 1, total: 2)",
            "`run` reaches `code.run`, which runs a program, and a test calls nothing outside: say what it "
            "gives, `mock code.run = code.result(passed: 1, total: 1)`, or for one sample, "
            "`mock b.code.run = …`",
        ),
        ("mock judge.score = 0.5", "`tone` reaches `judge.score`, which asks an endpoint"),
        ("mock score = 0.25", "`rated` reaches `score`, which is an extern that this run does not bind"),
    ],
)
def test_a_call_of_the_outside_is_refused(leave_out, says):
    mocks = OUTSIDE.replace(leave_out, leave_out.replace("mock ", "mock a."))
    body = f"sample a {{ {GIVEN} }} sample b {{ {GIVEN} }} {mocks} expect a.many == 0"
    (result,) = ran(f'{HEAD} test "t" {{ {body} }}')
    assert not result.passed and result.error is not None
    assert says in result.error


def test_what_is_behind_a_closed_gate_needs_no_mock():
    spec = """let t = judge.score(completion.text, rubric: "?") ?? 0
    term a in [0, 1] when completion.finished = t
    reward { a: 1 }
    """
    assert ran(
        spec + 'test "t" { sample s { completion.text = "" completion.finished = false } expect s.a == 0 }'
    )[0].passed


def test_a_bound_extern_is_called():
    spec = checked(f'{HEAD} test "t" {{ sample a {{ {GIVEN} }} mock a.run = code.result(passed: 1, total: 1)'
                   " mock judge.score = 0.5 expect a.rated == 0.75 }")  # fmt: skip
    bench = Bench(externs={"score": lambda text: 0.75})
    assert run_tests(spec, spec.tests, bench=bench)[0].passed
    bench = Bench(externs={"score": lambda text: 3})
    assert "score" in (run_tests(spec, spec.tests, bench=bench)[0].error or "")


def test_a_mocked_value_that_cannot_be_made_is_an_error_of_the_test():
    body = (
        f"sample a {{ {GIVEN} }} {OUTSIDE} mock a.run = code.result(passed: 3, total: 2)  expect a.many == 0"
    )
    (result,) = ran(f'{HEAD} test "t" {{ {body} }}')
    assert "`mock a.run` cannot be made" in (result.error or "") and "3 of 2" in (result.error or "")


def test_mocks_hold_in_lists_too():
    spec = """input xs: list[text]
    term t = count(x for x in xs where text.contains(x, "a"))
    reward { t: 1 }
    """
    body = 'test "t" { sample s { xs = ["a", "b", "c"] } mock text.contains = true expect s.t == 3 }'
    assert ran(spec + body)[0].passed


@pytest.mark.parametrize(
    ("mock", "code", "says"),
    [
        ("mock a.wrods = 3", "RK0811", "did you mean `words`?"),
        ("mock c.words = 3", "RK0811", "there is no sample `c`"),
        ("mock words = 3", "RK0811", "mock a.words = …"),
        ("mock jugde.score = 3", "RK0811", "did you mean `judge.score`?"),
        ("mock a.n = 3", "RK0811", "sample a { n = … }"),
        ("mock a = 3", "RK0811", "no value by itself"),
        ("mock a.passes = 1", "RK0811", "is a term"),
        ("mock min = 3", "RK0811", "type follows from its arguments"),
        ("mock a.words = 1.5", "RK0812", "write a number"),
        ("mock a.words = -1", "RK0812", "must lie in [0, inf)"),
        ("mock a.words = null", "RK0812", "found `null`"),
        ("mock judge.score = 2", "RK0812", "must lie in [0, 1]"),
        ("mock a.run = 3", "RK0812", "`result`"),
        ("mock a.words = code.result(passed: 1, total: 1)", "RK0812", "found `result`"),
        ("mock a.run = code.result(passed: n, total: 1)", "RK0812", "`n` is none"),
        ('mock a.run = code.run("x", [])', "RK0812", "is no constant"),
        ("mock a.words = 3 mock a.words = 4", "RK0813", "mocked twice"),
        ('mock a.calls = """[1]"""', "RK0812", "as JSON"),
        ("mock text.matches = true", "RK0814", "nothing in this test calls"),
    ],
)
def test_wrong_mocks_are_told(mock, code, says):
    diagnostics = found(f'{HEAD} test "t" {{ sample a {{ {GIVEN} }} {mock} expect a.many == 0 }}')
    assert [d.code for d in diagnostics] == [code]
    assert says in f"{diagnostics[0].message} {diagnostics[0].help}"


def test_a_mock_of_a_let_that_only_an_expectation_reads_is_read():
    spec = "let unread = completion.words\nterm t = completion.finished\nreward { t: 1 }\n"
    body = 'sample a { completion.text = "" } mock a.unread = 3'
    assert not found(f'{spec} test "t" {{ {body} expect a.unread == 3 }}')
    assert [d.code for d in found(f'{spec} test "t" {{ {body} expect a.t == 1 }}')] == ["RK0814"]


@thorough(1 / 5)
@given(specs(), batches(), st.integers(0, 12))
def test_a_let_that_stands_apart_changes_nothing(text, batch, step):
    """A let with a step of its own, as mocks need it, scores to the same bits; and so does one that is
    given what it comes to anyway."""
    rows, size = batch
    spec = checked(text)
    whole, apart = Reward(spec), Reward(spec)
    apart.plan = compile_spec(spec, spec.lets)
    expected = whole(rows, group=size, step=step)
    evaluation = apart.evaluate(Rows(rows), size, step)
    found = apart.scores_of(evaluation)
    known = {}
    for name in spec.lets:
        column = evaluation.engine.columns[apart.plan.lets[name]]
        known[apart.plan.lets[name]] = Given(column.done & ~column.fault & ~column.null, column)
    again = apart.scores_of(apart.evaluate(Rows(rows), size, step, given=known))
    for scores in (found, again):
        assert scores.matrix.tobytes() == expected.matrix.tobytes()
        assert scores.total.tobytes() == expected.total.tobytes()
        assert scores.skipped.tolist() == expected.skipped.tolist()
    assert found.faults.height == expected.faults.height


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield
