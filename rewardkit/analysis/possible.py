"""What a checked value can be, given what is assumed of some of them: one walk up a spec's expressions.

Sound by intervals alone: what a value can be is always among what is found, and relations between two
values that no constant tells apart are not seen (`a < b` and `b < a` count as two free conditions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from rewardkit.checker.spec import CallData, Value
from rewardkit.types.function import Argument, TypingError
from rewardkit.types.interval import (
    FULL,
    UNIT,
    Interval,
    add,
    coarse,
    divide,
    hull,
    intersect,
    multiply,
    negate,
    point,
    subtract,
)


class Possible(NamedTuple):
    """What a value can be. A condition is a number in [0, 1] as well, as a term and in sums."""

    null: bool = False
    present: bool = True
    true: bool = True
    false: bool = True
    interval: Interval = FULL
    data: Any = None  # the text it is, where that is known

    @property
    def settled(self) -> bool:
        return self.null != self.present


NULL = Possible(null=True, present=False)


@dataclass(frozen=True)
class Assumed:
    """What is taken to be so of one value; `fails` says whether it is a fault."""

    null: bool | None = None
    truth: bool | None = None
    interval: Interval | None = None
    data: str | None = None
    fails: bool | None = None


class Contradiction(Exception):
    """No row has all that is assumed."""


def possible(
    value: Value, args: list[Possible], assumed: Assumed | None, fixed: Mapping[str, Any]
) -> Possible:
    """What `value` can be, where its arguments can be `args`.

    `fixed` holds the params and the `step` of a run, by name.

    Raises:
        Contradiction: it can be nothing of what is assumed.
    """
    found = _OPS.get(value.op, _opaque)(value, args, assumed, fixed)
    return found if assumed is None else _held(found, assumed)


def _held(found: Possible, assumed: Assumed) -> Possible:
    if assumed.null is not None:
        found = found._replace(null=found.null and assumed.null, present=found.present and not assumed.null)
    if assumed.truth is not None:
        found = found._replace(
            true=found.true and assumed.truth,
            false=found.false and not assumed.truth,
            interval=point(int(assumed.truth)),
        )
        if not (found.true or found.false):
            raise Contradiction
    if assumed.interval is not None:
        found = found._replace(interval=intersect(found.interval, assumed.interval))
        if found.interval.empty:
            raise Contradiction
    if assumed.data is not None:
        if found.data not in (None, assumed.data):
            raise Contradiction
        found = found._replace(data=assumed.data)
    if not (found.null or found.present):
        raise Contradiction
    return found


# --- one rule for each op --------------------------------------------------------------------------


def _opaque(value: Value, args: list[Possible], *_: Any) -> Possible:
    """A value that nothing is known of but its type and its range."""
    present = all(arg.present for arg in args)
    return Possible(value.type.optional or any(arg.null for arg in args), present, interval=_range(value))


def _range(value: Value) -> Interval:
    return UNIT if value.type.kind == "bool" else value.interval


def _constant(value: Value, *_: Any) -> Possible:
    return _known(value.data)


def _known(data: Any) -> Possible:
    if data is None:
        return NULL
    if isinstance(data, bool):
        return Possible(true=data, false=not data, interval=point(int(data)))
    if isinstance(data, Fraction | int):
        return Possible(interval=point(data))
    if isinstance(data, float):
        return Possible(interval=point(Fraction(data)))
    return Possible(data=data if isinstance(data, str) else None)


def _fixed(value: Value, args: list[Possible], assumed: Assumed | None, fixed: Mapping[str, Any]) -> Possible:
    name = "step" if value.op == "step" else str(value.data)
    return _known(fixed[name]) if name in fixed else _opaque(value, args)


def _same(value: Value, args: list[Possible], *_: Any) -> Possible:
    """A name for its argument, which may be known better here than elsewhere."""
    (arg,) = args
    if value.op == "alias" and not value.type.optional and arg.present:
        arg = arg._replace(null=False)
    if not value.type.is_number:
        return arg
    # where this narrower interval does not hold, the value is not used
    narrowed = intersect(arg.interval, value.interval)
    return arg if narrowed.empty else arg._replace(interval=narrowed)


def _term(value: Value, args: list[Possible], *_: Any) -> Possible:
    found = args[0]
    if value.data.gated:
        found = _chosen(args[1], args[0], args[2])
    declared = value.data.range
    if declared is None:
        return found
    inside = intersect(found.interval, declared)
    return found if inside.empty else found._replace(interval=inside)


def _if(value: Value, args: list[Possible], *_: Any) -> Possible:
    return _chosen(*args)


def _chosen(condition: Possible, then: Possible, otherwise: Possible) -> Possible:
    if not condition.present:
        return NULL
    chosen = [p for p, can in ((then, condition.true), (otherwise, condition.false)) if can]
    found = chosen[0] if len(chosen) == 1 else _either(then, otherwise)
    return found._replace(null=True) if condition.null else found


def _either(a: Possible, b: Possible) -> Possible:
    if not a.present:
        return b._replace(null=True)
    if not b.present:
        return a._replace(null=True)
    return Possible(
        a.null or b.null,
        True,
        a.true or b.true,
        a.false or b.false,
        hull(a.interval, b.interval),
        a.data if a.data == b.data else None,
    )


def _coalesce(value: Value, args: list[Possible], assumed: Assumed | None, *_: Any) -> Possible:
    left, right = args
    fails = assumed.fails if assumed is not None else None
    if not left.present or fails:
        return right
    if left.null or (fails is None and can_fail(value)):
        return _either(left._replace(null=False), right)
    return left


def can_fail(value: Value) -> bool:
    """Whether `??` stands for what a fault counts as, its left side being no `T?`."""
    return value.op == "coalesce" and value.args[0].faults and not value.args[0].type.optional


def _not(value: Value, args: list[Possible], *_: Any) -> Possible:
    return _truth(args[0].false, args[0].true, args)


def _and(value: Value, args: list[Possible], *_: Any) -> Possible:
    a, b = args
    return _truth(a.true and b.true, a.false or b.false, args)


def _or(value: Value, args: list[Possible], *_: Any) -> Possible:
    a, b = args
    return _truth(a.true or b.true, a.false and b.false, args)


def _truth(true: bool, false: bool, args: list[Possible]) -> Possible:
    interval = UNIT if true and false else point(int(true))
    present = all(arg.present for arg in args)
    return Possible(any(arg.null for arg in args), present, true, false, interval)


def _is_null(value: Value, args: list[Possible], *_: Any) -> Possible:
    return _truth(args[0].null, args[0].present, [])


def _failed(value: Value, args: list[Possible], *_: Any) -> Possible:
    return _truth(True, True, [])


def _equal(value: Value, args: list[Possible], *_: Any) -> Possible:
    true, false = _can_equal(value, *args)
    return _truth(*((true, false) if value.op == "eq" else (false, true)), args)


def _can_equal(value: Value, a: Possible, b: Possible) -> tuple[bool, bool]:
    kind = value.args[0].type.kind
    if kind == "text":
        known = a.data is not None and b.data is not None
        return not known or a.data == b.data, not known or a.data != b.data
    if value.args[0].type.is_number or kind == "bool":
        same = a.interval.constant is not None and a.interval.constant == b.interval.constant
        return not intersect(a.interval, b.interval).empty, not same
    return True, True


def _order(value: Value, args: list[Possible], *_: Any) -> Possible:
    a, b = (arg.interval for arg in args)
    if value.op in ("gt", "ge"):
        a, b = b, a  # a < b or a <= b from here on
    strict = value.op in ("lt", "gt")
    return _truth(_reaches(a, b, strict), _reaches(b, a, not strict), args)


def _reaches(a: Interval, b: Interval, strict: bool) -> bool:
    """Whether some number of `a` is below (or at, unless strict) some number of `b`."""
    if a.lo is None or b.hi is None or a.lo < b.hi:
        return True
    return a.lo == b.hi and not (strict or a.lo_open or b.hi_open)


def _arithmetic(value: Value, args: list[Possible], *_: Any) -> Possible:
    intervals = [arg.interval for arg in args]
    if value.op == "neg":
        interval = negate(intervals[0])
    else:
        rule = {"add": add, "sub": subtract, "mul": multiply, "div": divide}[value.op]
        interval = coarse(rule(intervals[0], intervals[1]))
    return _number(value, args, interval)


def _number(value: Value, args: list[Possible], interval: Interval) -> Possible:
    narrowed = intersect(interval, value.interval)
    present = all(arg.present for arg in args)
    return Possible(
        any(arg.null for arg in args), present, interval=value.interval if narrowed.empty else narrowed
    )


def _call(value: Value, args: list[Possible], *_: Any) -> Possible:
    call: CallData = value.data
    interval = _range(value)
    if call.function.infer is not None:
        constants = dict(call.constants)
        described = [
            Argument(arg.type.required, p.interval, p.interval.constant)
            for arg, p in zip(value.args, args, strict=True)
        ]
        if not constants:
            try:
                interval = coarse(call.function.infer(tuple(described)).interval)
            except (TypingError, ValueError, ZeroDivisionError):
                interval = value.interval  # it is not used with such arguments
    found = _number(value, args, interval)
    own = call.function.infer is None and call.function.result.optional
    return found._replace(null=found.null or own)


_OPS: Mapping[str, Any] = {
    "constant": _constant,
    "param": _fixed,
    "step": _fixed,
    "let": _same,
    "alias": _same,
    "bind": _same,
    "term": _term,
    "if": _if,
    "coalesce": _coalesce,
    "not": _not,
    "and": _and,
    "or": _or,
    "is_null": _is_null,
    "failed": _failed,
    "eq": _equal,
    "ne": _equal,
    "lt": _order,
    "le": _order,
    "gt": _order,
    "ge": _order,
    "add": _arithmetic,
    "sub": _arithmetic,
    "mul": _arithmetic,
    "div": _arithmetic,
    "neg": _arithmetic,
    "call": _call,
}
