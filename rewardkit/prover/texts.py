"""Texts with a given number of words, lines and characters."""

from __future__ import annotations

from dataclasses import dataclass

#: the longest text that a witness shows
LONGEST = 4_000


@dataclass
class Measures:
    """What is asked of a text (or, `length`, of a list); `None` where nothing is."""

    chars: int | None = None
    words: int | None = None
    lines: int | None = None
    length: int | None = None


class NoText(Exception):
    """There is no such text, or none that is short enough to show."""


def text_with(measures: Measures, name: str) -> str:
    """A text of these measures, with `name` in it where there is room.

    Raises:
        NoText: none is.
    """
    chars = measures.chars if measures.chars is not None else measures.length
    if measures.length is not None and chars != measures.length:
        raise NoText
    words, lines = measures.words, measures.lines
    if chars is None and words is None and lines is None:
        return name
    if words is None:
        words = 0 if chars == 0 or lines == 0 else 1 if chars is None or chars >= (lines or 1) else 0
    if lines is None:
        lines = 0 if chars == 0 or (words == 0 and chars is None) else 1
    text = _shape(words, lines)
    if chars is not None:
        if not len(text) <= chars <= LONGEST or (not text and chars > 0):
            raise NoText
        text = _padded(text, chars)
    elif words:
        text = _padded(text, len(text) + len(name) - 1, name)
    if len(text) > LONGEST:
        raise NoText
    return text


def _shape(words: int, lines: int) -> str:
    """The shortest text of so many words and lines."""
    if words + lines > LONGEST:
        raise NoText
    if words == 0:
        return "\n" * lines
    if lines == 0:
        raise NoText
    breaks = ["\n" if i < lines - 1 else " " for i in range(words - 1)]
    ahead = "\n" * max(0, lines - words)
    return ahead + "".join(f"w{space}" for space in breaks) + "w"


def _padded(text: str, chars: int, name: str = "") -> str:
    """The text with its last word (or, without one, its first line) made longer."""
    more = chars - len(text)
    if not text.strip():
        return " " * more + text
    return text[:-1] + (name if name and len(name) == more + 1 else "w" * (more + 1))
