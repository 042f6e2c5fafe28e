"""What the checker knows of normalizers: their names and options. `normalizers/` implements them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rewardkit.types.interval import NON_NEGATIVE, Interval, between


@dataclass(frozen=True)
class Option:
    """An option of `advantage NAME { ... }`: a number in `range`, or one of `choices`."""

    kind: Literal["real", "int", "text", "bool"]
    default: Any
    range: Interval | None = None
    choices: tuple[str, ...] = ()


_EPS = Option("real", 1e-4, NON_NEGATIVE)
_DDOF = Option("int", 1, between(0, 1))

#: `whiten` rescales the finished advantages over the batch: per sequence, or not at all
WHITEN = ("none", "sequence")

NORMALIZERS: Mapping[str, Mapping[str, Option]] = {
    "grpo": {"eps": _EPS, "ddof": _DDOF, "whiten": Option("text", "none", choices=WHITEN)},
    "dr_grpo": {"eps": _EPS, "ddof": _DDOF, "whiten": Option("text", "none", choices=WHITEN)},
    "gdpo": {"eps": _EPS, "ddof": _DDOF, "whiten": Option("text", "sequence", choices=WHITEN)},
}

#: normalizers of the design that are not built yet
LATER = ("rloo", "reinforce_pp", "batch")
