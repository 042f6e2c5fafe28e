"""What every filter starts from: checked arrays, groups numbered from 0, the rows that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Reals = NDArray[np.float64]

#: JSON values only; `{}` at first
State = dict[str, Any]

#: columns of `rewards`, by number or by name; one or several
Terms = int | str | Sequence[int | str] | None


@dataclass(frozen=True)
class Rows:
    """N rows of the K chosen terms, in G groups."""

    values: Reals  #: (N, K), NaN where a term has no value
    weights: Reals  #: (K,)
    lengths: Reals  #: (N,) at least 1
    group: Ints  #: (N,) in 0..G-1
    groups: int  #: G
    counted: Bools  #: (N,) not skipped: some term has a value, chosen or not
    valued: Bools  #: (N,) some chosen term has a value

    @property
    def totals(self) -> Reals:
        """(N,) weighted sums of the chosen terms; one without a value adds 0."""
        weighed: Reals = np.where(np.isnan(self.values), 0.0, self.values * self.weights)
        return np.asarray(weighed.sum(axis=1), dtype=np.float64)

    def means(self) -> Reals:
        """(G,) mean total of each group's valued rows; NaN where there is none."""
        sums = np.bincount(self.group, np.where(self.valued, self.totals, 0.0), self.groups)
        counts = np.bincount(self.group, self.valued, self.groups)
        means: Reals = np.full(self.groups, np.nan)
        np.divide(sums, counts, out=means, where=counts > 0)
        return means

    def any(self, rows: Bools) -> Bools:
        """(G,) whether some row of the group is true."""
        found: Bools = np.bincount(self.group, rows, self.groups) > 0
        return found

    def best(self, k: Ints, *keys: Reals) -> Bools:
        """(N,) the first k (G,) counted rows of each group: lower keys first, then earlier rows."""
        order = np.lexsort((*reversed(keys), ~self.counted, self.group))
        sizes = np.bincount(self.group, minlength=self.groups)
        place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        keep = np.zeros(len(order), dtype=np.bool_)
        keep[order] = place < k[self.group[order]]
        return keep & self.counted


def prepare(
    rewards: ArrayLike,
    lengths: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike,
    terms: Terms = None,
    names: Sequence[str] | None = None,
) -> Rows:
    """Checks shapes (N, K), (N,), (N,), (K,) and takes the columns of `terms`, by default all.

    Raises ValueError where a shape does not fit, a reward is infinite, a length is no number from 0 on,
    groups are no integers, or there is no such term.
    """
    values = np.asarray(rewards, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"rewards must have shape (rows, terms), not {values.shape}")
    n, k = values.shape
    size, ids = np.asarray(lengths, dtype=np.float64), np.asarray(groups)
    weigh = np.asarray(weights, dtype=np.float64)
    for name, array, shape in (("lengths", size, (n,)), ("groups", ids, (n,)), ("weights", weigh, (k,))):
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, not {array.shape}")
    if np.isinf(values).any():
        raise ValueError("rewards hold an infinity")
    if not np.isfinite(weigh).all():
        raise ValueError("weights must be finite numbers")
    if n and not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"groups must be integers, not {ids.dtype}")
    counted: Bools = np.asarray(~np.isnan(values).all(axis=1))
    if not (size[counted] >= 0).all() or np.isinf(size[counted]).any():
        raise ValueError("lengths must be numbers from 0 on")
    known, group = np.unique(ids, return_inverse=True)
    columns = _columns(terms, names, k)
    values = values[:, columns]
    return Rows(
        values,
        weigh[columns],
        np.maximum(np.where(counted, size, 1.0), 1.0),
        group.astype(np.int64),
        len(known),
        counted,
        np.asarray(~np.isnan(values).all(axis=1)),
    )


def _columns(terms: Terms, names: Sequence[str] | None, count: int) -> list[int]:
    if terms is None:
        return list(range(count))
    chosen = terms if isinstance(terms, list | tuple) else [terms]
    if not chosen:
        raise ValueError("terms must name at least one term")
    return [_column(term, names, count) for term in chosen]


def _column(term: object, names: Sequence[str] | None, count: int) -> int:
    if isinstance(term, str):
        if names is None:
            raise ValueError(f"term `{term}`: the names of the terms are not known here; give its number")
        if term not in names:
            raise ValueError(f"term `{term}` is unknown; known: {', '.join(names)}")
        return list(names).index(term)
    if not isinstance(term, int) or isinstance(term, bool):
        raise ValueError(f"a term is given by its number or its name, not {term!r}")
    if not 0 <= term < count:
        raise ValueError(f"term {term} is unknown; there are {count}, numbered from 0")
    return term
