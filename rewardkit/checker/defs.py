"""`def`: checked once by itself, and written out at each call with what is known of the arguments.

Writing out keeps everything behind it simple: a plan, a proof and an explanation see plain expressions, and
an interval or a test for null goes through a call as if its body stood there. An argument is computed
once, however often the body reads it, and not at all where the body does not reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rewardkit.checker.spec import DefSpec, Value
from rewardkit.checker.wording import suggest, text_of
from rewardkit.diagnostics import Collector, Label, Span
from rewardkit.language import tree as t
from rewardkit.types.function import Parameter
from rewardkit.types.interval import FULL, intersect
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, NULL, UNKNOWN

if TYPE_CHECKING:
    from rewardkit.checker.expressions import Expressions

#: names, values and operators that all calls of a file may come to, and how deep one may nest
MAX_WRITTEN = 20_000
MAX_HEIGHT = 40


def parameter_value(parameter: Parameter, span: Span) -> Value:
    """A parameter inside its own `def`, of which its declaration is all that is known."""
    return Value(
        "parameter",
        (),
        parameter.type,
        span,
        parameter.range or FULL,
        Level.ROW,
        path=parameter.name,
        data=parameter.name,
    )


class ParameterNames:
    """Finds a name inside a `def`: a parameter, or nothing (reported)."""

    def __init__(self, name: str, values: dict[str, Value], found: Collector) -> None:
        self.name, self.values, self.found = name, values, found

    def __call__(self, name: str, span: Span) -> Value | None:
        if name in self.values:
            return self.values[name]
        near = suggest(name, self.values)
        self.found.error(
            "RK0218",
            f"`{name}` is not a parameter of `{self.name}`",
            span,
            help=near or f"a `def` sees its parameters only: add one, and call it with `{name}`",
        )
        return None


def written_out(
    check: Expressions,
    node: t.Call,
    callee: DefSpec,
    bound: Sequence[tuple[Parameter, Value | None]],
) -> Value:
    """The body of a `def` with the arguments of one call, which fit its parameters."""
    before, check.written.nodes = check.written.nodes, check.written.nodes + callee.nodes
    if before > MAX_WRITTEN:
        return check.unknown(node.span)  # reported
    if check.written.nodes > MAX_WRITTEN:
        check.found.error(
            "RK0217",
            f"the calls of this file's functions come to more than {MAX_WRITTEN:,} names and operators",
            node.span,
            "counted up to here",
            help="name with `let` what is computed again and again",
        )
        return check.unknown(node.span)
    values: dict[str, Value] = {}
    absent: Value | None = None  # where an argument is null that must not be
    for parameter, value in bound:
        assert value is not None
        if value.type.optional and not parameter.type.optional:
            missing = Value("is_null", (value,), BOOL, value.span, level=value.level, faults=value.faults)
            absent = missing if absent is None else _or(absent, missing)
            value = Value(
                "alias",
                (value,),
                value.type.required,
                value.span,
                value.interval,
                value.level,
                value.faults,
                value.path,
            )
        values[parameter.name] = _bound(check, parameter, value)
    body = _body(check, node, callee, values)
    if body is None or body.type == UNKNOWN:
        return check.unknown(node.span)
    if absent is not None:
        body = _unless(absent, body)
    result = callee.function.result
    type_ = result.nullable if body.type.optional else result
    body = Value("bind", (body,), type_, node.span, body.interval, body.level, body.faults, data=callee.name)
    return Value("alias", (body,), type_, node.span, body.interval, body.level, body.faults)


def _bound(check: Expressions, parameter: Parameter, value: Value) -> Value:
    """An argument under its parameter's name and type."""
    interval = value.interval
    if parameter.range is not None and value.type.is_number:
        interval = intersect(interval, parameter.range)
    check.folds += 1
    # a test inside the body settles the name that was given, and no other one of the caller
    path = value.path or f"{parameter.name}@{check.folds}"
    return Value(
        "bind",
        (value,),
        parameter.type,
        value.span,
        interval,
        value.level,
        value.faults,
        path,
        parameter.name,
    )


def _body(check: Expressions, node: t.Call, callee: DefSpec, values: dict[str, Value]) -> Value | None:
    from rewardkit.checker.expressions import Expressions

    silent = Collector()
    inner = Expressions(
        silent,
        ParameterNames(callee.name, values, silent),
        {p.name: p.name_span for p in callee.node.parameters},
        functions=callee.scope,
        written=check.written,
        pure=callee.name,
    )
    inner.folds = check.folds
    body = inner.check(callee.node.body)
    check.folds = inner.folds
    if not silent.has_errors:
        return body
    problem = next(d for d in silent.sorted() if d.is_error)
    # right by itself, and wrong with these arguments: `clamp(x, lo, hi)` with `lo` above `hi`
    check.found.error(
        problem.code,
        f"in `{node.function}`: {problem.message}",
        node.span,
        problem.primary.text,
        labels=(Label(problem.primary.span, "written out here"),),
        help=problem.help,
        notes=(f"it stands in {problem.primary.span!r}: `{text_of(problem.primary.span)}`",),
    )
    return None


def _or(left: Value, right: Value) -> Value:
    return Value(
        "or",
        (left, right),
        BOOL,
        left.span,
        level=max(left.level, right.level),
        faults=left.faults or right.faults,
    )


def _unless(absent: Value, body: Value) -> Value:
    """Null where a value is missing, else the body: what every function does that is given null."""
    null = Value("constant", (), NULL, body.span, data=None)
    return Value(
        "if",
        (absent, null, body),
        body.type.nullable,
        body.span,
        body.interval,
        max(absent.level, body.level),
        absent.faults or body.faults,
    )
