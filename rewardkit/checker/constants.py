"""Ranges and constant expressions: exact rationals, known when the file is read."""

from __future__ import annotations

from fractions import Fraction

from rewardkit.diagnostics import Collector
from rewardkit.language import tree as t
from rewardkit.types.interval import Interval, show, whole
from rewardkit.types.types import UNITS, UNKNOWN, WHOLE_UNITS, Type


def constant_number(node: t.Expr) -> tuple[Fraction, str | None, bool] | None:
    """The value, unit and wholeness of `-0.5`, `4096tok`, `2 * 1024tok`, `1 / 3`; else `None`."""
    if isinstance(node, t.Number):
        return node.value, node.unit, node.whole
    if isinstance(node, t.Unary) and node.operator == "-":
        inner = constant_number(node.operand)
        return None if inner is None else (-inner[0], inner[1], inner[2])
    if isinstance(node, t.Binary) and node.operator in ("+", "-", "*", "/"):
        left, right = constant_number(node.left), constant_number(node.right)
        if left is None or right is None:
            return None
        return _combine(node.operator, left, right)
    return None


def fits(type_: Type, value: Fraction) -> bool:
    """Whether a number of the type fits in 64 bits."""
    if type_.kind == "int":
        return -(2**63) <= value < 2**63
    return abs(value) < 2**1024


def _combine(
    operator: str, a: tuple[Fraction, str | None, bool], b: tuple[Fraction, str | None, bool]
) -> tuple[Fraction, str | None, bool] | None:
    whole = a[2] and b[2]
    if max(abs(a[0].numerator), a[0].denominator, abs(b[0].numerator), b[0].denominator) > 10**700:
        return None
    if operator in "+-":
        if a[1] != b[1]:
            return None
        return (a[0] + b[0] if operator == "+" else a[0] - b[0]), a[1], whole
    if operator == "*":
        return None if a[1] and b[1] else (a[0] * b[0], a[1] or b[1], whole)
    if b[0] == 0 or (b[1] and a[1] != b[1]):
        return None
    return a[0] / b[0], a[1] if b[1] is None else None, False


def range_of(node: t.Range | None, type_: Type, found: Collector) -> Interval | None:
    """The interval of a declared range, its bounds in the unit of `type_`."""
    if node is None:
        return None
    if type_ == UNKNOWN or not (t.readable(node.lo) and t.readable(node.hi)):
        return None  # reported
    if not type_.is_number:
        help_ = "leave the range out"
        found.error("RK0703", f"only a number has a range, and this is `{type_}`", node.span, help=help_)
        return None
    lo = _bound(node, type_, found, lower=True)
    hi = False if lo is False else _bound(node, type_, found, lower=False)
    if lo is False or hi is False:
        return None
    interval = Interval(
        lo if isinstance(lo, Fraction) else None,
        hi if isinstance(hi, Fraction) else None,
        node.lo_open and lo is not None,
        node.hi_open and hi is not None,
    )
    if (whole(interval) if type_.kind == "int" else interval).empty:
        wrong_way = interval.lo is not None and interval.hi is not None and interval.lo > interval.hi
        help_ = "write the lower end first" if wrong_way else "close an end: `[` and `]` hold their number"
        found.error("RK0703", f"the range {interval} holds nothing", node.span, help=help_)
        return None
    return interval


def _bound(range_: t.Range, type_: Type, found: Collector, lower: bool) -> Fraction | bool | None:
    """A bound; `None` for an infinite one, `False` where it is wrong (reported)."""
    node, open_ = (range_.lo, range_.lo_open) if lower else (range_.hi, range_.hi_open)
    infinite = node.operand if isinstance(node, t.Unary) and node.operator == "-" else node
    if isinstance(infinite, t.Name) and infinite.name == "inf":
        negative = infinite is not node
        if negative != lower or not open_:
            text = range_.span.text
            side = (
                f"(-inf{text[range_.lo.span.end - range_.span.start :]}"
                if lower
                else (f"{text[: range_.hi.span.start - range_.span.start]}inf)")
            )
            found.error("RK0703", "`inf` stands at an open end only", node.span, help=f"write `{side}`")
            return False
        return None
    constant = constant_number(node)
    if constant is None:
        found.error(
            "RK0703",
            "the ends of a range are numbers",
            node.span,
            help="write the lowest and the highest value that any run can give",
        )
        return False
    value, unit, _ = constant
    if unit != type_.unit and not (value == 0 and unit is None):
        have = f"in {unit}" if unit else "a plain number"
        want = f"in {type_.unit}" if type_.unit else "a plain number"
        help_ = f"write `{show(value)}{UNITS[type_.unit] if type_.unit else ''}`"
        found.error("RK0402", f"this end is {have}, and the value is {want}", node.span, help=help_)
        return False
    if type_.kind == "int" and type_.unit in (None, *WHOLE_UNITS) and value.denominator != 1:
        help_ = f"write `{show(Fraction(value // 1))}{UNITS[type_.unit] if type_.unit else ''}`"
        found.error(
            "RK0703", f"the ends of a range of `{type_.required}` are whole numbers", node.span, help=help_
        )
        return False
    return value
