"""Typing of aggregates: over the rows of a group or batch, and over a list."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rewardkit import library
from rewardkit.checker import arithmetic
from rewardkit.checker.builtins import ROOTS
from rewardkit.checker.facts import when
from rewardkit.checker.spec import AggregateData, FoldData, Value
from rewardkit.checker.wording import listed, suggest, text_of, with_unit
from rewardkit.diagnostics import Label
from rewardkit.language import tree as t
from rewardkit.types.interval import FULL, NON_NEGATIVE, Interval, between, multiply, point
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, INT, REAL, UNKNOWN, Type

if TYPE_CHECKING:
    from rewardkit.checker.expressions import Expressions

#: numbers of which many squares still fit
_SQUARED = Interval(-(Fraction(2) ** 480), Fraction(2) ** 480)
_LEVELS = {"group": Level.GROUP, "batch": Level.BATCH}
_OF_LISTS = ("any", "all", "count", "sum", "mean", "min", "max")


def without_scope(check: Expressions, node: t.Call) -> Value:
    values = [check.check(argument.value) for argument in node.arguments]
    over = f"write `{text_of(node.span, 50)} over group`, or `… over batch`"
    listed_ = next((v for v in values if v.type.kind == "list"), None)
    if listed_ is not None:
        over = f"write `{node.function}(x … for x in {text_of(listed_)})`"
    elif node.function in ("min", "max") and len(values) == 1 and node.where is None:
        over += f"; of two values, `{node.function}({text_of(values[0])}, {with_unit('1', values[0].type)})`"
    check.found.error("RK0502", f"`{node.function}` does not say over which rows", node.span, help=over)
    return check.unknown(node.span)


def over_rows(check: Expressions, node: t.Call) -> Value:
    assert node.over is not None
    if node.function not in library.AGGREGATES:
        check.found.error(
            "RK0501",
            f"`{node.function}` is not an aggregate",
            node.function_span,
            help=_aggregate_help(node),
        )
        return check.unknown(node.span)
    if check.elements:
        check.found.error(
            "RK0505",
            "an aggregate over rows cannot stand inside `for … in`",
            node.span,
            help=f"name it before: `let x = {text_of(node.span)}`",
        )
        return check.unknown(node.span)
    if check.pure is not None:
        check.found.error(
            "RK0505",
            "an aggregate over rows cannot stand in a `def`",
            node.span,
            help=f"aggregate before the call: pass `{text_of(node.span)}` as an argument",
        )
        return check.unknown(node.span)
    if check.lenient:
        check.found.error(
            "RK0505",
            "an aggregate over rows cannot stand in `expect`",
            node.span,
            help="name it with `let` in the spec, and expect that of a sample",
        )
        return check.unknown(node.span)
    with check.across(_LEVELS[node.over]):
        parts = _aggregated(check, node)
    if parts is None:
        return check.unknown(node.span)
    value, where = parts
    # a group always holds the row that asks, so without `where` there is a value whenever x has one on
    # this row, of which more may be known than of the others
    present = where is None and (value is None or not value.type.optional or _present_here(check, node))
    typed = _aggregate_type(check, node, value, present)
    if typed is None:
        return check.unknown(node.span)
    type_, interval = typed
    args = tuple(part for part in (value, where) if part is not None)
    level = Level.ROW if node.function == "rank" else _LEVELS[node.over]
    # what failed is left out like a null, so it matters where nothing else is left
    faults = node.function not in ("count", "sum", "any", "all") and any(part.faults for part in args)
    faults = faults or _too_large(node.function, value, type_, interval)
    data = AggregateData(node.function, node.over, value is not None, where is not None)
    return Value("aggregate", args, type_, node.span, interval, level, faults, data=data)


def _present_here(check: Expressions, node: t.Call) -> bool:
    argument = node.arguments[0].value
    return t.dotted(argument) is not None and not check.check(argument).type.optional


def _too_large(name: str, value: Value | None, type_: Type, interval: Interval) -> bool:
    """Whether an aggregate of numbers that fit may not fit itself."""
    if name == "sum":
        return arithmetic.can_overflow(type_, interval)
    real = value is not None and value.type.kind == "real"
    if name == "std":  # it adds up squares
        return real and not interval.within(_SQUARED)
    return real and name == "mean" and arithmetic.can_overflow(REAL, interval)


def _aggregate_help(node: t.Call) -> str:
    if node.function in library.functions():
        call_ = text_of(node.span.inside(0, node.span.text.rfind("over")))
        return f"write `mean({call_}) over {node.over}`"
    return suggest(node.function, library.AGGREGATES) or f"aggregates are {listed(library.AGGREGATES)}"


def _aggregated(check: Expressions, node: t.Call) -> tuple[Value | None, Value | None] | None:
    """The checked value and `where` of an aggregate; `None` where either is wrong."""
    if len(node.arguments) > 1 or any(argument.name for argument in node.arguments):
        check.found.error(
            "RK0210",
            f"`{node.function}` aggregates one value",
            node.span,
            help=f"write `{node.function}(x where condition)`",
        )
        return None
    where = check.condition(node.where, "`where`") if node.where is not None else None
    if not node.arguments:
        if node.function != "count":
            check.found.error(
                "RK0210",
                f"`{node.function}` wants a value to aggregate",
                node.span,
                help=f"write `{node.function}(completion.tokens)`; only `count()` stands alone",
            )
            return None
        return None, where
    facts = when(where, True) if where is not None else {}
    value = check.check_under(node.arguments[0].value, facts)
    if value.type == UNKNOWN or (where is not None and where.type != BOOL):
        return None
    return value, where


def _aggregate_type(
    check: Expressions, node: t.Call, value: Value | None, present: bool
) -> tuple[Type, Interval] | None:
    """The type and interval of an aggregate over rows or items."""
    name = node.function
    if name == "count":
        counts = value is None or (value.type.kind != "bool" and not value.faults)
        return INT, Interval(Fraction(1)) if counts and present else NON_NEGATIVE
    assert value is not None
    kind, interval = value.type.required, value.interval
    if name in ("any", "all"):
        if kind != BOOL:
            help_ = f"compare it: `{text_of(value)} > {with_unit('0', kind)}`" if kind.is_number else None
            check.found.error(
                "RK0401",
                f"`{name}` wants a condition, found `{kind}`",
                value.span,
                labels=check.declared(value),
                help=help_,
            )
            return None
        return BOOL, FULL
    if kind == BOOL and name in ("sum", "mean"):
        kind, interval = INT, between(0, 1)
    if not kind.is_number:
        help_ = f"count the rows where it holds: `count({text_of(value)})`" if kind == BOOL else None
        if kind.kind in ("text", "list"):
            help_ = f"measure it: `len({text_of(value)})`"
        check.found.error(
            "RK0401",
            f"`{name}` wants a number, found `{kind}`",
            value.span,
            labels=check.declared(value),
            help=help_,
        )
        return None
    if name == "sum":
        # what fails is left out, and may leave nothing
        some = present and not value.faults
        return kind, multiply(interval, Interval(Fraction(1)) if some else NON_NEGATIVE)
    if name == "rank":
        return (REAL if present else REAL.nullable), Interval(Fraction(1))
    real = Type("real", unit=kind.unit)
    if name == "std":
        return real.nullable, _std(interval)
    type_ = real if name == "mean" else kind
    return (type_ if present else type_.nullable), interval


def _std(a: Interval) -> Interval:
    """Two values at the ends deviate most: `(hi - lo) / sqrt(2)` with ddof 1."""
    if a.lo is None or a.hi is None:
        return NON_NEGATIVE
    return between(0, (a.hi - a.lo) * Fraction(70711, 100000))


def over_list(check: Expressions, node: t.Call, generator: t.Generator) -> Value:
    iterable = check.check(generator.iterable)
    if iterable.type == UNKNOWN:
        return check.unknown(node.span)
    if node.function not in _OF_LISTS:
        check.found.error(
            "RK0501",
            f"`{node.function}` does not work over a list",
            node.function_span,
            help=f"over a list there are {listed(_OF_LISTS)}",
        )
        return check.unknown(node.span)
    if iterable.type.kind != "list":
        help_ = (
            f"go over its lines: `text.lines({text_of(iterable)})`" if iterable.type.kind == "text" else None
        )
        check.found.error(
            "RK0401",
            f"`for … in` wants a list, found `{iterable.type.required}`",
            iterable.span,
            labels=check.declared(iterable),
            help=help_,
        )
        return check.unknown(node.span)
    taken = check.declarations.get(generator.name)
    if taken is not None or generator.name in check.elements or generator.name in (*ROOTS, "step"):
        check.found.error(
            "RK0202",
            f"`{generator.name}` is declared twice",
            generator.span.inside(0, len(generator.name)),
            "again here",
            labels=(Label(taken, "first here"),) if taken else (),
            help="choose another name for the item",
        )
        return check.unknown(node.span)
    item = iterable.type.item
    assert item is not None
    check.folds += 1
    number = check.folds
    check.elements[generator.name] = Value(
        "element",
        (),
        item,
        generator.span,
        level=iterable.level,
        path=f"{generator.name}@{number}",
        data=number,
    )
    parts = _aggregated(check, node)
    del check.elements[generator.name]
    if parts is None:
        return check.unknown(node.span)
    body, where = parts
    typed = _aggregate_type(check, node, body, present=False)
    if typed is None:
        return check.unknown(node.span)
    type_, interval = typed
    if body is None:  # count() of items: the body is a constant
        body = Value("constant", (), INT, node.span, point(1), data=Fraction(1))
    inner = tuple(part for part in (body, where) if part is not None)
    return Value(
        "fold",
        (iterable, *inner),
        type_.nullable if iterable.type.optional else type_,
        node.span,
        interval,
        max(iterable.level, *(part.level for part in inner)),
        iterable.faults
        or any(part.faults for part in inner)
        or _too_large(node.function, body, type_, interval),
        data=FoldData(node.function, number, where is not None),
    )
