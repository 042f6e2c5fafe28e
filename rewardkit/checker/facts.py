"""What a condition settles: names that are not null, and numbers held to an interval by a constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from rewardkit.checker.spec import Value
from rewardkit.types.interval import FULL, Interval, intersect, point, whole


@dataclass(frozen=True)
class Fact:
    present: bool = False  # known not to be null
    interval: Interval = FULL


Facts = Mapping[str, Fact]
NOTHING: Facts = {}

_FLIPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
_NEGATED = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}


def both(a: Facts, b: Facts) -> Facts:
    """What holds where both hold."""
    merged = dict(a)
    for path, fact in b.items():
        known = merged.get(path, Fact())
        merged[path] = Fact(known.present or fact.present, intersect(known.interval, fact.interval))
    return merged


def when(condition: Value, holds: bool) -> Facts:
    """What is known where `condition` is true (`holds`) or false."""
    op, args = condition.op, condition.args
    if op in ("let", "alias"):
        return when(args[0], holds)
    if op == "not":
        return when(args[0], not holds)
    if (op == "and" and holds) or (op == "or" and not holds):
        return both(when(args[0], holds), when(args[1], holds))
    if op == "coalesce" and _is_constant(args[1], not holds):
        # `x ?? false` is true only where x is
        return when(args[0], holds)
    if op == "is_null":
        path = args[0].path
        return {path: Fact(present=True)} if path and not holds else NOTHING
    if op in _FLIPPED:
        return _comparison(op if holds else _NEGATED[op], args[0], args[1])
    return NOTHING


def _is_constant(value: Value, wanted: bool) -> bool:
    return value.op == "constant" and value.data is wanted


def _comparison(op: str, left: Value, right: Value) -> Facts:
    if left.path is None or _number(right) is None:
        left, right, op = right, left, _FLIPPED[op]
    bound = _number(right)
    if left.path is None or bound is None or not left.type.is_number:
        return NOTHING
    known = left.interval
    interval = {
        "lt": Interval(None, bound, hi_open=True),
        "le": Interval(None, bound),
        "gt": Interval(bound, None, lo_open=True),
        "ge": Interval(bound, None),
        "eq": point(bound),
        "ne": Interval(
            known.lo, known.hi, known.lo_open or known.lo == bound, known.hi_open or known.hi == bound
        ),
    }[op]
    return {left.path: Fact(interval=whole(interval) if left.type.kind == "int" else interval)}


def _number(value: Value) -> Fraction | None:
    """The number, where the expression is a constant one (`-3`, `2 * 4tok`)."""
    if value.op == "constant" and isinstance(value.data, Fraction):
        return value.data
    if value.op in ("neg", "add", "sub", "mul", "div") and all(_number(a) is not None for a in value.args):
        return value.interval.constant
    return None
