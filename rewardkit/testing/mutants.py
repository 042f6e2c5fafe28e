"""Mutants: a spec with one thing changed. Each is an edit of the text: what is shown is what was run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from rewardkit.checker.constants import constant_number
from rewardkit.diagnostics import Edit, Source, Span
from rewardkit.language import tree as t
from rewardkit.types.interval import show
from rewardkit.types.types import UNITS

_COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_OTHERS = {"and": "or", "or": "and", "+": "-", "-": "+", "*": "/", "/": "*"}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One change. `what` says what was changed into what: `weight of \\`brevity\\`: 0.2 -> 0.4`."""

    kind: str
    what: str
    span: Span
    edits: tuple[Edit, ...]

    @property
    def place(self) -> tuple[int, int]:
        """Line and column, both from 1."""
        return self.span.source.position(self.span.start)

    def source(self) -> Source:
        """The file with the change in it."""
        source = self.span.source
        text = source.text
        for edit in sorted(self.edits, key=lambda e: e.span.start, reverse=True):
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
        return Source(source.name, text, source.path)

    def lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The lines that it changes, as they are and as it makes them."""
        before, after = self.span.source.text.split("\n"), self.source().text.split("\n")
        first = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
        last = next((i for i, (a, b) in enumerate(zip(before[::-1], after[::-1], strict=False)) if a != b), 0)
        last = min(last, len(before) - first, len(after) - first)
        return tuple(before[first : len(before) - last]), tuple(after[first : len(after) - last])


def mutants(module: t.Module) -> list[Mutant]:
    """Every mutant of a file, in file order: the same ones each time."""
    found = [m for statement in module.statements for m in _statement(statement)]
    found.sort(key=lambda mutant: mutant.span.start)
    return list({m.edits: m for m in reversed(found)}.values())[::-1]


def _change(kind: str, what: str, span: Span, text: str, shown: str | None = None) -> Mutant:
    before = _brief(span.text) if shown is None else shown
    after = _brief(text) or "nothing"
    return Mutant(kind, f"{what}: {before} -> {after}", span, (Edit(span, text),))


def _brief(text: str, most: int = 48) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _statement(node: t.Statement) -> Iterator[Mutant]:
    if isinstance(node, t.Reward):
        yield from _weights(node)
    elif isinstance(node, t.Term):
        if node.gate is not None:
            what, span = f"gate of `{node.name}`", node.gate.span
            yield _change("gate", what, span, f"not ({span.text})")
            yield _change("gate", what, span, "true")
            yield from _expression(node.gate)
        if isinstance(node.otherwise, t.Null):
            yield _change("else", f"else of `{node.name}`", node.otherwise.span, "0")
        elif node.otherwise is not None:
            yield from _expression(node.otherwise)
        yield from _expression(node.value)
    elif isinstance(node, t.Let):
        yield from _expression(node.value)
    elif isinstance(node, t.Def):
        yield from _expression(node.body)
    elif isinstance(node, t.Skip | t.Mask):
        word, span = type(node).__name__.lower(), node.condition.span
        yield _change(word, f"`{word} when`", node.span, "", _brief(span.text))
        yield _change(word, f"`{word} when`", span, f"not ({span.text})")
        yield from _expression(node.condition)
    elif isinstance(node, t.Param):
        yield from _param(node)
    elif isinstance(node, t.Advantage):
        for entry in node.options:
            if entry.name == "scale":
                yield from _expression(entry.value)


def _param(node: t.Param) -> Iterator[Mutant]:
    what, span = f"param `{node.name}`", node.value.span
    if isinstance(node.value, t.Bool):
        yield _change("constant", what, span, "false" if node.value.value else "true")
    constant = constant_number(node.value)
    if constant is None:
        return
    value, unit, whole = constant
    halves = Fraction(value // 2) if whole else value / 2
    for other in dict.fromkeys((value * 2 if value else Fraction(1), halves)):
        if other != value:
            yield _change("constant", what, span, _literal(other, unit, whole))


# --- weights -----------------------------------------------------------------------------------------


def _weights(node: t.Reward) -> Iterator[Mutant]:
    """Each weight doubled, negated and zero; two neighbours swapped; all of them doubled."""
    for entry in node.weights:
        what, span = f"weight of `{entry.name}`", entry.value.span
        zero = _zero_like(entry.value)
        for text in (_scaled(entry.value, 2), _scaled(entry.value, -1), zero):
            yield _change("weight", what, span, text)
        if constant_number(entry.value) is None:
            yield from _expression(entry.value)
    for one, other in zip(node.weights, node.weights[1:], strict=False):
        if one.value != other.value:
            yield Mutant(
                "weight",
                f"weights of `{one.name}` and `{other.name}`: swapped",
                one.value.span,
                (Edit(one.value.span, other.value.span.text), Edit(other.value.span, one.value.span.text)),
            )
    if len(node.weights) > 1:
        edits = tuple(Edit(entry.value.span, _scaled(entry.value, 2)) for entry in node.weights)
        yield Mutant("weight", "all weights: doubled", node.weights[0].value.span, edits)


def _scaled(node: t.Expr, factor: int) -> str:
    constant = constant_number(node)
    if constant is None:
        return f"{factor} * ({node.span.text})" if factor > 0 else f"-({node.span.text})"
    return _literal(constant[0] * factor, constant[1], constant[2])


def _zero_like(node: t.Expr) -> str:
    constant = constant_number(node)
    return _literal(Fraction(0), *constant[1:]) if constant is not None else "0"


# --- expressions ---------------------------------------------------------------------------------------


def _expression(root: t.Expr) -> Iterator[Mutant]:
    stack: list[t.Node] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, t.Number):
            yield from _number(node)
        elif isinstance(node, t.Bool):
            yield _change("constant", "constant", node.span, "false" if node.value else "true")
        elif isinstance(node, t.Unary):
            kind = "condition" if node.operator == "not" else "arithmetic"
            yield _change(kind, kind, node.span, f"({node.operand.span.text})")
        elif isinstance(node, t.Binary):
            yield from _binary(node)
        elif isinstance(node, t.If):
            span = node.condition.span
            yield _change("condition", "`if`", span, f"not ({span.text})")
        elif isinstance(node, t.Call):
            if node.function in _FUNCTIONS:
                other = _FUNCTIONS[node.function]
                yield _change("function", "function", node.function_span, other)
            if node.where is not None:
                yield _change("condition", "`where`", node.where.span, f"not ({node.where.span.text})")
        stack.extend(t.children(node))


def _number(node: t.Number) -> Iterator[Mutant]:
    value = node.value
    if node.whole:
        others = [value + 1, value - 1, value * 2]
    else:
        others = [value * 2, value / 2] if value else [Fraction(1), Fraction(-1)]
    for other in dict.fromkeys(others):
        if other != value:
            yield _change("constant", "constant", node.span, _literal(other, node.unit, node.whole))


def _literal(value: Fraction, unit: str | None, whole: bool) -> str:
    """A number as the language writes it; in brackets where it is negative."""
    text = show(value)
    if not whole and "/" not in text and "." not in text and "e" not in text:
        text += ".0"
    text += UNITS[unit] if unit else ""
    return f"({text})" if text.startswith("-") or "/" in text else text


def _binary(node: t.Binary) -> Iterator[Mutant]:
    other = _COMPARISONS.get(node.operator) or _OTHERS.get(node.operator)
    span = _operator(node) if other is not None else None
    if other is None or span is None:
        return
    kind = (
        "comparison" if node.operator in _COMPARISONS else "logic" if other in ("and", "or") else "arithmetic"
    )
    left, right = _brief(node.left.span.text, 24), _brief(node.right.span.text, 24)
    shown = f"{left} {node.operator} {right}"
    yield Mutant(kind, f"{kind}: {shown} -> {left} {other} {right}", span, (Edit(span, other),))


def _operator(node: t.Binary) -> Span | None:
    """Where the operator stands: between its operands there are only brackets, white space and comments."""
    start, end = node.left.span.end, node.right.span.start
    text = node.span.source.text[start:end]
    for match in re.finditer(r"#[^\n]*|" + re.escape(node.operator), text):
        if not match[0].startswith("#"):
            return Span(node.span.source, start + match.start(), start + match.end())
    return None
