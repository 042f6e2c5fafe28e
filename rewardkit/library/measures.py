"""The measures of a completion: `.words`, `.lines` and `.chars`, as column expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardkit.library.buffers import SLICE, Block, per_row, slices, word_bounds

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


def chars(text: pl.Expr) -> pl.Expr:
    """Unicode code points."""
    import polars as pl

    return text.str.len_chars().cast(pl.Int64)


def lines(text: pl.Expr) -> pl.Expr:
    """Lines, parted by newlines; a newline at the end starts no further line, and `""` has none."""
    import polars as pl

    unfinished = (text != "") & ~text.str.ends_with("\n")
    return text.str.count_matches("\n").cast(pl.Int64) + unfinished.cast(pl.Int64)


def words(text: pl.Expr) -> pl.Expr:
    """Words: the runs between Unicode's White_Space.

    As many as `str.split()` gives in Python, which also splits at the four information separators
    U+001C to U+001F; Unicode does not count them as white space.
    """
    import polars as pl

    return per_row(text, _words, pl.Int64)


def _words(block: Block) -> NDArray[np.int64]:
    import numpy as np

    if len(block.data) > SLICE:  # a single row
        return np.array([_words_of_long(block.data)], np.int64)
    starts, _ = word_bounds(block.data)
    return np.diff(np.searchsorted(starts, block.ends), prepend=0)


def _words_of_long(data: bytes) -> int:
    count, inside = 0, False  # inside: the last part ended within a word
    for part in slices(data):
        starts, stops = word_bounds(part)
        count += len(starts)
        if len(starts):
            count -= inside and starts[0] == 0
        inside = len(stops) > 0 and stops[-1] == len(part)
    return count
