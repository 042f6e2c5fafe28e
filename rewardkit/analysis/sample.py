"""Scored rows as an analysis reads them: term values by column, in blocks of whole groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.diagnostics import RewardError
from rewardkit.normalizers.rows import LARGEST
from rewardkit.runtime.batches import batch_rows, blocks, slice_of
from rewardkit.runtime.errors import FaultLimitError, RowsError
from rewardkit.runtime.reward import FAULT_ROWS, Reward
from rewardkit.runtime.rows import Rows, read_groups
from rewardkit.runtime.scores import Scores

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """N rows that are not skipped, of K weighted terms."""

    rows: int  # with those that are skipped
    skipped: int
    faulted: int
    faults: Mapping[str, int]  # name of a term or let -> rows on which it failed
    first_fault: str | None
    terms: Mapping[str, Floats]  # every term, metrics too: (N,), NaN where it has no value
    gates: Mapping[str, Floats]  # gated term -> (N,): 1 open, 0 closed, NaN no value
    matrix: Floats  # (N, K) the weighted terms
    weights: Floats  # (K,)
    groups: NDArray[np.int64] | None  # (N,), dense from 0
    labels: tuple[str, ...]  # of each group: its id, or the rows it is made of
    options: Mapping[str, Any] = field(default_factory=dict)  # of the spec's normalizer


def collect(
    reward: Reward,
    data: Any,
    *,
    mapping: Mapping[str, str],
    group: str | None = None,
    group_size: int | None = None,
    batch_size: int | None = None,
    step: float = 0,
    max_faults: float = 0.05,
    progress: Callable[[str, int, int], None] | None = None,
) -> Sample:
    """Score rows for an analysis.

    Args:
        reward: the spec.
        data: rows as `runtime.files.read_rows` gives them.
        mapping: column renames, as for `Reward`.
        group: the column whose value tells a row's group.
        group_size: rows per group, for consecutive rows.
        batch_size: rows per batch, for specs that aggregate over the batch.
        step: the training step.
        max_faults: the share of rows that may fail.
        progress: called with what is done, how much of it and how much there is.

    Raises:
        RowsError: the rows or options do not fit the spec, or every row is skipped.
        FaultLimitError: too many rows failed.
    """
    if group is not None and group_size is not None:
        raise RowsError("give --group or --group-size, not both")
    if "batch" in reward.plan.scopes:
        batch_rows(batch_size)
    rows = Rows(data, mapping)
    if not rows.n:
        raise RowsError("there are no rows to analyze")
    ids = list(rows.get(group)) if group is not None else group_size
    groups = read_groups(ids, rows.n)
    if groups is None and reward.needs_group:
        raise RowsError("the spec aggregates over groups: say what a group is with --group or --group-size")
    parts: list[Scores] = []
    faulted, seen = 0, 0
    first: str | None = None
    faults: Counter[str] = Counter()
    for start, stop in blocks(rows.n, groups, batch_size if "batch" in reward.plan.scopes else None):
        part = Rows(slice_of(data, start, stop), mapping)
        numbers = groups[start:stop] if groups is not None else None
        scores = reward.score(part, numbers, step, progress=progress)
        parts.append(scores)
        _check_size(scores, start)
        if scores.faults.height:
            faulted += scores.faults.get_column("row").n_unique()
            faults.update(scores.faults.select("row", "name").unique().get_column("name").to_list())
            fault = scores.faults.row(0, named=True)
            first = first or f"row {start + fault['row']}, {fault['name']}: {fault['reason']}"
        seen = stop
        if seen >= FAULT_ROWS:
            _check_faults(faulted, seen, max_faults, first)
        if progress is not None:
            progress("rows", seen, rows.n)
    _check_faults(faulted, seen, max_faults, first)
    alive = np.concatenate([~scores.skipped for scores in parts])
    if not alive.any():
        raise RowsError("every row is skipped: there is nothing to analyze")
    kept, labels = _labelled(groups, ids, alive)
    return Sample(
        rows=rows.n,
        skipped=int((~alive).sum()),
        faulted=faulted,
        faults=dict(faults.most_common()),
        first_fault=first,
        terms={
            name: np.concatenate([_column(scores, name) for scores in parts])[alive]
            for name in reward.plan.terms
        },
        gates={
            name: np.concatenate([scores.gates[name] for scores in parts])[alive]
            for name in reward.plan.gates
        },
        matrix=np.concatenate([scores.matrix for scores in parts])[alive],
        weights=parts[0].weights,
        groups=kept,
        labels=labels,
        options=parts[0].options,
    )


def _check_size(scores: Scores, start: int) -> None:
    for name in scores.frame.columns[1:]:
        large = np.flatnonzero(np.abs(_column(scores, name)) > LARGEST)
        if len(large):
            row = int(large[0])
            raise RewardError(
                f"row {start + row}: `{name}` is {_column(scores, name)[row]:g}, and normalizers take values "
                f"up to {LARGEST:g}; hold it in a range with `clamp`"
            )


def _column(scores: Scores, name: str) -> Floats:
    column: Floats = scores.frame.get_column(name).to_numpy().astype(np.float64)
    return column


def _check_faults(faulted: int, rows: int, max_faults: float, first: str | None) -> None:
    if faulted > max_faults * rows:
        raise FaultLimitError(
            f"{faulted:,} of {rows:,} rows failed, more than --max-faults {max_faults:g} allows; "
            f"the first: {first}"
        )


def _labelled(
    groups: NDArray[np.int64] | None, ids: Any, alive: NDArray[np.bool_]
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """The groups of the rows that are not skipped, numbered anew, and what each is called."""
    if groups is None:
        return None, ()
    kept, numbers = np.unique(groups[alive], return_inverse=True)
    if isinstance(ids, int):
        names = [f"rows {g * ids} to {g * ids + ids - 1}" for g in kept.tolist()]
    else:
        _, first = np.unique(groups, return_index=True)
        names = [str(ids[first[g]]) for g in kept.tolist()]
    return numbers.astype(np.int64), tuple(names)
