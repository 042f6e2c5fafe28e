"""Reading specs in tests."""

from __future__ import annotations

from rewardkit.checker import check
from rewardkit.diagnostics import Collector, Diagnostic, Source
from rewardkit.language import parse, tree


def read(text: str) -> tree.Module:
    """The tree of a file that has no mistake."""
    found = Collector()
    module = parse(Source("spec.rwd", text), found)
    assert [d.message for d in found.sorted() if d.is_error] == []
    return module


def value(text: str) -> tree.Expr:
    """The tree of an expression."""
    (statement,) = read(f"let x = {text}").statements
    assert isinstance(statement, tree.Let)
    return statement.value


def diagnose(text: str) -> tuple[Diagnostic, ...]:
    return check(Source("spec.rwd", text))[1]


def codes(text: str) -> list[str]:
    return [d.code for d in diagnose(text)]
