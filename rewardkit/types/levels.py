"""Levels: how coarse a value is. A coarser value spreads down to finer ones by itself."""

from __future__ import annotations

from enum import IntEnum


class Level(IntEnum):
    """Ordered from coarse to fine, so that an expression's level is the `max` of its parts'."""

    CONSTANT = 0  # one value per call: literals, params, `step`
    BATCH = 1
    GROUP = 2  # one value per prompt
    ROW = 3

    def __str__(self) -> str:
        return self.name.lower()
