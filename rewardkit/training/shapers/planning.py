"""Which tokens are planning tokens: those inside a strategic gram."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    return find(pieces, grams if isinstance(grams, Mapping) else index(grams), width)[0]


def find(pieces: Sequence[Sequence[str]], ready: Index, width: int) -> tuple[NDArray[np.bool_], Counter[str]]:
    """The mask (N, T) of `planning_mask`, and how often each strategic gram occurs, under its words."""
    mask = np.zeros((len(pieces), width), dtype=np.bool_)
    counts: Counter[str] = Counter()
    for row, texts in enumerate(pieces if ready else ()):
        spans = []
        for found, start, end in matches("".join(texts[:width]), ready):
            counts[" ".join(found)] += 1
            spans.append((start, end - 1))
        if spans:
            mask[row] = _inside(np.array(spans), np.cumsum([len(text) for text in texts[:width]]), width)
    return mask, counts


def _inside(spans: NDArray[np.int64], ends: NDArray[np.int64], width: int) -> NDArray[np.bool_]:
    """(T,) tokens from the one with a span's first character to the one with its last, of spans (S, 2)."""
    tokens = np.searchsorted(ends, spans, side="right")
    change = np.bincount(tokens[:, 0], minlength=width + 1) - np.bincount(
        tokens[:, 1] + 1, minlength=width + 1
    )
    return np.asarray(np.cumsum(change)[:width] > 0)


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
                if len(found) == length and found in known:
                    yield found, phrase[at][1], phrase[at + length - 1][2]


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
