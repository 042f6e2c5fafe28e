"""Scoring a file: in blocks of whole groups, written as they are done, summed up at the end."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.runtime.errors import FaultLimitError, RowsError
from rewardkit.runtime.files import Writer, read_rows
from rewardkit.runtime.reward import FAULT_ROWS, Reward
from rewardkit.runtime.rows import Rows, read_groups
from rewardkit.runtime.scores import Scores

#: rows scored at a time: enough for polars and the workers, few enough to see progress
BLOCK = 20_000
#: distinct reasons of faults that a summary shows
_REASONS = 8


@dataclass(frozen=True)
class SummaryLine:
    """One column of the scores: `null` is the share of rows without a value, `open` of open gates."""

    name: str
    mean: float | None
    std: float | None
    null: float
    open: float | None
    seconds: float | None


@dataclass(frozen=True)
class Summary:
    rows: int
    skipped: int
    masked: int
    faulted: int
    faults: Mapping[str, int]  # what failed and why -> rows, most frequent first
    lines: tuple[SummaryLine, ...]
    seconds: float
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values."""
        terms = [
            {
                "name": x.name,
                "mean": x.mean,
                "std": x.std,
                "null": x.null,
                "open": x.open,
                "seconds": x.seconds,
            }
            for x in self.lines
        ]
        return {
            "rows": self.rows,
            "skipped": self.skipped,
            "masked": self.masked,
            "faulted": self.faulted,
            "faults": dict(self.faults),
            "columns": terms,
            "seconds": round(self.seconds, 3),
            "fingerprint": self.fingerprint,
        }


def score_file(
    reward: Reward,
    rows_path: str,
    out: str | None,
    *,
    mapping: Mapping[str, str],
    group: str | None = None,
    group_size: int | None = None,
    batch_size: int | None = None,
    keep: tuple[str, ...] = (),
    copy: tuple[str, ...] = (),
    step: float = 0,
    max_faults: float = 0.05,
    progress: Callable[[str, int, int], None] | None = None,
) -> Summary:
    """Score the rows of a file, one output row per input row, in order.

    Raises:
        RowsError: the rows or options do not fit the spec.
        FaultLimitError: too many rows failed; what was scored is in `OUT.partial`.
    """
    began = time.perf_counter()
    if group is not None and group_size is not None:
        raise RowsError("give --group or --group-size, not both")
    if "batch" in reward.plan.scopes:
        batch_rows(batch_size)
    clash = sorted({"reward", *reward.plan.terms, *keep} & set(copy))
    if clash:
        raise RowsError(f"--with {clash[0]}: the output already has a column `{clash[0]}`; rename one")
    data = read_rows(rows_path, reward.spec)
    rows = Rows(data, mapping)
    copied = {name: _listed(rows.get(name)) for name in copy}
    groups = read_groups(rows.ids(group) if group is not None else group_size, rows.n)
    tally = _Tally(reward)
    for source in (rows_path, reward.spec.source.name):
        if out is not None and (_same(out, source) or _same(f"{out}.partial", source)):
            raise RowsError(f"the output `{out}` would replace `{source}`; name another file")
    writer = Writer(out, copied) if out is not None else None
    try:
        for start, stop in blocks(rows.n, groups, batch_size):
            part = slice_of(data, start, stop)
            ids = groups[start:stop] if groups is not None else None
            scores = reward.score(Rows(part, mapping), ids, step, keep, progress=progress)
            if writer is not None:
                writer.write(scores.frame)
            tally.add(scores)
            tally.check(max_faults, at_end=False)
            if progress is not None:
                progress("rows", stop, rows.n)
        tally.check(max_faults, at_end=True)
        if writer is not None:
            writer.finish()
    except BaseException as error:
        kept = writer.keep() if writer is not None else None
        if (
            writer is None
            or kept is None
            or not isinstance(error, KeyboardInterrupt | RowsError | FaultLimitError)
        ):
            raise
        told = f"the scores of the first {writer.rows:,} of {rows.n:,} rows are in `{kept}`"
        raise type(error)(f"{error}; {told}" if str(error) else told) from None
    return tally.summary(time.perf_counter() - began)


def _listed(column: list[Any] | pl.Series) -> list[Any]:
    return column.to_list() if isinstance(column, pl.Series) else list(column)


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def batch_rows(batch_size: int | None) -> int:
    if batch_size is None:
        raise RowsError("the spec aggregates over the batch: say with --batch-size how many rows are one")
    return batch_size


def blocks(n: int, groups: NDArray[np.int64] | None, batch_size: int | None) -> Iterator[tuple[int, int]]:
    """Ranges of rows that hold whole groups (or are one batch each).

    Groups whose rows lie apart keep everything between them in one block.
    """
    if batch_size is not None:
        if batch_size < 1:
            raise RowsError(f"a batch has at least 1 row, and --batch-size is {batch_size}")
        bounds = [*range(0, n, batch_size), n]
    elif groups is None:
        bounds = [*range(0, n, BLOCK), n]
    else:
        # group numbers rise in order of first appearance: a cut is where no earlier group comes again
        last = np.zeros(int(groups.max(initial=-1)) + 1, np.int64)
        last[groups] = np.arange(n)
        cuts = np.flatnonzero(np.maximum.accumulate(last[groups]) == np.arange(n)) + 1
        bounds = [0]
        for cut in cuts.tolist():
            if cut - bounds[-1] >= BLOCK or cut == n:
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


@dataclass
class _Tally:
    """What a summary needs of every block: float64 columns, and counts of what failed."""

    reward: Reward
    columns: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    gates: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)
    seconds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    skipped: int = 0
    masked: int = 0
    faulted: int = 0
    first: str = ""

    def add(self, scores: Scores) -> None:
        alive = ~scores.skipped
        for name in ("reward", *self.reward.plan.terms):
            column = scores.frame.get_column(name).to_numpy().astype(np.float64)
            self.columns.setdefault(name, []).append(column[alive])
        for name, gate in scores.gates.items():
            self.gates.setdefault(name, []).append(gate[alive])
        self.seconds.update(scores.term_seconds)
        for fault in scores.faults.iter_rows(named=True):
            what = f"{fault['name']}: {fault['function']}: {fault['reason']}".replace(": : ", ": ")
            self.first = self.first or f"row {self.rows + fault['row']}, {what}"
            self.reasons[what] += 1
        self.faulted += scores.faults.get_column("row").n_unique() if scores.faults.height else 0
        self.rows += len(scores)
        self.skipped += int(scores.skipped.sum())
        self.masked += int(scores.masked.sum())

    def check(self, max_faults: float, *, at_end: bool) -> None:
        if (at_end or self.rows >= FAULT_ROWS) and self.faulted > max_faults * self.rows:
            raise FaultLimitError(
                f"{self.faulted:,} of {self.rows:,} rows failed, more than --max-faults {max_faults:g} "
                f"allows; the first: {self.first}"
            )

    def summary(self, seconds: float) -> Summary:
        lines = [self._line(name, parts) for name, parts in self.columns.items()]
        return Summary(
            rows=self.rows,
            skipped=self.skipped,
            masked=self.masked,
            faulted=self.faulted,
            faults=dict(self.reasons.most_common(_REASONS)),
            lines=tuple(lines),
            seconds=seconds,
            fingerprint=self.reward.fingerprint,
        )

    def _line(self, name: str, parts: Sequence[NDArray[np.float64]]) -> SummaryLine:
        values = np.concatenate(parts)
        there = values[~np.isnan(values)]
        gate = np.concatenate(self.gates[name]) if name in self.gates else None
        known = gate[~np.isnan(gate)] if gate is not None else None
        return SummaryLine(
            name,
            float(there.mean()) if len(there) else None,
            float(there.std(ddof=1)) if len(there) > 1 else None,
            float(np.isnan(values).mean()) if len(values) else math.nan,
            float(known.mean()) if known is not None and len(known) else None,
            None if name == "reward" else self.seconds[name],
        )


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
