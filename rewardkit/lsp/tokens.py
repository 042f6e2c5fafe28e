"""Semantic tokens: what each name is, where a grammar of patterns cannot know."""

from __future__ import annotations

from collections.abc import Mapping

from rewardkit import library
from rewardkit.checker import builtins
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.names import Kind
from rewardkit.lsp.positions import Lines
from rewardkit.types.types import NAMED

TYPES = ("parameter", "variable", "property", "function", "namespace", "type")
MODIFIERS = ("declaration", "readonly", "defaultLibrary")

_KINDS: Mapping[Kind, str] = {
    "input": "parameter", "param": "parameter", "let": "variable", "term": "property", "def": "function",
    "extern": "function", "use": "namespace", "sample": "variable", "parameter": "parameter",
    "element": "variable", "test": "variable",
}  # fmt: skip


def tokens(analysis: Analysis) -> list[tuple[int, int, str, tuple[str, ...]]]:
    """Start, end, type and modifiers of each name, in file order."""
    found: dict[int, tuple[int, int, str, tuple[str, ...]]] = {}
    words = analysis.sketch.words
    for i, word in enumerate(words):
        if word.kind != "name" or (i and words[i - 1].text == "."):
            continue
        following = words[i + 1].text if i + 1 < len(words) else ""
        second = words[i + 2].text if i + 2 < len(words) else ""
        if word.text in builtins.ROOTS and following == ".":
            found[word.start] = (word.start, word.end, "namespace", ("defaultLibrary",))
        elif following == "." and f"{word.text}.{second}" in library.functions():
            found[word.start] = (word.start, word.end, "namespace", ("defaultLibrary",))
            found[words[i + 2].start] = (*words[i + 2][2:], "function", ("defaultLibrary",))
        elif following == "(" and (word.text in library.functions() or word.text in library.AGGREGATES):
            found[word.start] = (word.start, word.end, "function", ("defaultLibrary",))
        elif word.text in NAMED and i and words[i - 1].text in (":", "["):
            found[word.start] = (word.start, word.end, "type", ("defaultLibrary",))
    for occurrence in analysis.names.occurrences:
        symbol, span = occurrence.symbol, occurrence.span
        modifiers: tuple[str, ...] = ("declaration",) if span == symbol.span else ()
        modifiers += ("readonly",) if symbol.kind == "param" else ()
        found[span.start] = (span.start, span.end, _KINDS[symbol.kind], modifiers)
    return [found[start] for start in sorted(found)]


def encoded(analysis: Analysis, lines: Lines) -> list[int]:
    """The tokens as the protocol packs them: five numbers each, relative to the one before."""
    out: list[int] = []
    line = column = 0
    for start, end, kind, modifiers in tokens(analysis):
        at, stop = lines.position(start), lines.position(end)
        if at.line != stop.line or stop.character <= at.character:
            continue
        bits = sum(1 << MODIFIERS.index(modifier) for modifier in modifiers)
        relative = at.character - column if at.line == line else at.character
        out += [at.line - line, relative, stop.character - at.character, TYPES.index(kind), bits]
        line, column = at.line, at.character
    return out
