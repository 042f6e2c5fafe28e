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
    least = most = 0
    for cell in [*cells, None]:
        if cell and column and max(most, cell.width) - min(least, cell.width) <= far:
            least, most = min(least, cell.width), max(most, cell.width)
            column.append(cell)
            continue
        pads.update({above.word: most - above.width for above in column})
        column, least, most = ([cell], cell.width, cell.width) if cell else ([], 0, 0)
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
    least = most = longest = 0
    for row in rows:
        joins = bool(found) and bool(row.remark) and bool(found[0].remark)
        joins = joins and "\n" not in row.text and "\n" not in found[0].text
        low, high = (min(least, row.width), max(most, row.width)) if joins else (row.width, row.width)
        remark = max(longest, len(row.remark)) if joins else len(row.remark)
        if found and not (joins and high + 2 + remark <= WIDTH and high - low <= _FAR_REMARK):
            yield found
            found, low, high, remark = [], row.width, row.width, len(row.remark)
        found.append(row)
        least, most, longest = low, high, remark
    if found:
        yield found
