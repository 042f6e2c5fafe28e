"""Normalizers by name: the built-in ones, and those of other packages by entry point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rewardkit.normalizers.gdpo import gdpo
from rewardkit.normalizers.grpo import batch, dr_grpo, grpo
from rewardkit.normalizers.reinforce_pp import reinforce_pp
from rewardkit.normalizers.rloo import rloo
from rewardkit.plugins import find

#: `(rewards (N, K), groups (N,), weights (K,), *, options) -> advantages (N,)`
Normalizer = Callable[..., Any]

#: the entry point group under which another package offers a normalizer
ENTRY_POINTS = "rewardkit.normalizers"

NORMALIZERS: dict[str, Normalizer] = {
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "gdpo": gdpo,
    "rloo": rloo,
    "reinforce_pp": reinforce_pp,
    "batch": batch,
}


def get(name: str) -> Normalizer:
    """The normalizer of that name; a built-in one wins over an entry point.

    Raises ValueError, listing the known names, where there is none.
    """
    return find("normalizer", ENTRY_POINTS, name, NORMALIZERS)
