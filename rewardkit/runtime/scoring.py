"""Scoring a file: in blocks of whole groups, read and written one after the other, summed up at the end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.runtime.batches import BLOCK, batch_rows, blocks
from rewardkit.runtime.errors import FaultLimitError, RowsError
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows, number_groups, read_groups
from rewardkit.runtime.streams import Stream, open_stream
from rewardkit.runtime.summary import Summary, Tally
from rewardkit.runtime.writing import Writer

#: bytes of a file in one block, about: rows of long completions are scored fewer at a time
_BYTES = 1 << 25
_FEWEST = 256

Progress = Callable[[str, int, int], None]


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
    progress: Progress | None = None,
) -> Summary:
    """Score the rows of a file, one output row per input row, in order.

    Memory holds one block of rows, and the groups in it whole: groups whose rows lie apart in the file keep
    everything between them there.

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
    for source in (rows_path, reward.spec.source.name):
        if out is not None and (_same(out, source) or _same(f"{out}.partial", source)):
            raise RowsError(f"the output `{out}` would replace `{source}`; name another file")
    with closing(open_stream(rows_path, reward.spec)) as stream:
        groups = _groups(stream, mapping, group, group_size)
        tally = Tally(reward)
        writer: Writer | None = None
        try:
            for start, stop in blocks(stream.n, groups, batch_size, _most(stream)):
                rows = Rows(_take(stream, start, stop), mapping, start)
                copied = {name: _listed(rows.get(name)) for name in copy}
                if out is not None and writer is None:
                    writer = Writer(out)
                ids = groups[start:stop] if groups is not None else None
                scores = reward.score(rows, ids, step, keep, progress=progress)
                if writer is not None:
                    writer.write(scores.frame, copied)
                tally.add(scores)
                tally.check(max_faults, at_end=False)
                if progress is not None:
                    progress("rows", stop, stream.n)
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
            told = f"the scores of the first {writer.rows:,} of {stream.n:,} rows are in `{kept}`"
            raise type(error)(f"{error}; {told}" if str(error) else told) from None
    return tally.summary(time.perf_counter() - began)


def _most(stream: Stream) -> int:
    """Rows of a block."""
    fitting = max(_FEWEST, _BYTES * stream.n // max(stream.size, 1))
    return min(BLOCK, fitting)


def _take(stream: Stream, start: int, stop: int) -> Any:
    part = stream.take(stop - start)
    if Rows(part).n != stop - start:
        raise RowsError("the file of the rows changed while it was read")
    return part


def _groups(
    stream: Stream, mapping: Mapping[str, str], group: str | None, group_size: int | None
) -> NDArray[np.int64] | None:
    """The group of every row: by a size, or by a column, for which the file is gone through once more."""
    if group is None:
        return read_groups(group_size, stream.n)
    known: dict[Any, int] = {}
    parts, most = [], _most(stream)
    for start in range(0, stream.n, most):
        rows = Rows(_take(stream, start, min(start + most, stream.n)), mapping, start)
        try:
            parts.append(number_groups(rows.ids(group), known))
        except RowsError as error:
            raise error.after(start) from None
    stream.restart()
    return np.concatenate(parts)


def _listed(column: list[Any] | pl.Series) -> list[Any]:
    return column.to_list() if isinstance(column, pl.Series) else list(column)


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
