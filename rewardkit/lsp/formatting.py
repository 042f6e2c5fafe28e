"""Formatting: the lines that the canonical form changes, so that a cursor elsewhere stays where it is."""

from __future__ import annotations

from difflib import SequenceMatcher

from rewardkit.diagnostics import Edit, Span, SpecError
from rewardkit.language.formatter import FormatterBug, formatted
from rewardkit.lsp.documents import Document

#: beyond this many lines a file is replaced as a whole
_MOST = 2_000


def formatting(document: Document) -> list[Edit] | None:
    """The edits that give a document its canonical form; `None` where it cannot be read.

    Raises:
        FormatterBug: the formatter's output would not mean the same.
    """
    source = document.source
    if source.text != document.text:  # halves of characters
        return None
    try:
        new = formatted(source)
    except SpecError:
        return None
    if new == source.text:
        return []
    before, after = _lines(source.text), _lines(new)
    if max(len(before), len(after)) > _MOST:
        return [Edit(Span(source, 0, len(source.text)), new)]
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    return [
        Edit(Span(source, starts[i1], starts[i2]), "".join(after[j1:j2]))
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if tag != "equal"
    ]


def _lines(text: str) -> list[str]:
    """The lines of a text with their ends."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


__all__ = ["FormatterBug", "formatting"]
