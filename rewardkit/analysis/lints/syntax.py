"""What lints ask of a syntax tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from rewardkit.diagnostics import Edit, Span
from rewardkit.language import tree as t

N = TypeVar("N", bound=t.Node)


def below(kind: type[N], *roots: t.Node) -> Iterator[N]:
    """Every node of a kind at or below the roots, in the order of the file."""
    stack: list[t.Node] = list(reversed(roots))
    while stack:
        node = stack.pop()
        if isinstance(node, kind):
            yield node
        stack.extend(reversed(list(t.children(node))))


def texts(*roots: t.Node) -> Iterator[t.Text]:
    return below(t.Text, *roots)


def argument(call: t.Call, name: str, position: int) -> t.Expr | None:
    """An argument of a call, by its name or its place."""
    for i, given in enumerate(call.arguments):
        if given.name == name or (given.name is None and i == position):
            return given.value
    return None


def removal(span: Span) -> Edit:
    """Takes a part of the file out: with its lines and the remark behind it where it has them alone,
    else with the space before it, or behind it at the start of a line."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end + 1
    rest = text[span.end : end].strip()
    if text[start : span.start].strip():
        start += len(text[start : span.start].rstrip(" \t"))
        return Edit(Span(span.source, start, span.end), "")
    if not rest or rest.startswith("#"):
        return Edit(Span(span.source, start, end), "")
    return Edit(Span(span.source, span.start, text.index(rest, span.end)), "")
