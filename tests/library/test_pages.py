import json

import numpy as np
import pytest

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.library import functions
from rewardkit.library.pages import code, literal, page, signature, text, to_json
from rewardkit.runtime.columns import values_of
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows

ALL = list(functions().values())


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_a_page_tells_what_is_declared(function):
    for shown in (page(function), text(function)):
        assert signature(function) in shown
        assert all(e.call in shown and literal(e.value) in shown for e in function.examples)
        assert " ".join(function.doc.split()) in " ".join(shown.split())
        for parameter in function.parameters:
            assert all(choice in shown for choice in parameter.choices)
            assert parameter.range is None or str(parameter.range) in shown
    assert page(function).startswith(f"```rwd\n{function.name}(")
    assert json.loads(json.dumps(to_json(function)))["name"] == function.name


def test_a_page_says_how_a_call_fails_and_runs():
    shown = text(functions()["math.equal"])
    assert "where the gold answer takes more than 3 s" in shown
    assert "in a worker process, for 3 s at most" in shown
    assert "null   where there is no complete box" in text(functions()["math.boxed"])
    assert "fails" not in text(functions()["text.lower"])


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "null"), (True, "true"), (3, "3"), (0.5, "0.5"), ('a"b', r'"a\"b"'), (r"\frac", r'r"\frac"'),
     (["a", None], '["a", null]'), ("a\nb", r'"a\nb"')],
)  # fmt: skip
def test_a_constant_as_a_spec_writes_it(value, shown):
    assert literal(value) == shown


def test_code_holds_backticks():
    assert code("a") == "`a`"
    assert code("```x") == "```` ```x ````"


@pytest.mark.parametrize("function", [f for f in ALL if f.examples], ids=lambda f: f.name)
def test_the_examples_of_a_page_hold(function):
    """As a user would try them: written in a spec, scored on a row."""
    lets = "\n".join(f"let e{i} = {example.call}" for i, example in enumerate(function.examples))
    spec, found = check(Source("examples.rwd", f"{lets}\nterm t = 1\nreward {{ t: 1 }}\n"))
    assert spec is not None, [d.message for d in found]
    reward = Reward(spec)
    everywhere = np.ones(1, np.bool_)
    run = reward.evaluate(Rows([{"completion": ""}]), uses=dict.fromkeys(spec.lets, everywhere))
    for i, example in enumerate(function.examples):
        (value,) = values_of(run.engine.columns[reward.plan.lets[f"e{i}"]])
        value = list(value) if isinstance(value, tuple) else value
        assert value == pytest.approx(example.value) if isinstance(value, float) else value == example.value


def test_every_function_has_an_example():
    built = [f for f in ALL if f.executor not in ("sandbox", "endpoint", "model")]
    # no constant fails, and a result of a program cannot be written out
    assert [f.name for f in built if not f.examples] == ["failed", "code.result"]
