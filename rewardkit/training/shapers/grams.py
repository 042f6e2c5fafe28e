"""Strategic grams: phrases that many right solutions share, mined from them."""

from __future__ import annotations

import json
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..numbers import is_number
from ..texts import read_text
from .words import phrases

#: texts (M,) -> vectors (M, D), close where they mean the same
Embed = Callable[[Sequence[str]], NDArray[np.float64]]

#: words of one text that are looked at
MOST_WORDS = 20_000
#: distinct n-grams that are counted at a time
MOST_COUNTED = 300_000

_DIMENSIONS = 1024
# single letters are variables, but for words and for what an apostrophe parts
_SHORT_WORDS = frozenset("aisdtm")


@dataclass(frozen=True)
class Cluster:
    """N-grams that mean the same."""

    grams: tuple[str, ...]  #: in how many texts each occurs decides their order, most first
    documents: int  #: texts in which any of them occurs: the cluster document frequency


def mine(
    texts: Sequence[str],
    *,
    shortest: int = 3,
    longest: int = 5,
    top: float = 0.2,
    similarity: float = 0.6,
    candidates: int = 2000,
    embed: Embed | None = None,
) -> list[str]:
    """The strategic grams of right solutions: the n-grams of the most widespread clusters.

    Source: HICRA, arXiv 2509.03646: n-grams of 3 to 5 words are embedded and clustered, and the clusters in
    the top 20% of cluster document frequency are kept.

    Args:
        texts: right completions, each a document. Untrusted: time is linear in their length, memory bounded.
        shortest: words of the shortest n-grams.
        longest: words of the longest.
        top: share of the clusters that are kept.
        similarity: cosine from which an n-gram joins a cluster.
        candidates: n-grams that are clustered: those in most texts, and in two at least.
        embed: vectors of n-grams; `lexical` unless given, which needs no model.

    Returns:
        texts, those of the most widespread cluster first. The same texts in another order give the same.

    Raises:
        ValueError: an option is out of range, or `embed` gives something else than a vector per n-gram.
    """
    check_top(top)
    found = clusters(
        texts,
        shortest=shortest,
        longest=longest,
        similarity=similarity,
        candidates=candidates,
        embed=embed,
    )
    return [text for cluster in found[: math.ceil(top * len(found))] for text in cluster.grams]


def check_top(top: float) -> None:
    """Raises ValueError for a share outside (0, 1]."""
    if not is_number(top) or not 0 < top <= 1:
        raise ValueError(f"top must be a number in (0, 1], not {top!r}")


def clusters(
    texts: Sequence[str],
    *,
    shortest: int = 3,
    longest: int = 5,
    similarity: float = 0.6,
    candidates: int = 2000,
    embed: Embed | None = None,
) -> list[Cluster]:
    """All clusters that `mine` chooses from, the most widespread first. Arguments and errors as there."""
    if not 1 <= shortest <= longest <= 16:
        raise ValueError(f"n-grams must have from 1 to 16 words, not from {shortest!r} to {longest!r}")
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity must be a number in (0, 1], not {similarity!r}")
    if not 1 <= candidates <= 10_000:
        raise ValueError(f"candidates must be an integer from 1 to 10000, not {candidates!r}")
    frequent = _frequent(texts, shortest, longest, candidates)
    if not frequent:
        return []
    where = _documents(texts, shortest, longest, frequent)
    frequent = [g for g in sorted(frequent, key=lambda g: (-int(where[g].sum()), g)) if where[g].sum() > 1]
    if not frequent:
        return []
    groups = _leaders(_unit((embed or lexical)(frequent), len(frequent)), similarity)
    found = [
        Cluster(
            tuple(frequent[i] for i in members),
            int(np.logical_or.reduce([where[frequent[i]] for i in members]).sum()),
        )
        for members in groups
    ]
    return sorted(found, key=lambda cluster: (-cluster.documents, cluster.grams))


def lexical(texts: Sequence[str]) -> NDArray[np.float64]:
    """(M, D) vectors of the words and the letter triples of each text: close where they share many."""
    vectors = np.zeros((len(texts), _DIMENSIONS))
    for row, text in enumerate(texts):
        padded = f" {text} "
        parts = [*text.split(), *(padded[i : i + 3] for i in range(len(padded) - 2))]
        for part in parts:
            vectors[row, zlib.crc32(part.encode("utf-8", "surrogatepass")) % _DIMENSIONS] += 1.0
    return vectors


def read_grams(path: str | Path) -> list[str]:
    """The strategic grams of a JSON file, which is a list of texts. Raises OSError, ValueError."""
    try:
        grams = json.loads(read_text(path))
    except (ValueError, RecursionError):
        grams = None
    if not isinstance(grams, list) or not all(isinstance(each, str) for each in grams):
        raise ValueError(f"`{path}` must be a JSON list of strategic grams, each a text")
    return grams


def _n_grams(text: str, shortest: int, longest: int) -> set[str]:
    """The distinct n-grams of words within phrases; none has a number or a variable in it."""
    found: set[str] = set()
    left = MOST_WORDS
    for phrase in phrases(text):
        for words in _plain([word for word, _, _ in phrase[:left]]):
            for n in range(shortest, longest + 1):
                found.update(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
        left -= len(phrase)
        if left <= 0:
            break
    return found


def _plain(words: list[str]) -> Iterator[list[str]]:
    """The stretches between numbers and variables."""
    stretch: list[str] = []
    for word in words:
        if word.isdigit() or (len(word) == 1 and word.isascii() and word not in _SHORT_WORDS):
            yield stretch
            stretch = []
        else:
            stretch.append(word)
    yield stretch


def _frequent(texts: Sequence[str], shortest: int, longest: int, candidates: int) -> list[str]:
    """The n-grams in most texts, at most `candidates`.

    The table of counts is a Misra-Gries summary: when it is full, all counts fall by as much as empties
    half of it. What is in more than a small share of the texts is never lost.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_n_grams(text, shortest, longest))
        if len(counts) > MOST_COUNTED:
            fall = sorted(counts.values(), reverse=True)[MOST_COUNTED // 2]
            counts = Counter({gram: count - fall for gram, count in counts.items() if count > fall})
    return sorted(counts, key=lambda gram: (-counts[gram], gram))[:candidates]


def _documents(
    texts: Sequence[str], shortest: int, longest: int, grams: Sequence[str]
) -> dict[str, NDArray[np.bool_]]:
    """(texts,) for each n-gram: whether it occurs there."""
    where = {gram: np.zeros(len(texts), dtype=np.bool_) for gram in grams}
    for number, text in enumerate(texts):
        for gram in _n_grams(text, shortest, longest) & where.keys():
            where[gram][number] = True
    return where


def _unit(vectors: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Rows of length 1."""
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
        raise ValueError(f"embed must give one vector of finite numbers for each of {count} n-grams")
    lengths = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    unit: NDArray[np.float64] = vectors / np.maximum(lengths, 1e-12)
    return unit


def _leaders(vectors: NDArray[np.float64], similarity: float) -> list[list[int]]:
    """Each row joins the most similar leader, or leads a cluster of its own where none is similar."""
    leaders: list[int] = []
    members: list[list[int]] = []
    close = vectors @ vectors.T
    for row in range(len(vectors)):
        if leaders:
            best = int(np.argmax(close[row, leaders]))
            if close[row, leaders[best]] >= similarity:
                members[best].append(row)
                continue
        leaders.append(row)
        members.append([row])
    return members
