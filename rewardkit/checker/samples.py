"""Samples: a test gives what the spec reads, as constants of the right type and range."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from rewardkit.checker import builtins
from rewardkit.checker.constants import constant_number
from rewardkit.checker.draft import Draft
from rewardkit.checker.spec import SampleSpec
from rewardkit.checker.wording import listed, suffix, suggest, text_of, with_unit
from rewardkit.diagnostics import Label
from rewardkit.language import tree as t
from rewardkit.library import namespaces
from rewardkit.types.interval import NON_NEGATIVE, Interval, bare, lies
from rewardkit.types.messages import read_structured
from rewardkit.types.types import INT, UNKNOWN, Type

#: given where a sample says nothing
_DEFAULTS: dict[str, Any] = {"completion.finished": True}
#: columns that another column of the sample can stand for
_DERIVED = {"completion.messages": "completion.text", "completion.text": "completion.messages",
            "prompt.messages": "prompt.text", "prompt.text": "prompt.messages"}  # fmt: skip


def sample(
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
        if value is not WRONG:
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


#: no value (what is wrong is reported)
WRONG = object()
#: types whose values are written as JSON in a text
STRUCTURED = ("list", "json", "message", "call", "testcase", "result")


def _given(draft: Draft, node: t.Assignment) -> Any:
    """The value a sample gives to a path, as a plain value; `WRONG` where it is none (reported)."""
    typed = _type_of(draft, node.path)
    if not t.readable(node.value):
        return WRONG
    if typed is None:
        if not isinstance(draft.nodes.get(node.path), t.Broken):
            _no_field(draft, node)
        return WRONG
    return given_as(draft, node, *typed, "RK0804", _declared(draft, node.path))


def given_as(
    draft: Draft,
    node: t.Assignment,
    type_: Type,
    interval: Interval | None,
    code: str,
    labels: tuple[Label, ...],
) -> Any:
    """A readable constant as a plain value, structured ones as JSON text; `WRONG` (reported) where it is not
    of the type or in the range."""
    path = node.path
    if type_ == UNKNOWN:
        return WRONG
    if isinstance(node.value, t.Null) and type_.optional:
        return None
    required = type_.required
    if required.kind in STRUCTURED and isinstance(node.value, t.Text):
        return _structured(draft, node, node.value, required, code, labels)
    items = _items(node.value)
    if required.kind == "list" and items is not WRONG and read_structured(items, required)[1] is None:
        return json.dumps(items)
    value = _constant(node.value, required)
    if value is WRONG:
        draft.found.error(
            code,
            f"`{path}` is `{type_}`, found {_kind(node.value)}",
            node.value.span,
            labels=labels,
            help=_given_help(required, node.value),
        )
        return WRONG
    if interval is not None and isinstance(value, Fraction) and not interval.contains(value):
        draft.found.error(
            code,
            f"`{path}` must lie in {bare(interval, suffix(required))}",
            node.value.span,
            lies(Interval(value, value), suffix(required)),
            labels=labels,
            help="give a value inside its range",
        )
        return WRONG
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


def _structured(
    draft: Draft, node: t.Assignment, text: t.Text, type_: Type, code: str, labels: tuple[Label, ...]
) -> Any:
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
        code,
        f"`{node.path}` is `{type_}` as JSON: {problem}",
        span,
        labels=labels,
        help=help_ or _JSON.get(str(type_)),
    )
    return WRONG


#: structured values as they are written
_JSON = {
    "list[call]": 'write `"""[{"name": "search", "arguments": {"query": "x"}}]"""`',
    "list[message]": 'write `"""[{"role": "user", "content": "…"}]"""`',
    "list[text]": 'write `["…", "…"]`',
}


def _items(node: t.Expr) -> Any:
    """A list of constants as a plain list; `WRONG` where it is none."""
    if not isinstance(node, t.ListLiteral):
        return WRONG
    items: list[Any] = []
    for item in node.items:
        constant = constant_number(item)
        if isinstance(item, t.Text | t.Bool):
            items.append(item.value)
        elif constant is not None and constant[1] is None:
            items.append(int(constant[0]) if constant[2] else float(constant[0]))
        else:
            return WRONG
    return items


def _constant(node: t.Expr, type_: Type) -> Any:
    if type_.kind == "bool" and isinstance(node, t.Bool):
        return node.value
    if type_.kind == "text" and isinstance(node, t.Text):
        return node.value
    constant = constant_number(node) if type_.is_number else None
    if constant is None or constant[1] != type_.unit:
        return WRONG
    return constant[0] if type_.kind == "real" or constant[0].denominator == 1 else WRONG


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
