"""Filters: which of the sampled completions a policy learns from. Plain numpy; nothing here needs torch.

A filter is
`(rewards (N, K), lengths (N,), groups (N,), weights (K,), state, *, options) -> (keep (N,), state)`.
`rewards` are NaN where a term has no value, and a row of NaN only is a skipped row: it is never kept. `state`
is a dict of JSON values, `{}` at first; a filter returns a new one and leaves the given one alone.
"""

from __future__ import annotations

from collections.abc import Callable

from .adaptive import adaptive_difficulty
from .dynamic_sampling import dynamic_sampling
from .gfpo import excess_length_reduction, shortest, token_efficiency
from .overlong import overlong
from .rows import Bools, State
from .sketch import Sketch

#: `(rewards (N, K), lengths (N,), groups (N,), weights (K,), state, *, options) -> (keep (N,), state)`
Filter = Callable[..., tuple[Bools, State]]

#: the entry point group under which another package offers a filter
ENTRY_POINTS = "rewardkit.filters"

FILTERS: dict[str, Filter] = {
    "dynamic_sampling": dynamic_sampling,
    "shortest": shortest,
    "token_efficiency": token_efficiency,
    "adaptive_difficulty": adaptive_difficulty,
}

__all__ = [
    "ENTRY_POINTS",
    "FILTERS",
    "Filter",
    "Sketch",
    "adaptive_difficulty",
    "dynamic_sampling",
    "excess_length_reduction",
    "overlong",
    "shortest",
    "token_efficiency",
]
