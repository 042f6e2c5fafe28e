"""Sums and minima per group, in any row order: the one thing the array API does not offer.

Rows are sorted by group once, then reduced as runs. That is deterministic on every device (atomic
scatter-adds are not), and a group's sums do not depend on which other groups are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from array_api_compat import device, is_torch_array

Array = Any  # numpy.ndarray or torch.Tensor: the array API has no static type yet


@dataclass(frozen=True)
class Segments:
    """N rows sorted into runs, one for each of G groups."""

    xp: Any
    order: Array  #: (N,) sorted position -> row
    starts: Array  #: (G,) first sorted position of each group
    group: Array  #: (N,) sorted position -> group number in 0..G-1

    def sort(self, x: Array) -> Array:
        """(N, ...) in row order -> (N, ...) in sorted order."""
        return self.xp.take(x, self.order, axis=0)

    def unsort(self, x: Array) -> Array:
        """(N, ...) in sorted order -> (N, ...) in row order."""
        rows = self.xp.empty_like(x)
        rows[self.order] = x
        return rows

    def expand(self, stat: Array) -> Array:
        """(G, ...) -> (N, ...), sorted: each row gets the value of its group."""
        return self.xp.take(stat, self.group, axis=0)

    def total(self, x: Array) -> Array:
        """(N, ...) sorted -> (G, ...) sums."""
        return self._reduce(x, "sum")

    def least(self, x: Array) -> Array:
        """(N, ...) sorted -> (G, ...) minima."""
        return self._reduce(x, "min")

    def _reduce(self, x: Array, kind: str) -> Array:
        if x.shape[0] == 0:
            return x  # no rows, no groups
        if is_torch_array(x):
            import torch

            end = torch.full_like(self.starts[:1], x.shape[0])
            # safe: the offsets come from `segments`, and checking them would make a GPU wait
            return torch.segment_reduce(x, kind, offsets=torch.cat([self.starts, end]), axis=0, unsafe=True)
        import numpy as np

        return {"sum": np.add, "min": np.minimum}[kind].reduceat(x, self.starts, axis=0)


def segments(xp: Any, groups: Array) -> Segments:
    """Of integer group ids (N,) in any order."""
    order = xp.argsort(groups, stable=True)
    ids = xp.take(groups, order, axis=0)
    first = xp.ones(min(1, ids.shape[0]), dtype=xp.bool, device=device(ids))
    new = xp.concat([first, ids[1:] != ids[:-1]])
    number = xp.cumulative_sum(xp.astype(new, xp.int64)) - 1
    return Segments(xp, order, xp.nonzero(new)[0], number)
