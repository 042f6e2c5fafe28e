"""HICRA: planning tokens get more of the credit, and less of the blame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..numbers import is_number
from .grams import read_grams
from .planning import find, index, semantic_entropy
from .window import grown


def hicra(
    advantages: ArrayLike,
    pieces: Sequence[Sequence[str]],
    mask: ArrayLike,
    correct: ArrayLike,
    state: dict[str, Any],
    *,
    alpha: float = 0.2,
    grams: str | Path | Sequence[str] | None = None,
    window: int = 128,
    every: int = 10,
    top: float = 0.2,
) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """A' = A + alpha |A| on planning tokens, A elsewhere: with alpha = 0.2, x 1.2 and x 0.8.

    A planning token is one inside a strategic gram: a phrase such as "let me check" that many right
    solutions share. Source: HICRA, arXiv 2509.03646.

    Args:
        advantages: (N, T).
        pieces: for each row the texts of its tokens, at most T; together they are the row's text.
        mask: (N, T) bool: tokens that are trained on. The others keep their advantage.
        correct: (N,) bool: rows that strategic grams are mined from.
        state: `{}` at first, then what the last call returned. Of bounded size.
        alpha: from 0 on, at most 1: blame must not turn into credit.
        grams: the strategic grams, or a JSON file with a list of them. Without, they are mined from the
            run's own right completions.
        window: mine from so many of the latest right completions, once there are a quarter of them.
        every: mine anew at every so many calls.
        top: the share of clusters that count as strategic.

    Returns:
        (N, T) float64, and the new state. It has under `measures` the `planning_ratio` (share of trained
        tokens that are planning tokens), the `semantic_entropy` of the planning and the number of `grams`.

    Raises:
        ValueError: shapes do not fit, an option is out of range, or the file holds no grams.
        OSError: the file cannot be read.
    """
    values, trained = np.asarray(advantages, dtype=np.float64), np.asarray(mask, dtype=np.bool_)
    right = np.asarray(correct, dtype=np.bool_)
    if values.ndim != 2 or trained.shape != values.shape or right.shape != values.shape[:1]:
        raise ValueError(
            f"advantages and mask must be (rows, tokens), correct (rows,), not {values.shape}, "
            f"{trained.shape}, {right.shape}"
        )
    if len(pieces) != len(values) or any(len(row) > values.shape[1] for row in pieces):
        raise ValueError("pieces must be given for each row, and no more of them than tokens")
    if not is_number(alpha) or not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be a number in [0, 1], not {alpha!r}")
    if grams is None:
        texts = ["".join(row) for row, on in zip(pieces, right, strict=True) if on]
        new = grown(state, texts, window, every, top)
        known = new["grams"]
    else:
        new, known = {}, read_grams(grams) if isinstance(grams, str | Path) else _listed(grams)
    ready = index(known)
    planning, counts = find(pieces, ready, values.shape[1])
    planning &= trained
    new["measures"] = {
        "planning_ratio": float(planning.sum() / max(trained.sum(), 1)),
        "semantic_entropy": semantic_entropy(counts.values()),
        "grams": float(len(known)),
    }
    return np.where(planning, values + alpha * np.abs(values), values), new


def _listed(grams: object) -> list[str]:
    if not isinstance(grams, list | tuple) or not all(isinstance(each, str) for each in grams):
        raise ValueError("grams must be a list of strategic grams, each a text, or a file with one")
    return list(grams)
