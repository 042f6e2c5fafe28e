"""Columns: which spaces make parts of neighbouring lines stand below each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rewardkit.language.document import WIDTH

#: the most columns that a comment at the end of a line is moved to the right
_FAR_REMARK = 44


@dataclass(frozen=True)
class Cell:
    """What is `width` columns wide and stands before a word (by its number)."""

    width: int
    word: int


def columns(cells: Sequence[Cell | None], far: int) -> dict[int, int]:
    """The spaces to add before each word, at most `far`, so that they stand in one column.

    A line without a cell, and one that is too far from those above it, ends a column.
    """
    pads: dict[int, int] = {}
    column: list[Cell] = []
    for cell in [*cells, None]:
        widths = [c.width for c in (*column, cell) if c is not None]
        if cell is None or max(widths) - min(widths) > far:
            pads.update({c.word: max(c.width for c in column) - c.width for c in column})
            column = []
        if cell is not None:
            column.append(cell)
    return pads


@dataclass(frozen=True)
class Row:
    """A statement or a comment in a block."""

    text: str
    spaced: bool  # an empty line stands before it
    remark: str = ""  # a comment at the end of its last line

    @property
    def width(self) -> int:
        return len(self.text) - self.text.rfind("\n") - 1


def with_remarks(rows: Sequence[Row]) -> list[str]:
    """The text of rows, with the comments at their ends in one column where neighbours have some."""
    out: list[str] = []
    for neighbours in _neighbours(rows):
        column = max(row.width for row in neighbours) + 2
        for row in neighbours:
            remark = " " * (column - row.width) + row.remark if row.remark else ""
            out += ["", row.text + remark] if row.spaced else [row.text + remark]
    return out


def _neighbours(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows of one line whose comments can stand in one column; every other row alone."""
    found: list[Row] = []
    for row in rows:
        both = [*found, row]
        widths = [r.width for r in both]
        fits = max(widths) + 2 + max(len(r.remark) for r in both) <= WIDTH
        near = max(widths) - min(widths) <= _FAR_REMARK
        if found and not (fits and near and all(r.remark and "\n" not in r.text for r in both)):
            yield found
            found = []
        found.append(row)
    if found:
        yield found
