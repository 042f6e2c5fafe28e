"""How large a claim may be, and how much memory z3 may take for it."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import z3

#: megabytes of z3 at which a question ends undecided
MEMORY = 1_024
#: megabytes beyond which z3 takes no more; only what is no question (building terms) comes that far
MOST_MEMORY = 3 * MEMORY

z3.set_param("memory_max_size", MOST_MEMORY)


class TooLarge(Exception):
    """A claim over more parts than are looked at; its text says of what there are too many."""


@dataclass
class Limits:
    """How large a claim may be: what is beyond is not decided."""

    parts: int = 20_000  # values, each on each row
    pairs: int = 4_000  # of calls that may be the same call
    digits: int = 4_000  # bits of a constant
    degree: int = 8  # of a product


def new_context() -> z3.Context:
    """A place for terms. Without memory left z3 would end the process here, so that is looked at first.

    Raises:
        TooLarge: earlier questions hold too much memory.
    """
    if _taken() > MEMORY:
        gc.collect()  # what is kept by errors on their way up
        if _taken() > 2 * MEMORY:
            raise TooLarge("it takes too much memory")
    return z3.Context()


def _taken() -> float:
    """Megabytes that z3 holds in this process."""
    return float(z3.Z3_get_estimated_alloc_size()) / 2**20
