"""The stages of a check, each one function over the draft. `check.py` holds their order and why."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import Any

from rewardkit.checker import builtins
from rewardkit.checker.constants import constant_number, range_of
from rewardkit.checker.draft import Draft, contains, names_in
from rewardkit.checker.facts import both, when
from rewardkit.checker.spec import AdvantageSpec, InputSpec, ParamSpec, TermData, TermSpec, Value
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import UNIT, Interval, add, coarse, hull, intersect, multiply, point
from rewardkit.types.levels import Level
from rewardkit.types.normalizer import LATER as LATER_NORMALIZERS
from rewardkit.types.normalizer import NORMALIZERS, Option
from rewardkit.types.types import BOOL, INT, NULL, UNKNOWN, Type

LANGUAGE_VERSION = 1
_ONCE = (t.Language, t.Reward, t.Advantage)
_RESERVED = (*builtins.ROOTS, "step")


def structure(draft: Draft) -> None:
    """`language` first and known; `reward` and `advantage` once; something in the file at all."""
    found, statements = draft.found, draft.module.statements
    if not draft.source.text.strip():
        found.error("RK0001", "this file is empty", Span(draft.source, 0, 0), help="`rewardkit new` starts a spec")
    for kind in _ONCE:
        first, *rest = draft.statements(kind) or [None]
        for again in rest:
            assert first is not None and again is not None
            found.error(
                "RK0208",
                f"`{kind.__name__.lower()}` stands in a file once",
                again.span,
                labels=(Label(first.span, "first here"),),
            )
    for node in draft.statements(t.Language):
        assert isinstance(node, t.Language)
        if node is not statements[0]:
            found.error("RK0208", "`language` is the first statement of a file", node.span)
        if node.version.value != LANGUAGE_VERSION or node.version.unit:
            found.error(
                "RK0109",
                f"this is language {LANGUAGE_VERSION}, and the file wants `{node.version.span.text}`",
                node.version.span,
                help=f"write `language {LANGUAGE_VERSION}`, or install a newer rewardkit",
            )
    for statement in statements:
        kind_name = type(statement).__name__.lower()
        if isinstance(statement, t.Def | t.Extern | t.Use | t.Prove):
            draft.later.add(kind_name if isinstance(statement, t.Prove) else getattr(statement, "name", ""))
            found.warning(
                "RK0901",
                f"`{kind_name}` is not there yet",
                Span(statement.span.source, statement.span.start, statement.span.start + len(kind_name)),
                help="it is read and kept, and not checked"
                if isinstance(statement, t.Prove)
                else "a spec that calls it checks, but cannot run with this version of rewardkit",
            )


def names(draft: Draft) -> None:
    """Every declaration under its name: values share one space, without shadowing."""
    for statement in draft.module.statements:
        if not isinstance(statement, t.Declaration):
            continue
        name, span = statement.name, statement.name_span
        if name in _RESERVED:
            draft.found.error(
                "RK0206",
                f"`{name}` is what every row has, and cannot be declared",
                span,
                help=f'choose another name; a column of that name is `input my_{name}: … from "{name}"`',
            )
        elif name in draft.declarations:
            draft.found.error(
                "RK0202",
                f"`{name}` is declared twice",
                span,
                "again here",
                labels=(Label(draft.declarations[name], "first here"),),
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
    if type_.optional or not (type_.is_number or type_.kind in ("bool", "text")):
        draft.found.error(
            "RK0401", f"a param is a bool, a number or a text, not `{type_}`", node.type.span
        )
        return
    default = literal(draft, node.value, type_, f"the value of `{node.name}`")
    if default is None:
        default = Fraction(0) if type_.is_number else "" if type_.kind == "text" else False
    elif interval is not None and not interval.contains(default):
        draft.found.error(
            "RK0704",
            f"the value of `{node.name}` is outside its range",
            node.value.span,
            labels=(Label(node.range.span, f"{interval}"),) if node.range else (),
        )
    draft.params[node.name] = ParamSpec(node.name, type_, interval, default, node.name_span)


def literal(draft: Draft, node: t.Expr, type_: Type, what: str) -> Any:
    """The constant of a type; `None` where it is not one (reported)."""
    if type_.kind == "bool" and isinstance(node, t.Bool):
        return node.value
    if type_.kind == "text" and isinstance(node, t.Text):
        return node.value
    constant = constant_number(node) if type_.is_number else None
    if constant is not None:
        value, unit, _ = constant
        if unit == type_.unit and (type_.kind == "real" or value.denominator == 1):
            return value
    draft.found.error(
        "RK0401",
        f"{what} is a constant `{type_}`",
        node.span,
        help=f"write it with its unit: `{_example(type_)}`" if type_.unit else f"for example `{_example(type_)}`",
    )
    return None


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
            shown = " → ".join(f"`{name}`" for name in cycle)
            draft.found.error(
                "RK0203",
                f"`{cycle[0]}` is defined in terms of itself",
                draft.declarations[cycle[0]],
                labels=tuple(Label(draft.declarations[n], "through this") for n in dict.fromkeys(cycle[1:-1])),
                help=f"break the circle {shown}",
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
        assert isinstance(node, t.Skip)
        check = draft.expressions()
        condition = check.condition(node.condition, "`skip when`")
        if condition.type != BOOL:
            continue
        _no_aggregate(draft, condition, "skip")
        draft.skips.append(condition)
        draft.facts = both(draft.facts, when(condition, False))


def _no_aggregate(draft: Draft, condition: Value, statement: str) -> None:
    aggregate = contains(condition, "aggregate")
    if aggregate is not None:
        draft.found.error(
            "RK0504",
            f"`{statement} when` cannot use an aggregate",
            aggregate.span if condition.span.start <= aggregate.span.start < condition.span.end else condition.span,
            labels=() if condition.span.start <= aggregate.span.start < condition.span.end else (Label(aggregate.span, "aggregates here"),),
            help="it decides which rows the aggregates see"
            if statement == "skip"
            else "it is decided row by row",
        )


def lets_and_terms(draft: Draft) -> None:
    for name in draft.order:
        if name not in draft.unsettled:
            _let_or_term(draft, name)


def _let_or_term(draft: Draft, name: str) -> None:
    node = draft.nodes[name]
    facts = {} if name in draft.unsettled else None
    if isinstance(node, t.Let):
        _let(draft, node, facts)
    else:
        assert isinstance(node, t.Term)
        _term(draft, node, facts)


def _let(draft: Draft, node: t.Let, facts: Any) -> None:
    value = draft.expressions(facts).check(node.value)
    type_ = value.type
    if node.type is not None and value.type != UNKNOWN:
        declared = node.type.type
        if value.type == NULL or _widens(value.type, declared):
            type_ = declared
        else:
            draft.found.error(
                "RK0406",
                f"`{node.name}` is declared `{declared}`, and its value is `{value.type}`",
                node.value.span,
                labels=(Label(node.type.span, "declared here"),),
            )
    elif value.type == NULL:
        draft.found.error("RK0601", f"`{node.name}` is always null", node.value.span, help="say its type: `let x: text? = null`")
    draft.lets[node.name] = Value(
        "let", (value,), type_, node.span, value.interval, value.level, value.faults, node.name, node.name
    )


def _widens(have: Type, want: Type) -> bool:
    from rewardkit.checker.expressions import unify

    return unify(have, want) == want


def _term(draft: Draft, node: t.Term, facts: Any) -> None:
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
            f"in {interval}",
            labels=(Label(node.range.span, f"{declared} declared"),),
            help=f"widen the range, or hold the value in it: `clamp(…, {_ends(declared)})`",
        )
        interval = declared
    elif declared is not None:
        interval = intersect(interval, declared) if kind is not None else declared
    args, faults, optional, otherwise_null = (value,), value.faults, False, False
    type_ = kind or Type("real")
    if gate is not None:
        otherwise = _otherwise(draft, node, check, declared)
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
            "term", args, type_.nullable if optional else type_, node.span, interval, level, faults, node.name, data
        ),
        node.name_span,
    )


def _ends(interval: Interval) -> str:
    from rewardkit.types.interval import show

    lo = "…" if interval.lo is None else show(interval.lo)
    hi = "…" if interval.hi is None else show(interval.hi)
    return f"{lo}, {hi}"


def _term_type(draft: Draft, node: t.Term, value: Value) -> Type | None:
    """The number that a term is: `int` for bools and ints; `None` where it is none (reported)."""
    type_ = value.type
    if type_ == UNKNOWN:
        return None
    if type_.optional:
        draft.found.error(
            "RK0604",
            f"the term `{node.name}` may be null",
            node.value.span,
            f"`{type_}`",
            help="say what null counts as: `… ?? 0`; for no value, `term … when x != null else null`",
        )
        return None
    if type_ == BOOL:
        return INT
    if not type_.is_number:
        draft.found.error("RK0401", f"a term is a number or a condition, not `{type_}`", node.value.span)
        return None
    if type_.unit:
        draft.found.error(
            "RK0402",
            f"a term is a plain number, and this is in {type_.unit}",
            node.value.span,
            help="divide by an amount of the same unit, for example a budget",
        )
        return None
    return Type(type_.kind)


def _otherwise(draft: Draft, node: t.Term, check: Any, declared: Interval | None) -> Value:
    """The checked `else` of a gated term: 0 unless said."""
    if node.otherwise is None:
        zero = Value("constant", (), INT, node.span, point(0), data=Fraction(0))
        where = node.gate.span if node.gate is not None else node.span
        _inside(draft, node, zero, declared, where, "a closed gate gives 0, which")
        return zero
    value: Value = check.check_under(node.otherwise, {})
    if value.type in (NULL, UNKNOWN):
        return value
    if value.type.optional:
        draft.found.error(
            "RK0604", f"the `else` of `{node.name}` may be null", node.otherwise.span, f"`{value.type}`",
            help="say what null counts as: `… ?? 0`; for no value at all write `else null`",
        )
    elif value.type != BOOL and (not value.type.is_number or value.type.unit):
        draft.found.error("RK0401", f"`else` is a plain number, not `{value.type}`", node.otherwise.span)
    else:
        _inside(draft, node, value, declared, node.otherwise.span, "`else`")
    return value


def _inside(draft: Draft, node: t.Term, value: Value, declared: Interval | None, span: Span, what: str) -> None:
    interval = UNIT if value.type == BOOL else value.interval
    if declared is None or interval.within(declared):
        return
    assert node.range is not None
    draft.found.error(
        "RK0706",
        f"{what} is outside the range of `{node.name}`",
        span,
        f"in {interval}",
        labels=(Label(node.range.span, f"{declared} declared"),),
        help="say what a closed gate gives: `when … else …`, or widen the range",
    )


def masks(draft: Draft) -> None:
    for node in draft.statements(t.Mask):
        assert isinstance(node, t.Mask)
        condition = draft.expressions().condition(node.condition, "`mask when`")
        if condition.type == BOOL:
            _no_aggregate(draft, condition, "mask")
            draft.masks.append(condition)


def reward(draft: Draft) -> None:
    for node in draft.statements(t.Reward)[:1]:
        assert isinstance(node, t.Reward)
        draft.reward_range = range_of(node.range, Type("real"), draft.found)
        total = point(0)
        seen = Counter(entry.name for entry in node.weights)
        if not node.weights:
            draft.found.error("RK0213", "`reward` lists no term", node.span, help="write `reward { accuracy: 1.0 }`")
        for entry in node.weights:
            if seen[entry.name] > 1:
                seen[entry.name] = 1
                draft.found.error("RK0214", f"`{entry.name}` is weighed twice", entry.name_span)
                continue
            weight = _weight(draft, entry)
            term = draft.terms.get(entry.name)
            if weight is None or term is None:
                total = Interval()
                continue
            share = multiply(weight.interval, term.interval)
            if term.value.type.optional or term.value.faults:
                share = hull(share, point(0))  # a term without a value adds nothing
            total = coarse(add(total, share))
            draft.weights.append((entry.name, weight))
        draft.reward_interval = total
        if draft.reward_range is not None and not draft.found.has_errors and not total.within(draft.reward_range):
            assert node.range is not None
            draft.found.error(
                "RK0701",
                "the reward can leave its range",
                node.span,
                f"in {total}",
                labels=(Label(node.range.span, f"{draft.reward_range} declared"),),
                help="widen the range, or change the weights",
            )


def _weight(draft: Draft, entry: t.Entry) -> Value | None:
    if entry.name not in draft.terms:
        if not isinstance(draft.nodes.get(entry.name), t.Term):
            kind = draft.nodes.get(entry.name)
            check = draft.expressions()
            draft.found.error(
                "RK0213",
                f"there is no term `{entry.name}`",
                entry.name_span,
                labels=(Label(kind.name_span, f"this is a `{type(kind).__name__.lower()}`"),) if kind else (),
                help=f"declare it: `term {entry.name} = …`" if kind is None and not check.suggest(entry.name, draft.terms)
                else check.suggest(entry.name, draft.terms) or f"only terms are weighed: `term … = {entry.name}`",
            )
        return None
    check = draft.expressions()
    weight = check.check(entry.value)
    if not check.wants_number(weight):
        return None
    if weight.type.unit:
        draft.found.error("RK0402", f"a weight is a plain number, and this is in {weight.type.unit}", entry.value.span)
        return None
    if weight.level > Level.CONSTANT:
        draft.found.error(
            "RK0503",
            f"the weight of `{entry.name}` depends on the {weight.level}",
            entry.value.span,
            help="a weight may depend on params and `step` only; put the factor into the term",
        )
        return None
    return weight


def advantage(draft: Draft) -> None:
    for node in draft.statements(t.Advantage)[:1]:
        assert isinstance(node, t.Advantage)
        scale: Value | None = None
        options: dict[str, Value] = {}
        known = NORMALIZERS.get(node.name)
        if known is None and node.name in LATER_NORMALIZERS:
            draft.later.add(f"advantage {node.name}")
            draft.found.warning("RK0903", f"the normalizer `{node.name}` is not there yet", node.name_span,
                                help="a run can name another one")  # fmt: skip
        elif known is None:
            check = draft.expressions()
            draft.found.error(
                "RK0211",
                f"there is no normalizer `{node.name}`",
                node.name_span,
                help=check.suggest(node.name, NORMALIZERS)
                or "normalizers are " + ", ".join(f"`{n}`" for n in NORMALIZERS),
            )
        for entry in node.options:
            if entry.name == "scale":
                scale = _scale(draft, entry)
            elif known is not None:
                value = _option(draft, entry, node.name, known)
                if value is not None:
                    options[entry.name] = value
        draft.advantage = AdvantageSpec(node.name, options, scale, node.span)


def _scale(draft: Draft, entry: t.Entry) -> Value | None:
    check = draft.expressions()
    value = check.check(entry.value)
    if not check.wants_number(value):
        return None
    if value.level > Level.GROUP or value.type.unit:
        problem = f"depends on the {value.level}" if value.level > Level.GROUP else f"is in {value.type.unit}"
        draft.found.error(
            "RK0503",
            f"`scale` {problem}",
            entry.value.span,
            help="it multiplies a whole group's advantages, so it is a plain number per prompt at most",
        )
        return None
    return value


def _option(draft: Draft, entry: t.Entry, normalizer: str, known: Any) -> Value | None:
    check = draft.expressions()
    option: Option | None = known.get(entry.name)
    if option is None:
        draft.found.error(
            "RK0212",
            f"`{normalizer}` has no option `{entry.name}`",
            entry.name_span,
            help=check.suggest(entry.name, [*known, "scale"])
            or "its options are " + ", ".join(f"`{n}`" for n in [*known, "scale"]),
        )
        return None
    value = check.check(entry.value)
    if value.type == UNKNOWN:
        return None
    kind = value.type.kind
    ok = kind == option.kind or (option.kind == "real" and kind == "int")
    if not ok or value.type.unit or value.level > Level.CONSTANT:
        draft.found.error("RK0401", f"`{entry.name}` is a constant `{option.kind}`", entry.value.span)
        return None
    if option.choices and value.op == "constant" and value.data not in option.choices:
        draft.found.error(
            "RK0408", f"`{entry.name}` is one of " + ", ".join(f'`"{c}"`' for c in option.choices), entry.value.span
        )
        return None
    if option.range is not None and not value.interval.within(option.range):
        draft.found.error("RK0705", f"`{entry.name}` must lie in {option.range}", entry.value.span, f"in {value.interval}")
        return None
    return value
