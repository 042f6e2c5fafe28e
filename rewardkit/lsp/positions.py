"""Offsets and positions: spans count code points, the protocol counts units of the negotiated encoding."""

from __future__ import annotations

import re
from bisect import bisect_right

from lsprotocol import types

from rewardkit.diagnostics import Span

_END = re.compile(r"\r\n|\r|\n")


def units(text: str, encoding: str) -> int:
    """How long a text is in `utf-8`, `utf-16` or `utf-32` units."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Lines:
    """The lines of a text, which end as the protocol says: at `\\n`, `\\r\\n` or `\\r`, nowhere else."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self.text, self.encoding = text, encoding
        self._starts = [0, *(match.end() for match in _END.finditer(text))]
        self._ends = [*(match.start() for match in _END.finditer(text)), len(text)]

    def __len__(self) -> int:
        return len(self._starts)

    def offset(self, position: types.Position) -> int:
        """The offset of a position; beyond a line its end, inside a character its start."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._starts[position.line], self._ends[position.line]
        line = self.text[start:end]
        wanted = position.character
        if self.encoding == "utf-32" or line.isascii():
            return min(start + wanted, end)
        taken = 0
        for i, char in enumerate(line):
            taken += units(char, self.encoding)
            if taken > wanted:
                return start + i
        return end

    def position(self, offset: int) -> types.Position:
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        return types.Position(line, units(self.text[start : min(offset, self._ends[line])], self.encoding))

    def range(self, start: int, end: int) -> types.Range:
        return types.Range(self.position(start), self.position(end))

    def span(self, span: Span) -> types.Range:
        return self.range(span.start, span.end)

    def line_end(self, offset: int) -> int:
        """Where the line of an offset ends, before its line break."""
        return self._ends[bisect_right(self._starts, max(0, offset)) - 1]

    def whole(self) -> types.Range:
        return self.range(0, len(self.text))
