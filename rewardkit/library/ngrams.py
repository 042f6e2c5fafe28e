"""Exact counts of distinct word n-grams, for many texts at once.

Every word of a block gets a number that it shares with its equals only; n-grams of such numbers are
packed into one integer each, and those are sorted to count the distinct ones. Hashes only ever say
where to look: an entry is compared in full before it counts as equal. Their multipliers are random, so
that no text can be made to collide on purpose; the result does not depend on them.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from rewardkit.library.buffers import Block, word_bounds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Integers = NDArray[np.int64]

#: bytes up to which words are numbered in array passes of 8; longer ones are few
_LONG = 64


def repeated_share(block: Block, n: int) -> NDArray[np.float64]:
    """`1 - distinct / all` n-grams of each row's words, 0 where a row has fewer than `n` words."""
    import numpy as np

    starts, stops = word_bounds(block.data)
    count = np.diff(np.searchsorted(starts, block.ends), prepend=0)
    total = np.maximum(count - (n - 1), 0)
    row = np.repeat(np.arange(len(count)), count)
    packed, bits = _pack(_numbered(block.data, starts, stops), n, 64 - len(count).bit_length())
    row, last = row[: len(packed)], row[n - 1 :]
    keys = (row.astype(np.uint64) << bits | packed)[row == last]  # n-grams within one row
    keys.sort()
    repeats = keys[1:][keys[1:] == keys[:-1]] >> bits  # the row of every n-gram but its first
    distinct = total - np.bincount(repeats.astype(np.int64), minlength=len(count))
    return np.where(total > 0, 1 - distinct / np.maximum(total, 1), 0.0)


def _intern(*columns: Words) -> Integers:
    """For each entry the index of one equal entry, the same for all its equals.

    Entries meet in a table twice their number wide. The last to arrive in a slot owns it, its equals
    are done, and the others go on with other multipliers; at least the owners are done every time.
    """
    import numpy as np

    count = len(columns[0])
    bits = count.bit_length() + 1
    table = np.empty(1 << bits, np.int32 if bits < 32 else np.int64)
    found = np.empty(count, table.dtype)
    left = np.arange(count, dtype=table.dtype)
    rest = columns
    while len(left):
        slots = _slots(rest, bits)
        table[slots] = left
        owners = table[slots]
        found[left] = owners
        differs = np.flatnonzero(
            np.logical_or.reduce([column[owners] != own for column, own in zip(columns, rest, strict=True)])
        )
        left = left[differs]
        rest = tuple(column[differs] for column in rest)
    return found.astype(np.int64)


def _slots(columns: tuple[Words, ...], bits: int) -> Integers:
    """The top bits of a sum of products with odd random numbers."""
    import numpy as np

    mixed = columns[0] * np.uint64(secrets.randbits(64) | 1)
    for column in columns[1:]:
        mixed += column * np.uint64(secrets.randbits(64) | 1)
    return (mixed >> np.uint64(64 - bits)).astype(np.int64)


def _numbered(data: bytes, starts: Integers, stops: Integers) -> Words:
    """A number below `len(starts)` for each word: the index of one of its equals."""
    import numpy as np

    # every run of 8 bytes, without a copy; the padding lets the last words read past the end
    eights = np.ndarray((len(data) + 1,), "<u8", data + bytes(8), strides=(1,))
    lengths = stops - starts
    seven = np.minimum(lengths, 7).astype(np.uint64)
    # the first 7 bytes, and in the eighth how many there are (8: more than 7)
    keys = eights[starts] << (np.uint64(8) - seven << np.uint64(3))
    numbers = _intern(keys | np.minimum(lengths, 8).astype(np.uint64))
    words, done = np.flatnonzero(lengths > 7), 7
    while len(words) and done < _LONG:
        # the next 8 bytes, after what the words up to here were found equal in
        more = np.minimum(lengths[words] - done, 9).astype(np.uint64)
        keys = eights[starts[words] + done] << (np.uint64(8) - np.minimum(more, np.uint64(8)) << np.uint64(3))
        numbers[words] = words[_intern(keys, numbers[words].astype(np.uint64) << np.uint64(4) | more)]
        words, done = words[more > 8], done + 8
    known: dict[bytes, int] = {}
    for word in words.tolist():
        numbers[word] = known.setdefault(data[starts[word] : stops[word]], word)
    return numbers.astype(np.uint64)


def _pack(numbers: Words, n: int, room: int) -> tuple[Words, np.uint64]:
    """For the n-gram from each word on, an integer that equal ones alone share, and its bits.

    Where `room` runs out, what is packed so far is numbered anew, in as many bits as one word.
    """
    import numpy as np

    width = len(numbers).bit_length()
    packed, bits = numbers, width
    for offset in range(1, n):
        if bits + width > room:
            packed, bits = _intern(packed).astype(np.uint64), width
        end = max(len(packed) - 1, 0)
        packed = packed[:end] << np.uint64(width) | numbers[offset : offset + end]
        bits += width
    if bits > room:
        packed, bits = _intern(packed).astype(np.uint64), width
    return packed, np.uint64(bits)
