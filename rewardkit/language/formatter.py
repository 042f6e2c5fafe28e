"""The one canonical form of a file.

Only white space changes: every word and every comment stays as it is written and where it stands between
the others. Each run reads its own output again and compares before it gives it back.
"""

from __future__ import annotations

from lark import UnexpectedInput

from rewardkit.diagnostics import Collector, Source, Span, SpecError, TooMany
from rewardkit.language import tree as t
from rewardkit.language.blocks import laid_out
from rewardkit.language.concrete import File, read
from rewardkit.language.parser import MAX_CHARACTERS, lower, parse


class FormatterBug(Exception):
    """The formatter's own output would mean something else, or lose a comment; nothing of it is kept."""

    def __init__(self, source: Source, what: str) -> None:
        super().__init__(f"formatting `{source.name}` would change its {what}, so it is left as it is")


def formatted(source: Source) -> str:
    """The canonical form of a file that parses, whether or not it checks; lines end in a line feed.

    Raises:
        SpecError: the file does not parse, or would be longer than a file may be.
        FormatterBug: the output is not the same spec with the same comments.
    """
    file, module = _read(source)
    text = laid_out(file)
    if len(text) > MAX_CHARACTERS:
        found = Collector()
        found.error(
            "RK0108",
            f"formatted, this file is too long: {len(text):,} characters, and {MAX_CHARACTERS:,} are allowed",
            Span(source, 0, 0),
            help="split it with `use`, or move data into the rows",
        )
        raise SpecError(found.sorted())
    if text != source.text:
        _compare(source, file, module, text)
    return text


def _read(source: Source) -> tuple[File, t.Module]:
    found = Collector()
    try:
        if len(source.text) > MAX_CHARACTERS:
            parse(source, found)
            raise SpecError(found.sorted())
        try:
            file = read(source.text)
        except UnexpectedInput:
            parse(source, found)
            raise SpecError(found.sorted()) from None
        module = lower(source, file.root, found)
    except TooMany:
        raise SpecError(found.sorted()) from None
    if any(isinstance(statement, t.Broken) for statement in module.statements):
        raise SpecError(found.sorted())
    return file, module


def _compare(source: Source, file: File, module: t.Module, text: str) -> None:
    """Holds the output against what was read: words, comments, syntax tree."""
    try:
        again, same = _read(Source(source.name, text))
    except SpecError:
        raise FormatterBug(source, "syntax") from None
    if again.words != file.words or same != module:
        raise FormatterBug(source, "meaning")
    if again.comments != file.comments:
        raise FormatterBug(source, "comments")
