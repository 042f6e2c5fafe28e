"""Checking of `test` blocks: samples give what the spec reads, `expect` names what samples have."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from rewardkit.checker import builtins
from rewardkit.checker.constants import constant_number
from rewardkit.checker.draft import Draft, contains
from rewardkit.checker.expressions import Expressions
from rewardkit.checker.spec import ExpectSpec, SampleSpec, TestSpec, Value
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.library import namespaces
from rewardkit.types.interval import NON_NEGATIVE, Interval
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, INT, REAL, UNKNOWN, Type
from rewardkit.types.messages import read_structured

#: given where a sample says nothing
_DEFAULTS: dict[str, Any] = {"completion.finished": True}
#: columns that another column of the sample can stand for
_DERIVED = {"completion.messages": "completion.text", "completion.text": "completion.messages",
            "prompt.messages": "prompt.text", "prompt.text": "prompt.messages"}  # fmt: skip


def tests(draft: Draft) -> None:
    seen: dict[str, Span] = {}
    for node in draft.statements(t.Test):
        assert isinstance(node, t.Test)
        if node.name in seen:
            draft.found.error(
                "RK0202",
                f"two tests are called {node.name!r}",
                node.span.inside(0, 4),
                labels=(Label(seen[node.name].inside(0, 4), "first here"),),
            )
        seen[node.name] = node.span
        draft.tests.append(_test(draft, node))


def _test(draft: Draft, node: t.Test) -> TestSpec:
    later: list[str] = []
    samples: dict[str, SampleSpec] = {}
    values: dict[str, dict[str, Any]] = {}
    groups = 0
    for item in node.items:
        if isinstance(item, t.Sample):
            _sample(draft, item, None, samples, values)
        elif isinstance(item, t.Group):
            for sample in item.samples:
                _sample(draft, sample, groups, samples, values)
            groups += 1
        elif isinstance(item, t.Mock | t.Rows):
            word = type(item).__name__.lower()
            later.append(word)
            draft.found.warning(
                "RK0904",
                f"`{word}` is not there yet",
                item.span.inside(0, len(word)),
                help="the test is read and kept, and cannot run with this version of rewardkit",
            )
    expects = [_expect(draft, item, samples) for item in node.items if isinstance(item, t.Expect)]
    if not expects and not later:
        draft.found.error(
            "RK0806",
            f"the test {node.name!r} expects nothing",
            node.span.inside(0, 4),
            help="add an `expect`: a test without one would always pass",
        )
    for sample in samples.values():
        if sample.group is None and any(contains_group(draft, e, sample.name) for e in expects if e):
            _needs_group(draft, sample)
    return TestSpec(
        node.name, tuple(samples.values()), values, tuple(e for e in expects if e), tuple(later), node.span
    )


def contains_group(draft: Draft, expect: ExpectSpec, sample: str) -> bool:
    """Whether what this `expect` reads of the sample needs a group."""
    for name, field in expect.reads:
        if name != sample:
            continue
        if field == "advantage":
            return True
        for root in _roots(draft, field):
            aggregate = contains(root, "aggregate")
            if aggregate is not None:
                return True
    return False


def _roots(draft: Draft, field: str) -> list[Value]:
    if field == "reward":
        return [draft.terms[name].value for name, _ in draft.weights if name in draft.terms]
    if field in draft.terms:
        return [draft.terms[field].value]
    return [draft.lets[field]] if field in draft.lets else []


def _needs_group(draft: Draft, sample: SampleSpec) -> None:
    draft.found.error(
        "RK0805",
        f"the sample `{sample.name}` has no group",
        sample.span,
        help="an aggregate or an advantage needs one: write `group { sample … }`",
    )


def used_columns(draft: Draft) -> set[str]:
    """The columns that some value of the spec reads."""
    roots = [*draft.lets.values(), *(term.value for term in draft.terms.values()), *draft.skips, *draft.masks]
    if draft.advantage is not None and draft.advantage.scale is not None:
        roots.append(draft.advantage.scale)
    stack, seen, used = roots, set(), set()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if value.op == "column":
            used.add(value.data)
        stack.extend(value.args)
    return used


def _sample(
    draft: Draft,
    node: t.Sample,
    group: int | None,
    samples: dict[str, SampleSpec],
    values: dict[str, dict[str, Any]],
) -> None:
    if node.name in samples:
        draft.found.error(
            "RK0202",
            f"two samples are called `{node.name}`",
            node.name_span,
            labels=(Label(samples[node.name].span, "first here"),),
        )
        return
    if node.name in namespaces() or node.name in builtins.ROOTS:
        draft.found.error(
            "RK0206", f"a sample cannot be called `{node.name}`", node.name_span, help="choose another name"
        )
    fields: dict[str, t.Assignment] = {}
    given: dict[str, Any] = {}
    for assignment in node.fields:
        if assignment.path in fields:
            draft.found.error("RK0202", f"`{assignment.path}` is given twice", assignment.path_span)
            continue
        fields[assignment.path] = assignment
        value = _given(draft, assignment)
        if value is not _WRONG:
            given[assignment.path] = value
    used = used_columns(draft)
    for column in sorted(used - set(fields)):
        derived = _DERIVED.get(column)
        if derived in fields or column in _DEFAULTS:
            continue
        type_ = draft.inputs[column].type if column in draft.inputs else builtins.COLUMNS[column]
        if not type_.optional:
            draft.found.error(
                "RK0801",
                f"the sample `{node.name}` misses `{column}`",
                node.name_span,
                help=f"the spec reads it: add `{column} = …`",
            )
    samples[node.name] = SampleSpec(node.name, fields, group, node.name_span)
    values[node.name] = given


_WRONG = object()


def _given(draft: Draft, node: t.Assignment) -> Any:
    """The value a sample gives to a path, as a plain value; `_WRONG` where it is none (reported)."""
    path = node.path
    interval: Interval | None = None
    if path in draft.inputs:
        type_, interval = draft.inputs[path].type, draft.inputs[path].range
    elif path in draft.params:
        type_, interval = draft.params[path].type, draft.params[path].range
    elif path in builtins.COLUMNS:
        type_ = builtins.COLUMNS[path]
        interval = NON_NEGATIVE if type_.is_number else None
    elif path == "step":
        type_, interval = INT, NON_NEGATIVE
    else:
        check = draft.expressions()
        known = [*draft.inputs, *draft.params, *builtins.COLUMNS, "step"]
        measure = path.partition(".")[2] in builtins.MEASURES
        draft.found.error(
            "RK0802",
            f"a sample has no `{path}`",
            node.path_span,
            help=f"it follows from `{path.partition('.')[0]}.text`" if measure
            else check.suggest(path, known) or "a sample gives inputs, params and fields of `completion` and `prompt`",
        )
        return _WRONG
    if isinstance(node.value, t.Null) and type_.optional:
        return None
    required = type_.required
    if required.kind in ("list", "json", "message", "call", "testcase") and isinstance(node.value, t.Text):
        problem = read_structured(node.value.value, required)[1]
        if problem:
            draft.found.error("RK0804", f"`{path}` is not `{required}` as JSON: {problem}", node.value.span)
            return _WRONG
        return node.value.value
    value = _constant(node.value, required)
    if value is _WRONG:
        draft.found.error(
            "RK0804",
            f"`{path}` is a constant `{type_}`",
            node.value.span,
            help=_given_help(required, node.value),
        )
        return _WRONG
    if interval is not None and isinstance(value, Fraction) and not interval.contains(value):
        draft.found.error("RK0804", f"`{path}` must lie in {interval}", node.value.span)
        return _WRONG
    if isinstance(value, Fraction):
        return int(value) if required.kind == "int" else float(value)
    return value


def _constant(node: t.Expr, type_: Type) -> Any:
    if type_.kind == "bool" and isinstance(node, t.Bool):
        return node.value
    if type_.kind == "text" and isinstance(node, t.Text):
        return node.value
    constant = constant_number(node) if type_.is_number else None
    if constant is not None and constant[1] == type_.unit:
        if type_.kind == "real" or constant[0].denominator == 1:
            return constant[0]
    return _WRONG


def _given_help(type_: Type, node: t.Expr) -> str | None:
    from rewardkit.types.types import UNITS

    constant = constant_number(node)
    if type_.unit and constant is not None and constant[1] is None:
        return f"write it with its unit: `{node.span.text}{UNITS[type_.unit]}`"
    if type_.kind in ("list", "json", "message", "call", "testcase"):
        return "write it as JSON in a raw text over lines"
    return None


def _expect(draft: Draft, node: t.Expect, samples: dict[str, SampleSpec]) -> ExpectSpec | None:
    reads: dict[tuple[str, str], None] = {}

    def path(dotted: str, span: Span) -> Value | None:
        sample, _, field = dotted.partition(".")
        if sample not in samples:
            return None
        type_ = _field_type(draft, field)
        if type_ is None:
            check = draft.expressions()
            known = [*draft.lets, *draft.terms, "reward", "advantage"]
            draft.found.error(
                "RK0803",
                f"the sample `{sample}` has no `{field}`",
                span,
                help=check.suggest(field, known) or "a sample has `reward`, `advantage`, every let and every term",
            )
            return Value("constant", (), UNKNOWN, span)
        if field == "advantage" and draft.advantage is None:
            draft.found.error(
                "RK0805", "there is no `advantage` statement", span, help="add one: `advantage gdpo`"
            )
            return Value("constant", (), UNKNOWN, span)
        reads[(sample, field)] = None
        return Value("column", (), type_.nullable, span, level=Level.ROW, path=dotted, data=dotted)

    def name(word: str, span: Span) -> Value | None:
        if word in samples:
            draft.found.error("RK0803", f"name a value of the sample: `{word}.reward`", span)
        else:
            check = draft.expressions()
            known = (*draft.lets, *draft.terms)
            draft.found.error(
                "RK0803",
                f"there is no sample `{word}`",
                span,
                help=check.suggest(word, samples)
                or (f"name its sample first: `{next(iter(samples))}.{word}`" if samples and word in known else None),
            )
        return None

    check = Expressions(draft.found, name, {}, draft.later, lenient=True, paths=path)
    condition = check.check(node.condition)
    if not check.wants_bool(condition, "`expect`"):
        return None
    tolerance = _tolerance(draft, node)
    return ExpectSpec(condition, tolerance, node.span, tuple(reads))


def _field_type(draft: Draft, field: str) -> Type | None:
    if field in ("reward", "advantage"):
        return REAL
    if field in draft.terms:
        return draft.terms[field].value.type
    if field in draft.lets:
        return draft.lets[field].type
    # a name whose own declaration is wrong: stay silent
    return BOOL if field in draft.nodes and isinstance(draft.nodes[field], t.Let | t.Term) else None


def _tolerance(draft: Draft, node: t.Expect) -> float | None:
    if node.tolerance is None:
        return None
    constant = constant_number(node.tolerance)
    plain = isinstance(node.condition, t.Binary) and node.condition.operator in ("==", "!=")
    if not plain:
        draft.found.error(
            "RK0808",
            "`within` goes with one `==` or `!=`",
            node.tolerance.span,
            help="write each comparison in an `expect` of its own",
        )
        return None
    if constant is None or constant[0] < 0:
        draft.found.error("RK0808", "a tolerance is a number that is not negative", node.tolerance.span)
        return None
    return float(constant[0])
