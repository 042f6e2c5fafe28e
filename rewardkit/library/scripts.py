"""Letters by Unicode script."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from rewardkit.library.buffers import SLICE, Block, slices
from rewardkit.library.patterns import check_pattern

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Unicode has letters in its planes 0 to 3 only
_PLANES = 4

#: what a letter of the script adds to a sum in which every letter adds 1
_INSIDE = 1 << 32


def check_script(script: str) -> str | None:
    """What is wrong with a script's name."""
    if not re.fullmatch(r"[A-Za-z_ ]{1,40}", script) or check_pattern(_letters_of(script)):
        return f"`{script}` is not a Unicode script, write for example `Latin`, `Han` or `Cyrillic`"
    return None


def share_of_letters(block: Block, script: str) -> NDArray[np.float64]:
    """The share of each row's letters that belong to `script`, 0 where there are none."""
    import numpy as np

    if len(block.data) > SLICE:  # a single row
        parts = (Block(part, np.array([len(part)])) for part in slices(block.data))
        sums = np.array([sum(int(_sums(part, script)[0]) for part in parts)])
    else:
        sums = _sums(block, script)
    letters = sums % _INSIDE
    share: NDArray[np.float64] = sums // _INSIDE / np.maximum(letters, 1)
    return share


def _sums(block: Block, script: str) -> NDArray[np.int64]:
    """The weights of each row's characters, added up."""
    import numpy as np

    points: NDArray[np.uint8 | np.uint32] = np.frombuffer(block.data + b"\n", np.uint8)
    stops = block.ends + 1  # behind each row's newline
    if not block.data.isascii():
        stops = np.cumsum(points & 0xC0 != 0x80)[block.ends]  # in characters: no continuation bytes
        points = np.frombuffer((block.data + b"\n").decode().encode("utf-32-le"), "<u4")
    starts = np.concatenate(([0], stops[:-1]))
    sums: NDArray[np.int64] = np.add.reduceat(_weights(script)[points], starts)
    return sums


@lru_cache(maxsize=8)
def _weights(script: str) -> NDArray[np.int64]:
    """By code point: 0 for no letter, 1 for a letter, `_INSIDE` more for one of the script."""
    import numpy as np
    import polars as pl

    # the pattern engine knows Unicode's scripts, so that no table of them is needed here
    points = np.r_[0:0xD800, 0xE000 : _PLANES << 16]
    characters = pl.Series([*map(chr, points)], dtype=pl.String)
    letters = characters.str.contains(r"\p{L}").to_numpy()
    inside = characters.str.contains(_letters_of(script)).to_numpy()
    weights = np.zeros(0x110000, np.int64)
    weights[points] = letters + _INSIDE * inside
    return weights


def _letters_of(script: str) -> str:
    return rf"[\p{{L}}&&\p{{Script={script}}}]"
