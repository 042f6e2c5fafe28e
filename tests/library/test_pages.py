import json

import pytest

from rewardkit.library import functions
from rewardkit.library.pages import code, literal, page, signature, text, to_json

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
    assert "where deciding takes more than 10 s" in shown
    assert "in a worker process, for 10 s at most" in shown
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
