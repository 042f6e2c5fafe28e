"""Looking at expectations; what does not hold is computed again, part by part, to show why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rewardkit.checker.spec import ExpectSpec, Value
from rewardkit.compiler import compile_expects
from rewardkit.diagnostics import Diagnostic, Label, Shown, Span
from rewardkit.runtime.calls import Caller
from rewardkit.runtime.columns import Column, values_of
from rewardkit.runtime.engine import Engine, Table
from rewardkit.testing.values import shown

#: how an operation is written, where that is one sign or word
_SIGNS = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "and": "and", "or": "or",
    "add": "+", "sub": "-", "mul": "*", "div": "/", "coalesce": "??", "index": "[",
}  # fmt: skip

NO_PARAMS: Mapping[str, Any] = {}


def failures(
    expects: Sequence[ExpectSpec],
    columns: Mapping[str, Column],
    caller: Caller,
    notes: Callable[[ExpectSpec], tuple[str, ...]],
    params: Mapping[str, Any] = NO_PARAMS,
) -> tuple[Diagnostic, ...]:
    """A diagnostic for each expectation that does not hold, with the value of every part of it.

    Args:
        expects: conditions over `columns`, which have one row.
        notes: what else there is to say of an expectation that fails.
        params: the values of params that conditions over rows read.
    """
    roots = [value for expect in expects for value in _decisive(expect)]
    found = iter(_compute(roots, columns, caller, params))
    return tuple(
        Diagnostic(
            "RK0810",
            "error",
            "this does not hold",
            Label(expect.condition.span),
            notes=notes(expect),
            values=_values(expect, columns, caller, params),
        )
        for expect in expects
        if not _holds(expect, [next(found) for _ in _decisive(expect)])
    )


def _compute(
    roots: Sequence[Value], columns: Mapping[str, Column], caller: Caller, params: Mapping[str, Any]
) -> list[Any]:
    plan = compile_expects(roots)
    engine = Engine(plan, Table(1, columns, params, 0), caller)
    engine.run({number: np.ones(1, np.bool_) for number in plan.expects})
    return [values_of(engine.columns[number])[0] for number in plan.expects]


def _decisive(expect: ExpectSpec) -> tuple[Value, ...]:
    """What decides: the condition, or with a tolerance both sides of the comparison."""
    if expect.tolerance is None:
        return (expect.condition,)
    return _comparison(expect).args


def _comparison(expect: ExpectSpec) -> Value:
    # the condition is one comparison, made false where a side is null
    return expect.condition.args[0] if expect.condition.op == "coalesce" else expect.condition


def _holds(expect: ExpectSpec, found: list[Any]) -> bool:
    if expect.tolerance is None:
        return found[0] is True
    left, right = found
    if left is None or right is None:
        return False
    close = abs(left - right) <= expect.tolerance
    return bool(close if _comparison(expect).op == "eq" else not close)


def _values(
    expect: ExpectSpec, columns: Mapping[str, Column], caller: Caller, params: Mapping[str, Any]
) -> tuple[Shown, ...]:
    parts = _parts(expect.condition)
    found = _compute(parts, columns, caller, params)
    return tuple(
        Shown(part.span, _place(part), shown(value)) for part, value in zip(parts, found, strict=True)
    )


def _parts(condition: Value) -> list[Value]:
    """The sub-expressions worth showing: no literals, and each place once."""
    out: dict[tuple[int, int], Value] = {}
    known: dict[int, bool] = {}

    def visit(value: Value) -> bool:
        """Whether the value depends on anything but constants."""
        if id(value) not in known:
            inner = [visit(arg) for arg in value.args if value.op != "fold" or arg is value.args[0]]
            known[id(value)] = value.op in ("column", "param") or any(inner)
            if known[id(value)] and _within(value.span, condition.span) and value.op != "element":
                out[value.span.start, value.span.end] = value
        return known[id(value)]

    visit(condition)
    return list(out.values())


def _within(inner: Span, outer: Span) -> bool:
    """Whether a span is a proper part of another: what a `def` writes out stands elsewhere."""
    inside = inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end
    return inside and inner != outer


def _place(value: Value) -> int:
    """The offset at which a value is shown: its operator, or where it begins."""
    inner = value
    while inner.op in ("alias", "bind") or (inner.op == "coalesce" and inner.args[0].span == value.span):
        inner = inner.args[0]
    sign = _SIGNS.get(inner.op)
    if inner.op == "not" and inner.args[0].op == "is_null" and inner.args[0].span == inner.span:
        sign, inner = "!=", inner.args[0]
    elif inner.op == "is_null":
        sign = "=="
    if sign is None:
        return value.span.start
    # between the operands there is nothing but the sign, brackets and white space
    found = value.span.text.find(sign, max(inner.args[0].span.end - value.span.start, 0))
    return value.span.start + max(found, 0)
