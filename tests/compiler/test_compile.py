"""The plan: equal expressions are one step, guards say when an argument is wanted, folds are plans."""

import pytest

from rewardkit.checker import check
from rewardkit.compiler import Guard, compile_spec
from rewardkit.diagnostics import Source


def plan(text):
    spec, diagnostics = check(Source("spec", text))
    assert spec is not None, diagnostics
    return compile_spec(spec)


def ops(text, op):
    return [step for step in plan(text + "\nreward { t: 1 }").steps if step.op == op]


@pytest.mark.parametrize(
    ("text", "op", "count"),
    [
        ("input a: int\nterm t = a + 1\nterm u = a + 1", "add", 1),
        ("input a: int\nterm t = a + 1\nterm u = 1 + a", "add", 2),
        ("let n = completion.words\nterm t = n\nterm u = completion.words", "call", 1),
        ('term t = text.matches(prompt.text, "a")\nterm u = text.matches(prompt.text, "b")', "call", 2),
        ("input a: int\nterm t = sum(a) over group\nterm u = sum(a) over batch", "aggregate", 2),
        ("input a: int\nterm t = sum(a) over group\nterm u = sum(a) over group", "aggregate", 1),
        ("input a: int\nterm t = sum(a) over group\nterm u = sum(a where a > 0) over group", "aggregate", 2),
        # an int and a real sum of the same numbers are two things
        ("input a: int\nlet x: real = a\nterm t = a * 3\nterm u = x * 3", "mul", 2),
        ("term t = (if true then 1 else 2) + (if true then 1.0 else 2)", "constant", 4),
        ('let xs = ["1"]\nterm t = len(xs) + len([1])', "constant", 3),
    ],
)  # fmt: skip
def test_sharing(text, op, count):
    assert len(ops(text, op)) == count


def test_arguments_come_first():
    text = "input a: int\nlet b = c + 1\nlet c = a * 2\nterm t when b > 2 = b + c\nreward { t: 1 }"
    steps = plan(text).steps
    for number, step in enumerate(steps):
        assert all(arg < number for arg in step.args)
        assert all(guard is None or guard.step < number for guard in step.guards)
    readers = plan(text).readers
    assert all(number in readers[arg] for number, step in enumerate(steps) for arg in step.args)


@pytest.mark.parametrize(
    ("text", "op", "holds"),
    [
        ("input a: bool\nterm t = a and completion.finished", "and", [None, "true"]),
        ("input a: bool\nterm t = a or completion.finished", "or", [None, "false"]),
        ("input a: int?\nterm t = a ?? 1", "coalesce", [None, "missing"]),
        ("input a: bool\nterm t = if a then 1 else 2", "if", [None, "true", "false"]),
        ("input a: bool\nterm t when a else 2 = 1", "term", ["true", None, "false"]),
        ("input a: int\nterm t = sum(a where a > 0) over group", "aggregate", ["true", None]),
        ("input a: int\nterm t = sum(a) over group", "aggregate", [None]),
    ],
)
def test_guards(text, op, holds):
    (step,) = ops(text, op)
    assert [guard and guard.holds for guard in step.guards] == holds
    guards = [guard for guard in step.guards if guard is not None]
    assert all(isinstance(guard, Guard) and guard.step in step.args for guard in guards)


def test_skips_are_one_or_in_file_order():
    found = plan("input a: int\nskip when a > 1\nskip when a < 0\nterm t = 1\nreward { t: 1 }")
    root = found.steps[found.skip]
    assert root.op == "or"
    first, second = (found.steps[arg] for arg in root.args)
    assert first.op == second.op == "coalesce"
    assert [found.steps[part.args[0]].op for part in (first, second)] == ["gt", "lt"]


def test_a_fold_takes_what_it_reads_of_the_row_once():
    text = "input a: int\ninput xs: list[int]\nlet b = a + 1\n"
    text += "term t = sum(x * b + b + a for x in xs where x > a)"
    (fold,) = ops(text, "fold")
    assert len(fold.args) == 3  # the list, `b` and `a`
    outer = [step.data for step in fold.data.body.steps if step.op == "outer"]
    assert sorted(outer) == [0, 1]


def test_an_inner_fold_captures_the_outer_item():
    text = "input xs: list[int]\nterm t = sum(count(y > x for y in xs) for x in xs)"
    (fold,) = ops(text, "fold")
    (inner,) = [step for step in fold.data.body.steps if step.op == "fold"]
    captured = [fold.data.body.steps[arg].op for arg in inner.args]
    assert captured == ["outer", "element"]


def test_a_failure_is_reported_under_the_name_that_reads_it_first():
    found = plan("input a: int\nlet b = a * a\nterm t = b + a * 2\nreward { t: 1 }")
    owners = {step.op + str(i): step.owner for i, step in enumerate(found.steps) if step.op in ("mul", "add")}
    assert sorted(owners.values()) == ["b", "t", "t"]


def test_scopes_and_columns():
    found = plan("input a: int\ninput unread: int\nterm t = sum(a) over group\nreward { t: 1 }")
    assert found.scopes == {"group"} and found.columns == {"a"}
