"""Why a condition came out as it did on one row: the parts of it that decided, with their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rewardkit.checker.spec import Value
from rewardkit.language.sketch import brief

#: what an expression is on the row, `None` where it has no value
Known = Callable[[Value], Any]

_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_DEEPEST = 30  # names below names that are followed
_MOST_ARGUMENTS = 3


def because(value: Value, known: Known, show: Callable[[Any], str]) -> list[str]:
    """The parts that decided: of `a and b` that is false, the side that is false, and so on down to
    comparisons, with both values."""
    return _Reasons(known, show).of(value, 0)


class _Reasons:
    def __init__(self, known: Known, show: Callable[[Any], str]) -> None:
        self.known, self.show = known, show

    def of(self, value: Value, depth: int) -> list[str]:
        if depth > _DEEPEST:
            return [self.leaf(value)]
        if value.op in ("alias", "bind", "let"):
            return self.of(value.args[0], depth + (value.op == "let"))
        if value.op == "not":
            return self.of(value.args[0], depth)
        if value.op in ("and", "or"):
            return [reason for side in self.deciding(value) for reason in self.of(side, depth)]
        if value.op == "if":
            chosen = value.args[1] if self.known(value.args[0]) else value.args[2]
            branch = [] if chosen.op == "constant" else self.of(chosen, depth)
            return [*self.of(value.args[0], depth), *branch]
        if value.op == "coalesce" and self.known(value.args[0]) is not None:
            return self.of(value.args[0], depth)
        return [self.leaf(value)]

    def deciding(self, value: Value) -> tuple[Value, ...]:
        """The operands of `and` and `or` that made it so, in their order."""
        sides = [self.known(side) for side in value.args]
        found = self.known(value)
        if found is None:
            return tuple(side for side, is_ in zip(value.args, sides, strict=True) if is_ is None)[:1]
        if found == (value.op == "and"):  # `and` is true, or `or` is false: it took both
            return value.args
        return tuple(side for side, is_ in zip(value.args, sides, strict=True) if is_ is found)[:1]

    def leaf(self, value: Value) -> str:
        if value.op == "coalesce":
            return f"`{_text(value.args[0])}` has no value"
        if value.op == "is_null":
            state = "is null" if self.known(value) else "is not null"
            return f"`{_text(value.args[0])}` {state}"
        found = self.known(value)
        if found is None:
            return f"`{_text(value)}` has no value"
        if value.op in _SIGNS:
            left, right = (self.show(self.known(side)) for side in value.args)
            return f"`{_text(value)}` is {left} {_SIGNS[value.op]} {right}"
        given = ""
        if value.op == "call" and len(value.args) <= _MOST_ARGUMENTS:
            given = ", given " + " and ".join(self.show(self.known(arg)) for arg in value.args)
        return f"`{_text(value)}` is {self.show(found)}{given}"


def _text(value: Value) -> str:
    while value.op in ("alias", "bind"):
        value = value.args[0]
    return str(value.data) if value.op == "let" else brief(value.span.text, 60)
