"""How values, names and functions are described: one line of code, then Markdown."""

from __future__ import annotations

from rewardkit import library
from rewardkit.checker import builtins
from rewardkit.checker.spec import Value
from rewardkit.checker.wording import peeled
from rewardkit.diagnostics import Span
from rewardkit.language import tree as t
from rewardkit.language.sketch import brief
from rewardkit.library.pages import body, literal, sentence
from rewardkit.lsp import words
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.names import Symbol
from rewardkit.types.function import Function, Parameter
from rewardkit.types.interval import FULL, UNIT, Interval, bare
from rewardkit.types.levels import Level
from rewardkit.types.types import BOOL, UNITS, Type

#: the longest piece of source or documentation that is shown
_MOST = 400


def code(text: str) -> str:
    """A block of the language; a fence inside the text cannot end it."""
    return f"```rwd\n{text.replace('```', chr(0x2019) * 3)}\n```"


def typed(type_: Type, interval: Interval = FULL) -> str:
    """`tokens in [0tok, 4096tok]`."""
    if not type_.is_number or interval == FULL:
        return str(type_)
    return f"{type_} in {bare(interval, UNITS.get(type_.unit or '', ''))}"


def facts(value: Value) -> str:
    """The line below a value: its level, and what can become of it."""
    notes = [f"{value.level} level" if value.level != Level.CONSTANT else "constant in a call"]
    if value.type.optional:
        notes.append("may be null")
    if value.faults:
        notes.append("may fail")
    if value.type == BOOL and value.op == "term":
        notes.append("counts as 0 or 1")
    return " · ".join(notes)


def interval_of(value: Value) -> Interval:
    """The interval as a number; a condition that is a term counts as 0 or 1."""
    return UNIT if value.op == "term" and value.type == BOOL else value.interval


def parameter(function: Function, one: Parameter) -> str:
    shown = one.name if function.infer is not None else f"{one.name}: {typed(one.type, one.range or FULL)}"
    return shown if one.required else f"{shown} = {literal(one.default)}"


def signature(function: Function) -> str:
    """`text.contains(x: text, piece: text): bool`."""
    parameters = [parameter(function, p) for p in function.parameters] + ["…"] * function.variadic
    result = "" if function.infer is not None else f": {typed(function.result, function.range)}"
    return f"{function.name}({', '.join(parameters)}){result}"


def page(function: Function) -> str:
    """A library function's documentation, as Markdown."""
    return f"{code(signature(function))}\n\n{body(function)}"


def of_function(name: str) -> str | None:
    """The page of a library function or aggregate."""
    function = library.functions().get(name)
    parts = [page(function)] if function is not None else []
    if name in library.AGGREGATES:
        shown = code(f"{name}(x where …) over group\n{name}(… for item in list)")
        parts.append(f"{shown}\n\nAn aggregate: {words.AGGREGATES[name]}.")
    return "\n\n---\n\n".join(parts) or None


def of_definition(function: Function, node: t.Def | t.Extern) -> str:
    """A function that the file declares or brings in: its signature, its summary, its comment."""
    about = [sentence(function.summary)] if function.summary else []
    comment = comment_of(node)
    return "\n\n".join([code(signature(function)), *about, *([comment] if comment else [])])


def comment_of(node: t.Node) -> str:
    """The comment above a declaration, or behind its last line."""
    text = node.span.source.text
    lines: list[str] = []
    start = text.rfind("\n", 0, node.span.start) + 1
    if not text[start : node.span.start].strip():
        while start > 0:
            above = text.rfind("\n", 0, start - 1) + 1
            line = text[above : start - 1].strip()
            if not line.startswith("#") or len(lines) >= 20:
                break
            lines.insert(0, line.lstrip("#").strip())
            start = above
    if not lines:
        end = text.find("\n", node.span.end)
        tail = text[node.span.end : end if end >= 0 else len(text)].strip()
        if tail.startswith("#"):
            lines.append(tail.lstrip("#").strip())
    return escape("\n".join(lines))[:_MOST]


def escape(text: str) -> str:
    """Text as it is, in Markdown."""
    return "".join("\\" + c if c in "\\*_[]<>#|" else c for c in text)


def declaration(span: Span) -> str:
    return brief(span.text, 160)


def of_symbol(analysis: Analysis, symbol: Symbol, value: Value | None = None) -> str:
    """What a name is: its declaration, its type and range here, its comment."""
    node, draft = symbol.node, analysis.draft
    if symbol.kind in ("def", "extern") and (own := analysis.function(symbol.name)) is not None:
        return of_definition(*own)
    if value is None and symbol.scope is None:
        if symbol.name in draft.terms:
            value = draft.terms[symbol.name].value
        elif symbol.name in draft.lets:
            value = draft.lets[symbol.name]
    head = declaration(node.span)
    if symbol.kind == "parameter":
        head = f"(parameter) {symbol.name if isinstance(node, t.Broken) else head}"
    elif symbol.kind == "element":
        head = f"for {head}"
    elif symbol.kind == "sample":
        head = f"sample {symbol.name}"
    parts = [code(head)]
    if value is not None:
        parts.append(described(symbol.name, value))
    if isinstance(node, t.Param) and symbol.name in draft.params:
        parts.append(f"A run may override it: `--set {symbol.name}=…`")
    weight = dict(draft.weights).get(symbol.name)
    if symbol.kind == "term" and symbol.scope is None:
        parts.append(f"Weight {bare(weight.interval)}" if weight else "A metric: `reward` does not list it")
    comment = comment_of(node) if symbol.scope is None else ""
    return "\n\n".join([*parts, comment] if comment else parts)


def described(name: str, value: Value) -> str:
    """`brevity: real in [0, 1]` · row level."""
    inner = peeled(value)
    interval = interval_of(inner) if inner.op == "term" else value.interval
    shown = typed(value.type, FULL if inner.op == "constant" else interval)
    return f"`{brief(name, 60)}: {shown}` · {facts(value)}"


def of_field(path: str) -> str | None:
    """`completion.tokens` and the like."""
    root, _, name = path.partition(".")
    type_ = builtins.COLUMNS.get(path)
    if type_ is None and name in builtins.MEASURES and root in builtins.ROOTS:
        type_ = builtins.MEASURES[name][0]
    if type_ is None:
        return None
    return f"{code(f'{path}: {type_}')}\n\n{sentence(words.FIELDS.get(path, ''))}"
