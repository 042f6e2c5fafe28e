"""Checking of `test` blocks: samples give what the spec reads, `expect` names what samples have."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from rewardkit.checker import builtins
from rewardkit.checker.constants import constant_number
from rewardkit.checker.draft import Draft, contains
from rewardkit.checker.expressions import Expressions
from rewardkit.checker.spec import ExpectSpec, SampleSpec, TestSpec, Value
from rewardkit.checker.wording import listed, suffix, suggest, text_of, with_unit
from rewardkit.diagnostics import Label, Span
from rewardkit.language import tree as t
from rewardkit.library import namespaces
from rewardkit.types.interval import NON_NEGATIVE, Interval, bare, lies
from rewardkit.types.levels import Level
from rewardkit.types.messages import read_structured
from rewardkit.types.types import INT, REAL, UNKNOWN, Type

#: given where a sample says nothing
_DEFAULTS: dict[str, Any] = {"completion.finished": True}
#: columns that another column of the sample can stand for
_DERIVED = {"completion.messages": "completion.text", "completion.text": "completion.messages",
            "prompt.messages": "prompt.text", "prompt.text": "prompt.messages"}  # fmt: skip


def tests(draft: Draft) -> None:
    seen: dict[str, Span] = {}
    used = sorted(used_columns(draft))
    for node in draft.statements(t.Test):
        if node.name in seen:
            draft.found.error(
                "RK0202",
                "two tests have one name",
                node.name_span,
                "again here",
                labels=(Label(seen[node.name], "first here"),),
                help="choose another name",
            )
        seen[node.name] = node.name_span
        draft.tests.append(_test(draft, node, used))


def _test(draft: Draft, node: t.Test, used: list[str]) -> TestSpec:
    later: list[str] = []
    samples: dict[str, SampleSpec] = {}
    values: dict[str, dict[str, Any]] = {}
    groups = 0
    for item in node.items:
        if isinstance(item, t.Sample):
            _sample(draft, item, None, samples, values, used)
        elif isinstance(item, t.Group):
            for sample in item.samples:
                _sample(draft, sample, groups, samples, values, used)
            groups += 1
        elif isinstance(item, t.Mock | t.Rows):
            word = type(item).__name__.lower()
            later.append(word)
            draft.found.warning(
                "RK0904",
                f"`{word}` is not there yet",
                item.span.inside(0, len(word)),
                help="the test is read, and cannot run with this version of rewardkit",
            )
    _one_step(draft, samples)
    expects = [_expect(draft, item, samples) for item in node.items if isinstance(item, t.Expect)]
    if not expects and not later:
        draft.found.error(
            "RK0806",
            "this test expects nothing",
            node.name_span,
            help="add an `expect`: a test without one would always pass",
        )
    for expect in expects:
        if expect is not None:
            _grouped(draft, expect, samples)
    return TestSpec(
        node.name, tuple(samples.values()), values, tuple(e for e in expects if e), tuple(later), node.span
    )


def _one_step(draft: Draft, samples: dict[str, SampleSpec]) -> None:
    """`step` is one number per call, and all samples of a test are scored in one call."""
    given = [sample.fields["step"] for sample in samples.values() if "step" in sample.fields]
    for other in given[1:]:
        if t.readable(other.value) and other.value != given[0].value:
            draft.found.error(
                "RK0807",
                "the samples of a test have one `step`",
                other.span,
                labels=(Label(given[0].span, "another one here"),),
                help="write a test for each step",
            )


def _grouped(draft: Draft, expect: ExpectSpec, samples: dict[str, SampleSpec]) -> None:
    """What an expectation reads of a sample outside of all groups needs no group."""
    for name, field in expect.reads:
        reason = _aggregate_of(draft, field)
        if samples[name].group is not None or (field != "advantage" and reason is None):
            continue
        labels = [Label(samples[name].span, "stands in no group")]
        if reason is not None:
            labels.append(Label(reason.span, "aggregates here"))
        draft.found.error(
            "RK0805",
            f"`{name}.{field}` needs a group",
            expect.span,
            labels=tuple(labels),
            help=f"write `group {{ sample {name} {{ … }} }}`",
        )


def _aggregate_of(draft: Draft, field: str) -> Value | None:
    """The aggregate that a field of a sample reads, if there is one."""
    if field not in draft.aggregates:
        if field in ("reward", "advantage"):
            roots = [draft.terms[name].value for name, _ in draft.weights if name in draft.terms]
        elif field in draft.terms:
            roots = [draft.terms[field].value]
        else:
            roots = [draft.lets[field]] if field in draft.lets else []
        draft.aggregates[field] = next((v for v in (contains(r, "aggregate") for r in roots) if v), None)
    return draft.aggregates[field]


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
    used: list[str],
) -> None:
    if node.name in samples:
        draft.found.error(
            "RK0202",
            f"two samples are called `{node.name}`",
            node.name_span,
            "again here",
            labels=(Label(samples[node.name].span, "first here"),),
            help="choose another name",
        )
        return
    if node.name in namespaces() or node.name in (*builtins.ROOTS, "step"):
        draft.found.error(
            "RK0206",
            f"a sample cannot be called `{node.name}`",
            node.name_span,
            help=f"choose another name: `{node.name}.…` means something else already",
        )
    fields: dict[str, t.Assignment] = {}
    given: dict[str, Any] = {}
    unknown: list[str] = []
    for assignment in node.fields:
        path = assignment.path
        if path in fields:
            draft.found.error(
                "RK0202",
                f"`{path}` is given twice",
                assignment.path_span,
                "again here",
                labels=(Label(fields[path].path_span, "first here"),),
                help="leave one out",
            )
            continue
        fields[path] = assignment
        value = _given(draft, assignment)
        if value is not _WRONG:
            given[path] = value
        elif _type_of(draft, path) is None:
            unknown.append(path)
    _complete(draft, node, fields, unknown, used)
    samples[node.name] = SampleSpec(node.name, fields, group, node.name_span)
    values[node.name] = given


def _complete(
    draft: Draft, node: t.Sample, fields: dict[str, t.Assignment], unknown: list[str], used: list[str]
) -> None:
    """Every column that the spec reads is given, unless it may be null or follows from another."""
    missing: list[str] = []
    for column in used:
        typed = _type_of(draft, column)
        optional = typed is None or typed[0].optional or column in _DEFAULTS
        other = _DERIVED.get(column)
        if column in fields or other in fields or optional or (other in used and column.endswith("messages")):
            continue
        if not any(suggest(path, [column]) for path in unknown):  # that is reported as a slip of the pen
            missing.append(column)
    if missing:
        labels = [Label(draft.declarations[c], "declared here") for c in missing if c in draft.declarations]
        example = "  ".join(f"{c} = {_example(draft, c)}" for c in missing)
        draft.found.error(
            "RK0801",
            f"the sample `{node.name}` lacks " + listed(missing),
            node.name_span,
            labels=tuple(labels),
            help=f"the spec reads {'it' if len(missing) == 1 else 'them'}: add `{example}`",
        )


def _example(draft: Draft, path: str) -> str:
    typed = _type_of(draft, path)
    assert typed is not None
    type_ = typed[0]
    units = {"tokens": "256tok", "chars": "80ch", "seconds": "1.5s"}
    plain = {"bool": "true", "int": "1", "real": "0.5", "text": '"…"'}
    return units.get(type_.unit or "") or plain.get(type_.kind) or '"""…"""'


_WRONG = object()


def _given(draft: Draft, node: t.Assignment) -> Any:
    """The value a sample gives to a path, as a plain value; `_WRONG` where it is none (reported)."""
    path = node.path
    typed = _type_of(draft, path)
    if not t.readable(node.value):
        return _WRONG
    if typed is None:
        if not isinstance(draft.nodes.get(path), t.Broken):
            _no_field(draft, node)
        return _WRONG
    type_, interval = typed
    if type_ == UNKNOWN:
        return _WRONG
    if isinstance(node.value, t.Null) and type_.optional:
        return None
    required = type_.required
    if required.kind in ("list", "json", "message", "call", "testcase", "result") and isinstance(
        node.value, t.Text
    ):
        return _structured(draft, node, node.value, required)
    items = _items(node.value)
    if required.kind == "list" and items is not _WRONG and read_structured(items, required)[1] is None:
        return json.dumps(items)
    value = _constant(node.value, required)
    if value is _WRONG:
        draft.found.error(
            "RK0804",
            f"`{path}` is `{type_}`, found {_kind(node.value)}",
            node.value.span,
            labels=_declared(draft, path),
            help=_given_help(required, node.value),
        )
        return _WRONG
    if interval is not None and isinstance(value, Fraction) and not interval.contains(value):
        draft.found.error(
            "RK0804",
            f"`{path}` must lie in {bare(interval, suffix(required))}",
            node.value.span,
            lies(Interval(value, value), suffix(required)),
            labels=_declared(draft, path),
            help="give a value inside its range",
        )
        return _WRONG
    if isinstance(value, Fraction):
        return int(value) if required.kind == "int" else float(value)
    return value


def _declared(draft: Draft, path: str) -> tuple[Label, ...]:
    return (Label(draft.declarations[path], "declared here"),) if path in draft.declarations else ()


def _type_of(draft: Draft, path: str) -> tuple[Type, Interval | None] | None:
    """The type and range of what a sample can give under a path; `None` where it can give nothing."""
    if path in draft.inputs:
        return draft.inputs[path].type, draft.inputs[path].range
    if path in draft.params:
        return draft.params[path].type, draft.params[path].range
    if path in builtins.COLUMNS:
        type_ = builtins.COLUMNS[path]
        return type_, NON_NEGATIVE if type_.is_number else None
    return (INT, NON_NEGATIVE) if path == "step" else None


def _no_field(draft: Draft, node: t.Assignment) -> None:
    known = [*draft.inputs, *draft.params, *builtins.COLUMNS, "step"]
    root, _, field = node.path.partition(".")
    help_ = suggest(node.path, known)
    if root in builtins.ROOTS and field in builtins.MEASURES:
        help_ = f"leave it out: it is counted in `{root}.text`"
    elif node.path in draft.lets or node.path in draft.terms:
        help_ = "leave it out: it follows from the rest; look at it with `expect`"
    draft.found.error(
        "RK0802",
        f"a sample has no field `{node.path}`",
        node.path_span,
        labels=_declared(draft, node.path),
        help=help_ or f"its fields are {listed(known)}",
    )


def _structured(draft: Draft, node: t.Assignment, text: t.Text, type_: Type) -> Any:
    """A structured value as JSON text; where that is wrong, the place at which it goes wrong."""
    problem = read_structured(text.value, type_)[1]
    if problem is None:
        return text.value
    span, help_ = text.span, None
    try:
        json.loads(text.value)
    except json.JSONDecodeError as error:
        problem = (error.msg[0].lower() + error.msg[1:]).replace("'", "`")
        if text.offsets and error.pos < len(text.offsets):
            span = span.inside(text.offsets[error.pos])
        help_ = "write one JSON value, its texts and keys in double quotes"
    except (ValueError, RecursionError):
        pass
    draft.found.error(
        "RK0804",
        f"`{node.path}` is `{type_}` as JSON: {problem}",
        span,
        labels=_declared(draft, node.path),
        help=help_ or _JSON.get(str(type_)),
    )
    return _WRONG


#: structured values as they are written
_JSON = {
    "list[call]": 'write `"""[{"name": "search", "arguments": {"query": "x"}}]"""`',
    "list[message]": 'write `"""[{"role": "user", "content": "…"}]"""`',
    "list[text]": 'write `["…", "…"]`',
}


def _items(node: t.Expr) -> Any:
    """A list of constants as a plain list; `_WRONG` where it is none."""
    if not isinstance(node, t.ListLiteral):
        return _WRONG
    items: list[Any] = []
    for item in node.items:
        constant = constant_number(item)
        if isinstance(item, t.Text | t.Bool):
            items.append(item.value)
        elif constant is not None and constant[1] is None:
            items.append(int(constant[0]) if constant[2] else float(constant[0]))
        else:
            return _WRONG
    return items


def _constant(node: t.Expr, type_: Type) -> Any:
    if type_.kind == "bool" and isinstance(node, t.Bool):
        return node.value
    if type_.kind == "text" and isinstance(node, t.Text):
        return node.value
    constant = constant_number(node) if type_.is_number else None
    if constant is None or constant[1] != type_.unit:
        return _WRONG
    return constant[0] if type_.kind == "real" or constant[0].denominator == 1 else _WRONG


def _kind(node: t.Expr) -> str:
    """What a sample gives, in words."""
    constant = constant_number(node)
    if constant is not None:
        return constant[1] or ("a plain number" if constant[2] else "a plain real")
    names = {t.Text: "`text`", t.Bool: "`bool`", t.Null: "`null`", t.ListLiteral: "a list"}
    return names.get(type(node), "what is no constant")


def _given_help(type_: Type, node: t.Expr) -> str | None:
    constant = constant_number(node)
    shown = text_of(node.span)
    if type_.unit and constant is not None and constant[1] is None:
        return f"write `{with_unit(shown, type_)}`"
    if type_.kind == "text" and constant is not None:
        return f'write `"{shown}"`'
    if type_.kind == "bool":
        return "write `true` or `false`"
    if type_.is_number and isinstance(node, t.Text) and node.value.strip().isdigit():
        return f"write `{with_unit(node.value.strip(), type_)}`"
    return _JSON.get(str(type_)) or (
        "write it as JSON in a text" if not type_.is_number else "write a number"
    )


def _expect(draft: Draft, node: t.Expect, samples: dict[str, SampleSpec]) -> ExpectSpec | None:
    reads: dict[tuple[str, str], None] = {}

    def path(dotted: str, span: Span) -> Value | None:
        sample, _, field = dotted.partition(".")
        if sample not in samples:
            return None
        type_ = _field_type(draft, field)
        if type_ is None:
            _no_value(draft, sample, field, span)
            return Value("constant", (), UNKNOWN, span)
        if field == "advantage" and draft.advantage is None:
            broken = any(
                isinstance(s, t.Broken) and s.keyword == "advantage" for s in draft.module.statements
            )
            if not broken and not draft.lacks_advantage:
                draft.lacks_advantage = True
                draft.found.error(
                    "RK0805", "there is no `advantage` statement", span, help="add one: `advantage gdpo`"
                )
            return Value("constant", (), UNKNOWN, span)
        reads[(sample, field)] = None
        return Value("column", (), type_.nullable, span, level=Level.ROW, path=dotted, data=dotted)

    def name(word: str, span: Span) -> Value | None:
        if word in samples:
            message = f"the sample `{word}` is no value by itself"
            draft.found.error("RK0803", message, span, help=f"name a value of it: `{word}.reward`")
            return None
        values = word in draft.lets or word in draft.terms or word in (*builtins.ROOTS, *draft.inputs)
        help_ = suggest(word, samples)
        if values and samples:
            help_ = f"name its sample first: `{next(iter(samples))}.{word}`"
        elif samples:
            help_ = help_ or f"the samples are {listed(samples)}"
        else:
            help_ = f'declare one: `sample {word} {{ completion.text = "…" }}`'
        draft.found.error("RK0803", f"there is no sample `{word}`", span, help=help_)
        return None

    check = Expressions(draft.found, name, {}, draft.later, lenient=True, paths=path, seen=draft.seen)
    condition = check.check(node.condition)
    if not check.wants_bool(condition, "`expect`"):
        return None
    tolerance = _tolerance(draft, node)
    return ExpectSpec(condition, tolerance, node.span, tuple(reads))


def _no_value(draft: Draft, sample: str, field: str, span: Span) -> None:
    known = [*draft.terms, *draft.lets, "reward", "advantage"]
    help_ = suggest(field, known) or f"it has {listed(known)}"
    if field in draft.inputs or field.partition(".")[0] in builtins.ROOTS:
        help_ = f"name it in the spec first: `let x = {field}`, then `{sample}.x`"
    draft.found.error("RK0803", f"the sample `{sample}` has no value `{field}`", span, help=help_)


def _field_type(draft: Draft, field: str) -> Type | None:
    if field in ("reward", "advantage"):
        return REAL
    if field in draft.terms:
        return draft.terms[field].value.type
    if field in draft.lets:
        return draft.lets[field].type
    # a name whose own declaration is wrong: stay silent
    return UNKNOWN if isinstance(draft.nodes.get(field), t.Let | t.Term | t.Broken) else None


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
            labels=(Label(node.condition.span, "not one equality"),),
            help="write each comparison in an `expect` of its own",
        )
        return None
    if isinstance(node.tolerance, t.Binary) and node.tolerance.operator in ("and", "or"):
        draft.found.error(
            "RK0808",
            f"`{node.tolerance.operator}` is read as part of the tolerance",
            node.tolerance.span,
            help="give each `within` its own `expect`",
        )
        return None
    if constant is None or constant[0] < 0:
        help_ = "write a number, `within 0.001`"
        draft.found.error(
            "RK0808", "a tolerance is a constant that is not negative", node.tolerance.span, help=help_
        )
        return None
    return float(constant[0])
