"""The stages of a check, each one function over the draft. `check.py` holds their order and why."""

from __future__ import annotations

from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from rewardkit.checker import builtins, units
from rewardkit.checker.constants import constant_number, fits, range_of
from rewardkit.checker.draft import Draft, contains, names_in
from rewardkit.checker.expressions import Expressions, as_type, unify
from rewardkit.checker.facts import Facts, both, when
from rewardkit.checker.rounding import stays_within
from rewardkit.checker.spec import InputSpec, ParamSpec, TermData, TermSpec, Value
from rewardkit.checker.wording import default_fix, null_origin, operand, replace, suffix, text_of, with_unit
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import UNIT, Interval, bare, hull, intersect, lies, point, show
from rewardkit.types.types import BOOL, INT, NULL, UNITS, UNKNOWN, Type

LANGUAGE_VERSION = 1
#: statements that stand in a file once, and what to do with a second one
_ONCE: dict[type[t.Statement], str] = {
    t.Language: "leave it out",
    t.Reward: "write all weights into one `reward`",
    t.Advantage: "keep one: a run may name another normalizer",
}
_RESERVED = (*builtins.ROOTS, "step")


def structure(draft: Draft) -> None:
    """`language` first and known; `reward` and `advantage` once; something in the file at all."""
    found, statements = draft.found, draft.module.statements
    if not statements and not found.has_errors:
        what = "has comments only" if draft.source.text.strip() else "is empty"
        found.error(
            "RK0001", f"this file {what}", Span(draft.source, 0, 0), help="`rewardkit new` starts a spec"
        )
    for kind in _ONCE:
        again = draft.statements(kind)
        for statement in again[1:]:
            found.error(
                "RK0208",
                f"`{_keyword(statement)}` stands in a file once",
                _keyword_span(statement),
                labels=(Label(_keyword_span(again[0]), "first here"),),
                help=_ONCE[kind],
            )
    for node in draft.statements(t.Language)[:1]:
        if node is not statements[0]:
            help_ = "move it to the top of the file"
            found.error("RK0208", "`language` is not the first statement", _keyword_span(node), help=help_)
        if node.version.value != LANGUAGE_VERSION or node.version.unit:
            found.error(
                "RK0109",
                f"this rewardkit reads language {LANGUAGE_VERSION}, not `{node.version.span.text}`",
                node.version.span,
                help=f"write `language {LANGUAGE_VERSION}`, or install a newer rewardkit",
            )


def _keyword(statement: t.Statement) -> str:
    return type(statement).__name__.lower()


def _keyword_span(statement: t.Statement) -> Span:
    return statement.span.inside(0, len(_keyword(statement)))


def names(draft: Draft) -> None:
    """Every declaration under its name: values share one space, without shadowing."""
    for statement in draft.module.statements:
        if isinstance(statement, t.Broken) and statement.name is not None:
            draft.declarations.setdefault(statement.name, statement.span)
            draft.nodes.setdefault(statement.name, statement)
        if not isinstance(statement, t.Declaration):
            continue
        name, span = statement.name, statement.name_span
        if name in _RESERVED:
            help_ = "choose another name"
            if isinstance(statement, t.Input):
                help_ = f'write `input my_{name}: {statement.type.type} from "{name}"`'
            draft.found.error("RK0206", f"`{name}` is there already, on every row", span, help=help_)
        elif name in draft.declarations:
            draft.found.error(
                "RK0202",
                f"`{name}` is declared twice",
                span,
                "again here",
                labels=(Label(draft.declarations[name], "first here"),),
                help="choose another name: names are never hidden by others",
            )
        else:
            draft.declarations[name] = span
            draft.nodes[name] = statement


def inputs_and_params(draft: Draft) -> None:
    for node in draft.nodes.values():
        if isinstance(node, t.Input):
            type_ = node.type.type
            interval = range_of(node.range, type_, draft.found)
            draft.inputs[node.name] = InputSpec(
                node.name, node.column or node.name, type_, interval, node.per_prompt, node.name_span
            )
        elif isinstance(node, t.Param):
            _param(draft, node)


def _param(draft: Draft, node: t.Param) -> None:
    type_ = node.type.type
    interval = range_of(node.range, type_, draft.found)
    if type_ == UNKNOWN:
        draft.nodes[node.name] = t.Broken(node.span, "param", node.name)  # reported
        return
    if type_.optional or not (type_.is_number or type_.kind in ("bool", "text")):
        help_ = (
            f"write `{type_.required}`: a param always has a value" if type_.optional else "use an `input`"
        )
        draft.found.error(
            "RK0401", f"a param is a bool, a number or a text, not `{type_}`", node.type.span, help=help_
        )
        draft.nodes[node.name] = t.Broken(node.span, "param", node.name)
        return
    default = literal(draft, node, type_)
    if default is None:
        default = Fraction(0) if type_.is_number else "" if type_.kind == "text" else False
    elif interval is not None and not interval.contains(default):
        draft.found.error(
            "RK0704",
            f"the value of `{node.name}` is outside its range",
            node.value.span,
            labels=(Label(node.range.span, "declared here"),) if node.range else (),
            help=f"write a value in {bare(interval, suffix(type_))}, or widen the range",
        )
    draft.params[node.name] = ParamSpec(node.name, type_, interval, default, node.name_span)


def literal(draft: Draft, node: t.Param, type_: Type) -> Any:
    """The constant that a param is; `None` where it is not one of its type (reported)."""
    given = node.value
    if not t.readable(given):
        return None
    if type_.kind == "bool" and isinstance(given, t.Bool):
        return given.value
    if type_.kind == "text" and isinstance(given, t.Text):
        return given.value
    constant = constant_number(given) if type_.is_number else None
    declared = (Label(node.type.span, f"declared `{type_}`"),)
    if constant is not None:
        value, unit, _ = constant
        if unit == type_.unit and (type_.kind == "real" or value.denominator == 1):
            if fits(type_, value):
                return value
            message = f"the value of `{node.name}` does not fit in 64 bits"
            draft.found.error("RK0105", message, given.span, labels=declared, help="write a smaller number")
            return None
    draft.found.error(
        "RK0401",
        f"the value of `{node.name}` is no `{type_}`"
        if constant
        else f"`{node.name}` wants a constant `{type_}`",
        given.span,
        labels=declared,
        help=f"write `{_as_written(given, type_, constant)}`"
        if constant is None or type_.kind != "int" or constant[0].denominator == 1
        else "write a whole number, or declare `real`",
        fix=replace(given.span, _as_written(given, type_, constant))
        if constant is not None and constant[1] is None and type_.unit
        else None,
    )
    return None


def _as_written(given: t.Expr, type_: Type, constant: tuple[Fraction, str | None, bool] | None) -> str:
    """The number that stands there in the unit it should have; else an example."""
    if (
        constant is not None
        and (type_.kind == "real" or constant[0].denominator == 1)
        and constant[1] is None
    ):
        return with_unit(text_of(given.span), type_)
    return _example(type_)


def _example(type_: Type) -> str:
    return {"tokens": "256tok", "chars": "80ch", "seconds": "1.5s"}.get(type_.unit or "") or {
        "bool": "true", "text": '"…"', "int": "3", "real": "0.5",
    }[type_.kind]  # fmt: skip


def order(draft: Draft) -> None:
    """Lets and terms, each after what it reads; cycles are reported and left out."""
    graph: dict[str, set[str]] = {}
    for name, node in draft.nodes.items():
        if isinstance(node, t.Let):
            graph[name] = names_in(node.value)
        elif isinstance(node, t.Term):
            graph[name] = names_in(node.value, node.gate, node.otherwise)
    for name, reads in graph.items():
        graph[name] = {read for read in reads if read in graph}
    while graph:
        try:
            draft.order = list(TopologicalSorter(graph).static_order())
            break
        except CycleError as error:
            cycle: list[str] = error.args[1][::-1]
            draft.found.error(
                "RK0203",
                f"`{cycle[0]}` is defined by itself",
                draft.declarations[cycle[0]],
                f"reads `{cycle[1]}`",
                labels=tuple(
                    Label(draft.declarations[name], f"reads `{read}`")
                    for name, read in list(pairwise(cycle))[1:6]
                ),
                help=f"let `{cycle[0]}`, or one that it reads, do without the others",
            )
            for name in set(cycle):
                del graph[name]
            for reads in graph.values():
                reads.difference_update(cycle)
    draft.unsettled = _reachable(draft, names_in(*(s for s in draft.statements(t.Skip))))


def _reachable(draft: Draft, start: set[str]) -> set[str]:
    """Lets and terms that these names lead to."""
    reached: set[str] = set()
    stack = list(start)
    while stack:
        name = stack.pop()
        node = draft.nodes.get(name)
        if name in reached or not isinstance(node, t.Let | t.Term):
            continue
        reached.add(name)
        parts = (node.value,) if isinstance(node, t.Let) else (node.value, node.gate, node.otherwise)
        stack.extend(names_in(*parts))
    return reached


def skips(draft: Draft) -> None:
    """Skip conditions, and the lets they read, see nothing settled; the rest of the file does."""
    for name in draft.order:
        if name in draft.unsettled:
            _let_or_term(draft, name)
    for node in draft.statements(t.Skip):
        check = draft.expressions()
        condition = check.condition(node.condition, "`skip when`")
        if condition.type != BOOL:
            continue
        _no_aggregate(draft, condition, "skip")
        draft.skips.append(condition)
        draft.facts = both(draft.facts, when(condition, False))


def _no_aggregate(draft: Draft, condition: Value, statement: str) -> None:
    aggregate = contains(condition, "aggregate")
    if aggregate is None:
        return
    inside = condition.span.start <= aggregate.span.start < condition.span.end
    draft.found.error(
        "RK0504",
        f"`{statement} when` cannot use an aggregate",
        aggregate.span if inside else condition.span,
        labels=() if inside else (Label(aggregate.span, "aggregates here"),),
        help="an aggregate sees the rows that are left, so it cannot say which: use the row's own values"
        if statement == "skip"
        else "rows are masked one by one: use the row's own values",
    )


def lets_and_terms(draft: Draft) -> None:
    for name in draft.order:
        if name not in draft.unsettled:
            _let_or_term(draft, name)


def _let_or_term(draft: Draft, name: str) -> None:
    node = draft.nodes[name]
    facts: Facts | None = {} if name in draft.unsettled else None
    if isinstance(node, t.Let):
        _let(draft, node, facts)
    else:
        assert isinstance(node, t.Term)
        _term(draft, node, facts)


def _let(draft: Draft, node: t.Let, facts: Facts | None) -> None:
    value = draft.expressions(facts).check(node.value)
    type_ = value.type
    if node.type is not None and UNKNOWN not in (value.type, node.type.type):
        declared = node.type.type
        if (value.type == NULL and declared.optional) or _widens(value.type, declared):
            type_ = declared
            value = as_type(value, declared)
        else:
            draft.found.error(
                "RK0406",
                f"`{node.name}` is declared `{declared}`, and its value is `{value.type}`",
                node.value.span,
                f"`{value.type}`",
                labels=(Label(node.type.span, f"declared `{declared}`"),),
                help=_declared_help(node, declared, value),
            )
            type_ = declared
    elif value.type == NULL:
        help_ = f"say what it would be: `let {node.name}: text? = null`"
        draft.found.error(
            "RK0601", f"`{node.name}` has no type: it is always null", node.value.span, help=help_
        )
    draft.lets[node.name] = Value(
        "let", (value,), type_, node.span, value.interval, value.level, value.faults, node.name, node.name
    )


def _widens(have: Type, want: Type) -> bool:
    return unify(have, want) == want


def _declared_help(node: t.Let, declared: Type, value: Value) -> str:
    if value.type.required == declared or value.type == NULL:
        return f"write `{declared.nullable}`, or say what null counts as: `{operand(value)} ?? …`"
    if declared.kind == "int" and value.type.kind == "real" and declared.unit == value.type.unit:
        return f"write `round({text_of(value)})`, or declare a real"
    return f"declare `{node.name}: {value.type}`, or leave the type out"


def _term(draft: Draft, node: t.Term, facts: Facts | None) -> None:
    check = draft.expressions(facts)
    declared = range_of(node.range, Type("real"), draft.found)
    gate = check.condition(node.gate, "a gate") if node.gate is not None else None
    known = when(gate, True) if gate is not None and gate.type == BOOL else {}
    value = check.check_under(node.value, known)
    kind = _term_type(draft, node, value)
    interval = UNIT if value.type == BOOL else value.interval
    if kind is not None and declared is not None and not interval.within(declared):
        assert node.range is not None
        draft.found.error(
            "RK0701",
            f"`{node.name}` can leave its range",
            node.value.span,
            lies(interval),
            labels=(Label(node.range.span, f"{declared} declared"),),
            help=f"widen the range, or hold the value in it: `{_held(node.value, declared)}`",
        )
        interval = declared
    elif declared is not None:
        interval = intersect(interval, declared) if kind is not None else declared
    within = kind is None or declared is None or stays_within(value, declared)
    args: tuple[Value, ...] = (value,)
    faults, optional, otherwise_null = value.faults or not within, False, False
    type_ = kind or Type("real")
    if gate is not None:
        closed = when(gate, False) if gate.type == BOOL else {}
        otherwise = _otherwise(draft, node, check, declared, closed)
        otherwise_null = otherwise.type == NULL
        optional = otherwise.type.optional
        args = (value, gate, otherwise)
        faults = faults or gate.faults or otherwise.faults
        if not otherwise_null:
            interval = hull(interval, UNIT if otherwise.type == BOOL else otherwise.interval)
            if otherwise.type.kind == "real":
                type_ = Type("real")
    data = TermData(node.name, declared, gate is not None, otherwise_null)
    level = max(part.level for part in args)
    draft.terms[node.name] = TermSpec(
        node.name,
        Value(
            "term",
            args,
            type_.nullable if optional else type_,
            node.span,
            interval,
            level,
            faults,
            node.name,
            data,
        ),
        node.name_span,
    )


def _held(value: t.Expr, declared: Interval) -> str:
    """How to hold a value in its range: `clamp(x, 0, 1)`, `max(x, 0)`."""
    shown = text_of(value.span)
    if declared.lo is not None and declared.hi is not None:
        return f"clamp({shown}, {show(declared.lo)}, {show(declared.hi)})"
    if declared.lo is not None:
        return f"max({shown}, {show(declared.lo)})"
    return f"min({shown}, {show(declared.hi or Fraction(0))})"


def _term_type(draft: Draft, node: t.Term, value: Value) -> Type | None:
    """The number that a term is: `int` for bools and ints; `None` where it is none (reported)."""
    type_ = value.type
    if type_ == UNKNOWN:
        return None
    if type_.required != BOOL and not type_.is_number:
        draft.found.error(
            "RK0401",
            f"a term is a number or a condition, not `{type_}`",
            node.value.span,
            labels=draft.expressions().declared(value),
            help=_worth(value),
        )
        return None
    if type_.optional:
        _may_be_null(draft, node, value)
        return None
    if type_ == BOOL:
        return INT
    if type_.unit:
        draft.found.error(
            "RK0402",
            f"a term is a plain number, and this is in {type_.unit}",
            node.value.span,
            help=units.plain(draft.expressions(), value),
        )
        return None
    return Type(type_.kind)


def _worth(value: Value) -> str:
    """How what is neither a number nor a condition becomes one."""
    if value.type.kind != "text":
        return "say what it is worth as a number"
    if value.type.optional:
        shown = operand(value)
        return f'test it, `{shown} != null`, or measure it, `len({shown} ?? "") / 1ch`'
    return f"measure it, `len({text_of(value)}) / 1ch`, or test it, `text.contains({text_of(value)}, …)`"


def _may_be_null(draft: Draft, node: t.Term, value: Value) -> None:
    """Say where the null of a term comes from, and the two things that it can mean."""
    check = draft.expressions()
    origin = null_origin(value) or value
    labels = [Label(origin.span, f"`{origin.type}`")] if origin.span != value.span else []
    declared = check.declaration_of(origin)
    if declared is not None and origin.span != declared:
        labels.append(Label(declared, "declared here"))
    default = "false" if value.type.kind == "bool" else with_unit("0", value.type)
    help_ = f"say what null counts as, `{operand(value)} ?? {default}`"
    if node.gate is None and origin.path:
        help_ += f"; for no value at all, `term {node.name} when {origin.path} != null else null = …`"
    draft.found.error(
        "RK0604",
        f"the term `{node.name}` may be null",
        value.span,
        f"`{value.type}`",
        labels=tuple(labels),
        help=help_,
        fix=default_fix(value, default),
    )


def _otherwise(
    draft: Draft, node: t.Term, check: Expressions, declared: Interval | None, closed: Facts
) -> Value:
    """The checked `else` of a gated term: 0 unless said."""
    if node.otherwise is None:
        zero = Value("constant", (), INT, node.span, point(0), data=Fraction(0))
        where = node.gate.span if node.gate is not None else node.span
        _inside(draft, node, zero, declared, where, f"`{node.name}` is 0 where its gate is closed, and 0")
        return zero
    value: Value = check.check_under(node.otherwise, closed)
    if value.type in (NULL, UNKNOWN):
        return value
    if value.type.optional and (value.type.required == BOOL or value.type.is_number):
        draft.found.error(
            "RK0604",
            f"the `else` of `{node.name}` may be null",
            node.otherwise.span,
            f"`{value.type}`",
            help=f"say what null counts as, `{text_of(value)} ?? 0`, or write `else null` for no value",
        )
    elif value.type != BOOL and (not value.type.is_number or value.type.unit):
        help_ = (
            f"write `{text_of(value).removesuffix(UNITS[value.type.unit])}`"
            if value.type.unit
            else "write a number"
        )
        draft.found.error(
            "RK0401", f"`else` is a plain number, not `{value.type}`", node.otherwise.span, help=help_
        )
    else:
        _inside(draft, node, value, declared, node.otherwise.span, f"the `else` of `{node.name}`")
    return value


def _inside(
    draft: Draft, node: t.Term, value: Value, declared: Interval | None, span: Span, what: str
) -> None:
    interval = UNIT if value.type == BOOL else value.interval
    if declared is None or interval.within(declared):
        return
    assert node.range is not None
    lowest = declared.lo if declared.lo is not None else declared.hi or Fraction(0)
    draft.found.error(
        "RK0706",
        f"{what} is outside its range",
        span,
        "" if node.otherwise is None else lies(interval),
        labels=(Label(node.range.span, f"{declared} declared"),),
        help=f"say what a closed gate gives, `else {show(lowest)}`, or widen the range",
    )


def masks(draft: Draft) -> None:
    for node in draft.statements(t.Mask):
        condition = draft.expressions().condition(node.condition, "`mask when`")
        if condition.type == BOOL:
            _no_aggregate(draft, condition, "mask")
            draft.masks.append(condition)
