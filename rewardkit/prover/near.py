"""Whether a condition that came out false would be true but for rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rewardkit.checker.spec import Value

#: size below which a difference may be rounding, relative where numbers are large
ROUNDING = 1e-9

#: what a part of a condition came to on a row, or `UNREAD` where nothing asked for it
Read = Callable[[Value], Any]
UNREAD = object()


def above(a: float, b: float) -> bool:
    """Whether `a` is above `b` by more than rounding."""
    return a - b > ROUNDING * max(abs(a), abs(b), 1.0)


def may_be(condition: Value, wanted: bool, read: Read) -> bool:
    """Whether a condition that is no null may be `wanted`, were its numbers off by rounding."""
    op, args = condition.op, condition.args
    if op in ("alias", "let", "bind"):
        return may_be(args[0], wanted, read)
    if op == "not":
        return may_be(args[0], not wanted, read)
    if op in ("and", "or"):
        either = (op == "or") == wanted
        return (any if either else all)(may_be(arg, wanted, read) for arg in args)
    if op == "coalesce":
        return may_be(args[1] if read(args[0]) is None else args[0], wanted, read)
    # whole numbers are not rounded
    if op in COMPARISONS and args[0].type.is_number and any(arg.type.kind == "real" for arg in args):
        a, b = (read(arg) for arg in args)
        return not _is_number(a) or not _is_number(b) or _compares(op if wanted else COMPARISONS[op], a, b)
    found = read(condition)
    return found is UNREAD or found is None or found is wanted


#: comparisons, each with its opposite
COMPARISONS = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


def _compares(op: str, a: float, b: float) -> bool:
    if op in ("lt", "le"):
        return not above(a, b)
    if op in ("gt", "ge"):
        return not above(b, a)
    return op == "ne" or not (above(a, b) or above(b, a))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
