"""Typing of operators: units, kinds and intervals of `+ - * /` and of comparisons."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

from rewardkit.checker import relations, units
from rewardkit.checker.rounding import keeps_sign
from rewardkit.checker.spec import Value
from rewardkit.checker.wording import peeled, suffix, text_of, with_unit
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import (
    Interval,
    add,
    coarse,
    divide,
    lies,
    multiply,
    negate,
    point,
    show,
    subtract,
)
from rewardkit.types.types import BOOL, UNKNOWN, WHOLE_UNITS, Type

if TYPE_CHECKING:
    from rewardkit.checker.expressions import Expressions

#: tightens the plain interval of an operator by how its operands are related
Related = Callable[[Value, Value, Interval], Interval]

OPS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}

INT_MAX = Fraction(2**63 - 1)
_INTS = Interval(-INT_MAX - 1, INT_MAX)
_ROUNDED_INTS = Interval(-(Fraction(2) ** 62), Fraction(2) ** 62)
_REALS = Interval(-(Fraction(2) ** 1000), Fraction(2) ** 1000)


def number_type(unit: str | None, whole: bool) -> Type:
    """A number of a unit; `seconds` are always real."""
    return Type("int" if whole and (unit is None or unit in WHOLE_UNITS) else "real", unit=unit)


def zero(type_: Type) -> str:
    """0 as it is written in the unit of a type."""
    return with_unit("0", type_)


def least(type_: Type) -> str:
    """A small number above 0, as it is written in the unit of a type."""
    return with_unit("1" if type_.kind == "int" or type_.unit in WHOLE_UNITS else "1e-6", type_)


def can_overflow(type_: Type, interval: Interval, *, exact: bool = True) -> bool:
    """Whether some number is beyond 64 bits; an int that comes of reals (not `exact`) may be rounded up."""
    if type_.kind == "int":
        return not interval.within(_INTS if exact else _ROUNDED_INTS)
    return not interval.within(_REALS)


def negative(check: Expressions, node: t.Unary, operand: Value) -> Value:
    if not check.wants_number(operand):
        return check.unknown(node.span)
    if operand.op == "constant" and isinstance(operand.data, Fraction):
        value = -operand.data
        return Value("constant", (), operand.type, node.span, point(value), data=value)
    interval = negate(operand.interval)
    return Value(
        "neg",
        (operand,),
        operand.type,
        node.span,
        interval,
        operand.level,
        operand.faults or can_overflow(operand.type, interval),
    )


def binary(check: Expressions, node: t.Binary, left: Value, right: Value) -> Value:
    """`left + right` and the like, both already checked."""
    if not check.wants_numbers(node, left, right):
        return check.unknown(node.span)
    unit, fits = units.of_result(check, node, left, right)
    if not fits:
        return check.unknown(node.span)
    a, b = left.interval, right.interval
    faults = left.faults or right.faults
    if node.operator == "/":
        if b.contains(Fraction(0)):
            _zero_denominator(check, right)
            return check.unknown(node.span)
        type_, interval = Type("real", unit=unit), relations.quotient(left, right, divide(a, b))
        faults = faults or not keeps_sign(right)
    else:
        whole = left.type.kind == "int" and right.type.kind == "int"
        type_ = number_type(unit, whole)
        plain, related = _EXACT[node.operator]
        interval = related(left, right, plain(a, b))
    interval = coarse(interval)
    return Value(
        OPS[node.operator],
        (left, right),
        _optional(type_, left, right),
        node.span,
        interval,
        max(left.level, right.level),
        faults or can_overflow(type_, interval),
    )


_EXACT: dict[str, tuple[Callable[[Interval, Interval], Interval], Related]] = {
    "+": (add, relations.total),
    "-": (subtract, relations.difference),
    "*": (multiply, relations.product),
}


def _optional(type_: Type, *parts: Value) -> Type:
    return type_.nullable if any(part.type.optional for part in parts) else type_


def _zero_denominator(check: Expressions, right: Value) -> None:
    declared = check.declaration_of(right)
    nothing, one = zero(right.type), least(right.type)
    shown, notes = text_of(right), tuple[str, ...]()
    advice = f"divide by `max({shown}, {one})`"
    if right.interval.lo is None or right.interval.lo < 0:
        advice = f"divide by `max({shown}, {one})` if it cannot be negative"
        if right.path in check.facts:
            notes = (
                f"it may be negative too: a test `== {nothing}` or `!= {nothing}` leaves no gap in a range",
            )
    if declared is not None and not check.is_let(right):
        end = "inf)" if right.interval.hi is None else with_unit(show(right.interval.hi), right.type) + "]"
        advice = f"declare a range without 0, `in ({nothing}, {end}`"
    if right.interval.constant == 0:
        advice = "divide by something else"
    elif right.path:
        advice += f", or {'aggregate' if check.aggregating else 'test'} "
        advice += (
            f"`where {right.path} > {nothing}`" if check.aggregating else f"`{right.path} > {nothing}` first"
        )
    check.found.error(
        "RK0702",
        "the denominator can be 0" if right.interval.constant is None else "the denominator is 0",
        right.span,
        lies(right.interval, suffix(right.type)),
        labels=(Label(declared, "declared here"),) if declared else (),
        help=advice,
        notes=notes,
    )


def comparison(check: Expressions, node: t.Binary, left: Value, right: Value) -> Value:
    """`==` of two values of one type; `<` and the like of numbers with one unit."""
    level, faults = max(left.level, right.level), left.faults or right.faults
    for part, other, other_node in ((left, right, node.right), (right, left, node.left)):
        if isinstance(other_node, t.Null):
            return _null_test(check, node, part, other.span)
    if UNKNOWN in (left.type, right.type):
        return check.unknown(node.span)
    if not check.lenient and not (check.wants_value(left) & check.wants_value(right)):
        return check.unknown(node.span)
    a, b = left.type.required, right.type.required
    if a.is_number and b.is_number:
        if a.unit != b.unit:
            units.report(check, "RK0402", "cannot compare {a} with {b}", node, left, right)
            return check.unknown(node.span)
    elif not _one_type(a, b) or node.operator not in ("==", "!="):
        check.found.error(
            "RK0401",
            f"cannot compare `{a}` with `{b}`" if a != b else f"`{a}` has no order",
            node.span,
            labels=(Label(left.span, f"`{a}`"), Label(right.span, f"`{b}`")),
            help=_compare_help(left, right),
        )
        return check.unknown(node.span)
    value = Value(COMPARISONS[node.operator], (left, right), BOOL, node.span, level=level, faults=faults)
    return check.false_if_null(value) if check.lenient else value


def _one_type(a: Type, b: Type) -> bool:
    """Whether values of these types compare; `[]` does with every list."""
    return a == b or (a.kind == b.kind == "list" and UNKNOWN in (a.item, b.item))


def _compare_help(left: Value, right: Value) -> str | None:
    kinds = {left.type.kind, right.type.kind}
    text = left if left.type.kind == "text" else right
    if "text" in kinds and kinds & {"int", "real"}:
        return f"read the number out of the text: `math.number({text_of(text)}) ?? 0`"
    if "text" in kinds and "bool" in kinds:
        return f'compare it with a text: `{text_of(text)} == "true"`'
    if "list" in kinds and "text" in kinds:
        return "test the items: `any(x == … for x in xs)`"
    if "bool" in kinds:
        condition = left if left.type.kind == "bool" else right
        return f"a condition stands by itself: `{text_of(condition)}`, or `not {text_of(condition)}`"
    if kinds == {"text"}:
        return f"compare lengths, `len({text_of(left)})`, or numbers, `math.number({text_of(left)}) ?? 0`"
    return None


def _null_test(check: Expressions, node: t.Binary, value: Value, null: Span) -> Value:
    if node.operator not in ("==", "!="):
        check.found.error(
            "RK0603",
            f"`{node.operator}` cannot compare with `null`",
            node.span,
            help=f"write `{text_of(value)} != null`",
        )
        return check.unknown(node.span)
    if value.type == UNKNOWN:
        return check.unknown(node.span)
    if not value.type.optional and not value.faults and not check.lenient:
        check.found.warning(
            "RK0605",
            f"this is never null, so the test is always {'false' if node.operator == '==' else 'true'}",
            node.span,
            labels=() if peeled(value).type.optional else check.declared(value),
            help="leave the test out" + (": that is settled already" if peeled(value).type.optional else ""),
        )
    is_null = Value("is_null", (value,), BOOL, node.span, level=value.level, faults=value.faults)
    if node.operator == "==":
        return is_null
    return Value("not", (is_null,), BOOL, node.span, level=value.level, faults=value.faults)
