"""Sums and minima per group, in any row order: the one thing the array API does not offer.

Two layouts offer the same: `Even`, for groups of one size whose rows stand together, which is how rollouts
come, and `Runs`, for any others. Both add a group's rows up one after the other, in row order, so that a
group's sums have the same bits in either, on every device, whatever other groups are there (atomic
scatter-adds and pairwise sums do not).

Below, a stat is an array of one value, or K, for each of G groups, as `total` gives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from array_api_compat import device, is_torch_array

Array = Any  # numpy.ndarray or torch.Tensor: the array API has no static type yet

#: rows of a group that are worth adding up one by one; larger groups are runs
_LARGEST_EVEN = 256


@dataclass(frozen=True)
class Runs:
    """N rows sorted into runs, one for each of G groups. Sorted arrays are (N,) or (N, K), stats (G, ...)."""

    xp: Any
    order: Array  #: (N,) sorted position -> row
    starts: Array  #: (G,) first sorted position of each group
    group: Array  #: (N,) sorted position -> group number in 0..G-1

    def sort(self, x: Array) -> Array:
        """(N, ...) in row order -> sorted, a new array."""
        return self.xp.take(x, self.order, axis=0)

    def unsort(self, x: Array) -> Array:
        """(N,) sorted -> (N,) in row order."""
        rows = self.xp.empty_like(x)
        rows[self.order] = x
        return rows

    def expand(self, stat: Array) -> Array:
        """A stat -> each row's value of its group, sorted."""
        return self.xp.take(stat, self.group, axis=0)

    def term(self, stat: Array, k: int) -> Array:
        """One term of a (G, K) stat -> each row's value of its group, sorted."""
        return self.xp.take(stat[:, k], self.group, axis=0)

    def table(self, stat: Array) -> Array:
        """A stat as (G, ...)."""
        return stat

    def squares(self, x: Array) -> Array:
        """Sorted -> the sum of the squares of each group."""
        return self.total(x * x)

    def sizes(self, like: Array) -> Array:
        """How many rows each group has, as a float64 stat of the shape of `like`."""
        end = self.xp.full_like(self.starts[:1], self.group.shape[0])
        sizes = self.xp.astype(self.xp.concat([self.starts[1:], end]) - self.starts, self.xp.float64)
        return sizes if like.ndim == 1 else self.xp.zeros_like(like) + sizes[:, None]

    def total(self, x: Array) -> Array:
        """Sorted -> the sum of each group."""
        if x.shape[0] == 0:
            return x  # no rows, no groups
        if is_torch_array(x):
            return self._reduce(x, "sum")
        import numpy as np

        if x.ndim == 1:
            return np.bincount(self.group, x, len(self.starts))
        columns = [np.bincount(self.group, x[:, k], len(self.starts)) for k in range(x.shape[1])]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self.starts), 0))

    def least(self, x: Array) -> Array:
        """Sorted -> the minimum of each group."""
        if x.shape[0] == 0:
            return x
        if is_torch_array(x):
            return self._reduce(x, "min")
        import numpy as np

        return np.minimum.reduceat(x, self.starts, axis=0)

    def _reduce(self, x: Array, kind: str) -> Array:
        import torch

        end = torch.full_like(self.starts[:1], x.shape[0])
        # safe: the offsets come from `segments`, and checking them would make a GPU wait
        return torch.segment_reduce(x, kind, offsets=torch.cat([self.starts, end]), axis=0, unsafe=True)


@dataclass(frozen=True)
class Even:
    """G groups of `size` rows each, one after the other.

    Sorted arrays are (size, G) or (size, K, G), stats (G,) or (K, G): what a group's rows are reduced to
    lies along whole vectors, which takes a third of the time of a segmented reduction, or less.
    """

    xp: Any
    size: int

    def sort(self, x: Array) -> Array:
        groups = self.xp.reshape(x, (x.shape[0] // self.size, self.size, *x.shape[1:]))
        return self._packed(self.xp.permute_dims(groups, (1, 0) if x.ndim == 1 else (1, 2, 0)))

    def unsort(self, x: Array) -> Array:
        return self.xp.reshape(self._packed(self.xp.permute_dims(x, (1, 0))), (-1,))

    def _packed(self, x: Array) -> Array:
        """`x`, laid out anew in memory."""
        if is_torch_array(x):
            return x.contiguous()
        import numpy as np

        return np.ascontiguousarray(x)

    def expand(self, stat: Array) -> Array:
        return stat

    def term(self, stat: Array, k: int) -> Array:
        return stat[k]

    def table(self, stat: Array) -> Array:
        return stat if stat.ndim == 1 else self.xp.permute_dims(stat, (1, 0))

    def squares(self, x: Array) -> Array:
        found = x[0] * x[0]
        for i in range(1, self.size):
            found += x[i] * x[i]
        return found

    def sizes(self, like: Array) -> Array:
        return self.xp.full_like(like, self.size)

    def total(self, x: Array) -> Array:
        found = self.xp.astype(x[0], x.dtype, copy=True)
        for i in range(1, self.size):
            found += x[i]
        return found

    def least(self, x: Array) -> Array:
        return self.xp.min(x, axis=0)


Segments = Runs | Even


def segments(xp: Any, groups: Array) -> Segments:
    """Of integer group ids (N,) in any order."""
    size = _size(xp, groups)
    if size:
        return Even(xp, size)
    order = xp.argsort(groups, stable=True)
    ids = xp.take(groups, order, axis=0)
    first = xp.ones(min(1, ids.shape[0]), dtype=xp.bool, device=device(ids))
    new = xp.concat([first, ids[1:] != ids[:-1]])
    number = xp.cumulative_sum(xp.astype(new, xp.int64)) - 1
    return Runs(xp, order, xp.nonzero(new)[0], number)


def _size(xp: Any, groups: Array) -> int:
    """How many rows each group has, where all have as many and stand in the order of their ids; else 0."""
    n = groups.shape[0]
    if n == 0:
        return 0
    others = xp.nonzero(groups[: _LARGEST_EVEN + 1] != groups[0])[0]
    size = int(others[0]) if others.shape[0] else n
    if size > _LARGEST_EVEN or n % size:
        return 0
    ids = xp.reshape(groups, (-1, size))
    even = xp.all(ids == ids[:, :1]) and xp.all(ids[1:, 0] > ids[:-1, 0])
    return size if even else 0
