"""Typing of operators: units, kinds and intervals of `+ - * /` and of comparisons."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rewardkit.checker.spec import Value
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import Interval, add, coarse, divide, multiply, negate, point, subtract
from rewardkit.types.types import BOOL, UNITS, UNKNOWN, WHOLE_UNITS, Type

if TYPE_CHECKING:
    from rewardkit.checker.expressions import Expressions

OPS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}

INT_MAX = Fraction(2**63 - 1)
_INTS = Interval(-INT_MAX - 1, INT_MAX)
_REALS = Interval(-Fraction(2) ** 1000, Fraction(2) ** 1000)


def number_type(unit: str | None, whole: bool) -> Type:
    """A number of a unit; `seconds` are always real."""
    return Type("int" if whole and (unit is None or unit in WHOLE_UNITS) else "real", unit=unit)


def can_overflow(type_: Type, interval: Interval) -> bool:
    return not interval.within(_INTS if type_.kind == "int" else _REALS)


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
    if not (check.wants_number(left) & check.wants_number(right)):
        return check.unknown(node.span)
    unit = _unit(check, node, left, right)
    if unit is False:
        return check.unknown(node.span)
    a, b = left.interval, right.interval
    if node.operator == "/":
        if b.contains(Fraction(0)):
            _zero_denominator(check, node, right)
            return check.unknown(node.span)
        type_, interval = Type("real", unit=unit), divide(a, b)
    else:
        whole = left.type.kind == "int" and right.type.kind == "int"
        type_ = number_type(unit, whole)
        interval = {"+": add, "-": subtract, "*": multiply}[node.operator](a, b)
    interval = coarse(interval)
    return Value(
        OPS[node.operator],
        (left, right),
        _optional(type_, left, right),
        node.span,
        interval,
        max(left.level, right.level),
        left.faults or right.faults or can_overflow(type_, interval),
    )


def _optional(type_: Type, *parts: Value) -> Type:
    return type_.nullable if any(part.type.optional for part in parts) else type_


def _unit(check: Expressions, node: t.Binary, left: Value, right: Value) -> str | None | bool:
    """The unit of the result; `False` where the two do not go together (reported)."""
    a, b = left.type.unit, right.type.unit
    if node.operator in "+-":
        if a == b:
            return a
        check.found.error(
            "RK0402",
            f"`{left.type.required}` and `{right.type.required}` cannot be "
            + ("added" if node.operator == "+" else "subtracted"),
            node.span,
            labels=(Label(left.span, _unit_word(a)), Label(right.span, _unit_word(b))),
            help=_same_unit_help(left, right),
        )
        return False
    if a is None and b is None:
        return None
    if node.operator == "*" and (a is None or b is None):
        return a or b
    if node.operator == "/" and b is None:
        return a
    if node.operator == "/" and a == b:
        return None
    shown = f"{_short(a)} {node.operator} {_short(b)}"
    check.found.error(
        "RK0403",
        f"`{shown}` has no unit in this language",
        node.span,
        labels=(Label(left.span, _unit_word(a)), Label(right.span, _unit_word(b))),
        help="divide by an amount of the same unit first, for example a budget",
    )
    return False


def _short(unit: str | None) -> str:
    return UNITS[unit] if unit else "1"


def _unit_word(unit: str | None) -> str:
    return f"in {unit}" if unit else "a plain number"


def _same_unit_help(left: Value, right: Value) -> str | None:
    for plain, other in ((right, left), (left, right)):
        if plain.op == "constant" and plain.type.unit is None and other.type.unit:
            return f"write `{plain.span.text}{UNITS[other.type.unit]}`"
    return "divide each by an amount of its own unit first" if left.type.unit and right.type.unit else None


def _zero_denominator(check: Expressions, node: t.Binary, right: Value) -> None:
    name = right.path or "the denominator"
    declared = check.declaration_of(right)
    where = (Label(declared, f"in {right.interval}"),) if declared else ()
    check.found.error(
        "RK0702",
        "the denominator can be 0",
        right.span,
        f"in {right.interval}",
        labels=where,
        help=f"declare a range without 0 for `{name}`, or test `{name} > 0` first"
        if right.path
        else "use `max(…, 1)`, or test that it is above 0 first",
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
            check.found.error(
                "RK0402",
                f"`{a}` and `{b}` cannot be compared",
                node.span,
                labels=(Label(left.span, _unit_word(a.unit)), Label(right.span, _unit_word(b.unit))),
                help=_same_unit_help(left, right),
            )
            return check.unknown(node.span)
    elif a != b or node.operator not in ("==", "!="):
        order = "ordered" if a == b else "compared"
        check.found.error(
            "RK0401",
            f"`{a}` and `{b}` cannot be {order}" if a != b else f"`{a}` values cannot be {order}",
            node.span,
            labels=(Label(left.span, f"`{a}`"), Label(right.span, f"`{b}`")),
            help=_compare_help(left, right),
        )
        return check.unknown(node.span)
    value = Value(COMPARISONS[node.operator], (left, right), BOOL, node.span, level=level, faults=faults)
    return check.false_if_null(value) if check.lenient else value


def _compare_help(left: Value, right: Value) -> str | None:
    kinds = {left.type.kind, right.type.kind}
    if kinds == {"text", "int"} or kinds == {"text", "real"}:
        return "read the number out of the text with `math.number(…)`"
    if kinds == {"bool", "int"} or kinds == {"bool", "real"}:
        return "a condition stands by itself: `when correct`, `not correct`"
    return None


def _null_test(check: Expressions, node: t.Binary, value: Value, null: Span) -> Value:
    if node.operator not in ("==", "!="):
        check.found.error(
            "RK0603", f"`{node.operator}` cannot compare with `null`", node.span, help="use `== null` or `!= null`"
        )
        return check.unknown(node.span)
    if value.type == UNKNOWN:
        return check.unknown(node.span)
    if not value.type.optional and not value.faults and not check.lenient:
        check.found.warning(
            "RK0605",
            f"this is never null, so the test is always {'false' if node.operator == '==' else 'true'}",
            node.span,
            help="leave the test out" if not value.faults else None,
        )
    is_null = Value("is_null", (value,), BOOL, node.span, level=value.level, faults=value.faults)
    if node.operator == "==":
        return is_null
    return Value("not", (is_null,), BOOL, node.span, level=value.level, faults=value.faults)
