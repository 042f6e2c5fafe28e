"""Rows in blocks of whole groups, and the rows that one row's reward depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.rows import Rows, read_groups

#: rows scored at a time: enough for polars and the workers, few enough to see progress
BLOCK = 20_000


def batch_rows(batch_size: int | None) -> int:
    if batch_size is None:
        raise RowsError("the spec aggregates over the batch: say with --batch-size how many rows are one")
    return batch_size


def blocks(
    n: int, groups: NDArray[np.int64] | None, batch_size: int | None, most: int | None = None
) -> Iterator[tuple[int, int]]:
    """Ranges of about `most` rows (`BLOCK` unless said) that hold whole groups (or are one batch each).

    Groups whose rows lie apart keep everything between them in one block.
    """
    most = BLOCK if most is None else most
    if batch_size is not None:
        if batch_size < 1:
            raise RowsError(f"a batch has at least 1 row, and --batch-size is {batch_size}")
        bounds = [*range(0, n, batch_size), n]
    elif groups is None:
        bounds = [*range(0, n, most), n]
    else:
        # group numbers rise in order of first appearance: a cut is where no earlier group comes again
        last = np.zeros(int(groups.max(initial=-1)) + 1, np.int64)
        last[groups] = np.arange(n)
        cuts = np.flatnonzero(np.maximum.accumulate(last[groups]) == np.arange(n)) + 1
        bounds = [0]
        for cut in cuts.tolist():
            if cut - bounds[-1] >= most or cut == n:
                bounds.append(cut)
    for start, stop in pairwise(bounds):
        if batch_size is not None and groups is not None and np.isin(groups[start:stop], groups[stop:]).any():
            raise RowsError(f"a batch of {batch_size} rows cuts a group; choose a multiple of the group size")
        if stop > start:
            yield start, stop


def slice_of(data: Any, start: int, stop: int) -> Any:
    """Some consecutive rows, in the form in which they came."""
    if isinstance(data, pl.DataFrame):
        return data.slice(start, stop - start)
    if isinstance(data, Mapping):
        return {name: column[start:stop] for name, column in data.items()}
    return data[start:stop]


def take_rows(
    data: Any,
    row: int,
    *,
    mapping: Mapping[str, str],
    group: str | None,
    group_size: int | None,
    batch_size: int | None,
    scopes: frozenset[str],
) -> tuple[Rows, NDArray[np.int64] | None, int]:
    """The rows that one row's reward depends on, their groups, and where the row stands among them.

    `scopes` are those that the spec aggregates over.
    """
    rows = Rows(data, mapping)
    if not 0 <= row < rows.n:
        raise RowsError(f"there is no row {row}: the rows are 0 to {rows.n - 1}")
    if scopes:
        groups = read_groups(rows.ids(group) if group is not None else group_size, rows.n)
        if "batch" in scopes:
            size = batch_rows(batch_size)
            start, stop = next(b for b in blocks(rows.n, groups, size) if b[0] <= row < b[1])
            part = Rows(slice_of(data, start, stop), mapping)
            return part, groups[start:stop] if groups is not None else None, row - start
        if groups is not None:
            chosen = np.flatnonzero(groups == groups[row])
            part = Rows(_gather(data, chosen.tolist()), mapping)
            return part, np.zeros(len(chosen), np.int64), int(np.searchsorted(chosen, row))
    return Rows(slice_of(data, row, row + 1), mapping), None, 0


def _gather(data: Any, chosen: list[int]) -> Any:
    if isinstance(data, pl.DataFrame):
        return data[chosen]
    if isinstance(data, Mapping):
        return {name: [column[i] for i in chosen] for name, column in data.items()}
    return [data[i] for i in chosen]
