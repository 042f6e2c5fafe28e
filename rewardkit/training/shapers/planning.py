"""Which tokens are planning tokens: those inside a strategic gram."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from .words import gram, phrases

#: first word -> the grams that begin with it, and their lengths
Index = Mapping[str, tuple[frozenset[tuple[str, ...]], tuple[int, ...]]]


def index(grams: Iterable[str]) -> Index:
    """Strategic grams, made ready to be looked for. Raises ValueError for one without a word."""
    starts: dict[str, set[tuple[str, ...]]] = {}
    for text in grams:
        words = gram(text)
        if not words:
            raise ValueError(f"a strategic gram needs words: {text!r}")
        starts.setdefault(words[0], set()).add(words)
    return {first: (frozenset(found), tuple(sorted(set(map(len, found))))) for first, found in starts.items()}


def planning_mask(
    pieces: Sequence[Sequence[str]], grams: Index | Iterable[str], width: int
) -> NDArray[np.bool_]:
    """(N, T) bool: the token overlaps a strategic gram. Matches may overlap; their union counts.

    A gram is matched on words, whatever the tokens cut them into, and whatever their case. Commas, quotes
    and blanks between the words of a match belong to it.

    Args:
        pieces: for each of N rows the texts of its tokens, which together are the row's text.
        grams: strategic grams, as texts or made ready by `index`.
        width: T; pieces beyond it are not looked at, and tokens beyond a row's pieces are false.
    """
    ready = grams if isinstance(grams, Mapping) else index(grams)
    mask = np.zeros((len(pieces), width), dtype=np.bool_)
    if not ready:
        return mask
    for row, texts in enumerate(pieces):
        ends = np.fromiter(accumulate(map(len, texts[:width])), dtype=np.int64)
        for _, start, end in matches("".join(texts[:width]), ready):
            # from the token that holds the first character to the one that holds the last
            first, last = np.searchsorted(ends, [start, end - 1], side="right")
            mask[row, first : last + 1] = True
    return mask


def matches(text: str, ready: Index) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Each strategic gram in a text, and its start and end in characters; they may overlap."""
    for phrase in phrases(text):
        words = tuple(word for word, _, _ in phrase)
        for at, word in enumerate(words):
            if word not in ready:
                continue
            known, lengths = ready[word]
            for length in lengths:
                found = words[at : at + length]
                if found in known:
                    yield found, phrase[at][1], phrase[at + len(found) - 1][2]


def count_grams(texts: Iterable[str], grams: Index | Iterable[str]) -> Counter[str]:
    """How often each strategic gram occurs in the texts, under its words."""
    ready = grams if isinstance(grams, Mapping) else index(grams)
    return Counter(" ".join(found) for text in texts for found, _, _ in matches(text, ready))


def semantic_entropy(counts: Iterable[float]) -> float:
    """Shannon entropy, in nats, of how often each strategic gram occurs: how varied the planning is.

    Source: HICRA, arXiv 2509.03646. 0 where none occurs.
    """
    positive = [count for count in counts if count > 0]
    total = math.fsum(positive)
    return math.fsum(-count / total * math.log(count / total) for count in positive)
