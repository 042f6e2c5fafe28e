"""Ranges and constant expressions: exact rationals, known when the file is read."""

from __future__ import annotations

from fractions import Fraction

from rewardkit.diagnostics import Collector
from rewardkit.language import tree as t
from rewardkit.types.interval import Interval
from rewardkit.types.types import WHOLE_UNITS, Type


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
    if not type_.is_number:
        found.error("RK0703", f"only a number has a range, and this is `{type_}`", node.span)
        return None
    lo = _bound(node.lo, type_, node.lo_open, found, lower=True)
    hi = _bound(node.hi, type_, node.hi_open, found, lower=False)
    if lo is False or hi is False:
        return None
    interval = Interval(
        lo if isinstance(lo, Fraction) else None,
        hi if isinstance(hi, Fraction) else None,
        node.lo_open and lo is not None,
        node.hi_open and hi is not None,
    )
    if interval.empty:
        found.error("RK0703", f"the range {interval} holds nothing", node.span, help="write the lower end first")
        return None
    return interval


def _bound(node: t.Expr, type_: Type, open_: bool, found: Collector, lower: bool) -> Fraction | None | bool:
    """A bound; `None` for an infinite one, `False` where it is wrong (reported)."""
    infinite = node.operand if isinstance(node, t.Unary) and node.operator == "-" else node
    if isinstance(infinite, t.Name) and infinite.name == "inf":
        negative = infinite is not node
        if negative != lower or not open_:
            side = "(-inf, …" if lower else "…, inf)"
            found.error("RK0703", "`inf` stands at an open end only", node.span, help=f"write `{side}`")
            return False
        return None
    constant = constant_number(node)
    if constant is None:
        found.error(
            "RK0703",
            "a range's ends are constants",
            node.span,
            help="write numbers: a range is a promise that holds for every run",
        )
        return False
    value, unit, _ = constant
    if unit != type_.unit and not (value == 0 and unit is None):
        want = f"in {type_.unit}" if type_.unit else "a plain number"
        found.error("RK0402", f"this end is {'in ' + unit if unit else 'a plain number'}, and the range is {want}", node.span)
        return False
    if type_.kind == "int" and type_.unit in (None, *WHOLE_UNITS) and value.denominator != 1:
        found.error("RK0703", f"the ends of a range of `{type_.required}` are whole numbers", node.span)
        return False
    return value
