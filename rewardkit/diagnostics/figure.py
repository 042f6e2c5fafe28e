"""Values under the parts of an expression, each joined to its part by a line, as in Pkl and Groovy."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

#: a figure that would be wider or higher is listed instead
_WIDEST, _HIGHEST = 200, 16


def draw(values: Sequence[tuple[int, str]]) -> list[str]:
    """Lines to stand below a source line; none where the figure would be too large.

    Args:
        values: the column of a part, from 0, and its value as text on one line; inner parts first.
    """
    at = dict(values)  # of two parts at one place the later one
    rows: list[dict[int, str]] = []  # of each line, what stands in which column
    for column in sorted(at, reverse=True):
        end = column + columns(at[column])
        # the first line on which everything so far stands to the right of it
        row = next((i for i, cells in enumerate(rows) if min(cells) > end), len(rows))
        if row == len(rows):
            rows.append({})
        for above in rows[:row]:
            above[column] = "│"
        rows[row][column] = at[column]
    if not rows or len(rows) > _HIGHEST:
        return []
    lines = [_line(dict.fromkeys(at, "│")), *map(_line, rows)]
    return lines if max(map(columns, lines)) <= _WIDEST else []


def _line(cells: dict[int, str]) -> str:
    line, width = "", 0
    for column in sorted(cells):
        line += " " * (column - width) + cells[column]
        width = column + columns(cells[column])
    return line


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
