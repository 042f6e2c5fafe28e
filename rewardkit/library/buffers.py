"""Text columns as arrays of bytes, for what no column engine counts fast.

Rows are joined by newlines into blocks: large enough that array operations pay, small enough that a
block's arrays stay in the cache, and that the allocator keeps their memory instead of returning it to
the system each time (which would double the cost).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Integers = NDArray[np.int64]

#: UTF-8 bytes of one block, roughly; a longer row is a block of its own
BLOCK = 1 << 17

#: UTF-8 bytes of a slice of a long row: what its arrays take is then no matter of the row's length
SLICE = 1 << 20

#: Unicode's White_Space beyond ASCII, by its UTF-8 bytes as one number
_TWO_BYTES = (0xC285, 0xC2A0)
_THREE_BYTES = (
    0xE19A80, *range(0xE28080, 0xE2808B), 0xE280A8, 0xE280A9, 0xE280AF, 0xE2819F, 0xE38080,
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """The UTF-8 of some consecutive rows, joined by newlines, and where each row ends in it."""

    data: bytes
    ends: Integers


def blocks(texts: pl.Series) -> Iterator[Block]:
    """All rows in order, a null as the empty text."""
    import numpy as np
    import polars as pl

    rows = texts.fill_null("").cast(pl.Binary)
    ends = np.cumsum(rows.bin.size().to_numpy().astype(np.int64) + 1) - 1
    start, begun = 0, 0
    while start < len(ends):
        stop = max(start + 1, int(np.searchsorted(ends, begun + BLOCK)))
        yield Block(b"\n".join(rows[start:stop].to_list()), ends[start:stop] - begun)
        start, begun = stop, int(ends[stop - 1]) + 1


def slices(data: bytes) -> Iterator[bytes]:
    """A UTF-8 text in parts, cut between characters."""
    start = 0
    while start < len(data):
        stop = start + SLICE
        while stop < len(data) and data[stop] & 0xC0 == 0x80:  # within a character
            stop -= 1
        yield data[start:stop]
        start = stop


def per_row(text: pl.Expr, measure: Callable[[Block], NDArray[Any]], dtype: type[pl.DataType]) -> pl.Expr:
    """A column of the numbers that `measure` gives for a block's rows; null where the text is."""
    import polars as pl

    def apply(texts: pl.Series) -> pl.Series:
        parts = [pl.Series(measure(block), dtype=dtype) for block in blocks(texts)]
        numbers = pl.concat([pl.Series([], dtype=dtype), *parts])
        return numbers.set(texts.is_null(), None) if texts.null_count() else numbers

    return text.map_batches(apply, return_dtype=dtype, is_elementwise=True)


def spaces(data: bytes) -> Flags:
    """Which bytes of a UTF-8 text belong to a character of Unicode's White_Space."""
    import numpy as np

    buffer = np.frombuffer(data, np.uint8)
    found: Flags = (buffer - np.uint8(9) < 5) | (buffer == 32)  # bytes below 9 wrap to the top
    if data.isascii():
        return found
    leads = np.flatnonzero(buffer >= 0xC2)
    first = buffer[leads]
    for characters, at in (
        (_TWO_BYTES, leads[first == 0xC2]),
        (_THREE_BYTES, leads[(first >= 0xE1) & (first <= 0xE3)]),
    ):
        width = 2 if characters is _TWO_BYTES else 3
        code = np.zeros(len(at), np.int64)
        for offset in range(width):
            code = code << 8 | buffer[at + offset]
        at = at[np.isin(code, characters)]
        for offset in range(width):
            found[at + offset] = True
    return found


def word_bounds(data: bytes) -> tuple[Integers, Integers]:
    """Where each word of a UTF-8 text starts and ends: the runs between white space."""
    import numpy as np

    inside = np.zeros(len(data) + 2, np.bool_)
    np.logical_not(spaces(data), out=inside[1:-1])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return edges[0::2], edges[1::2]
