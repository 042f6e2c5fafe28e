"""Token shapers: how one advantage per completion spreads over its tokens. Plain numpy, no torch.

A shaper is `(advantages (N, T), pieces, mask (N, T), correct (N,), state, *, options) -> ((N, T), state)`.
`pieces` holds the text of each token of each row; `state` is a dict of JSON values, `{}` at first, and a
shaper returns a new one and leaves the given one alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .grams import Cluster, clusters, mine, read_grams
from .hicra import hicra
from .pieces import token_texts
from .planning import count_grams, planning_mask, semantic_entropy

#: `(advantages (N, T), pieces, mask (N, T), correct (N,), state, *, options) -> ((N, T), state)`
Shaper = Callable[..., tuple[Any, dict[str, Any]]]

#: the entry point group under which another package offers a shaper
ENTRY_POINTS = "rewardkit.shapers"

SHAPERS: dict[str, Shaper] = {"hicra": hicra}

__all__ = [
    "ENTRY_POINTS",
    "SHAPERS",
    "Cluster",
    "Shaper",
    "clusters",
    "count_grams",
    "hicra",
    "mine",
    "planning_mask",
    "read_grams",
    "semantic_entropy",
    "token_texts",
]
