"""Rows of prompts, and the order in which a run visits them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rewardkit.runtime import Reward, RowsError
from rewardkit.runtime import Rows as RewardRows
from rewardkit.runtime.row_columns import read_columns
from rewardkit.runtime.rows import ROW_COLUMNS

from .errors import TrainError
from .seeds import Stream, derive


@dataclass(frozen=True)
class Rows:
    """A table in memory, by column."""

    columns: Mapping[str, Sequence[Any]]
    fingerprint: str = ""  #: hash of the file, so that a resumed run sees the same rows

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> Sequence[Any]:
        """One column; raises `TrainError` that lists the columns there are."""
        if name not in self.columns:
            there = ", ".join(f"`{column}`" for column in self.columns)
            raise TrainError(f"the rows have no column `{name}`; they have {there}")
        return self.columns[name]

    def take(self, indices: Iterable[int]) -> dict[str, list[Any]]:
        """The columns at the given rows, in that order."""
        indices = list(indices)
        return {name: [values[i] for i in indices] for name, values in self.columns.items()}


def read_rows(path: str | Path) -> Rows:
    """Read a JSONL, Parquet or CSV file; raises `TrainError` for one that cannot be read or is empty."""
    path = Path(path)
    try:
        if path.suffix in (".jsonl", ".ndjson"):
            columns = _read_jsonl(path)
        elif path.suffix == ".parquet":
            columns = pl.read_parquet(path).to_dict(as_series=False)
        elif path.suffix == ".csv":
            columns = pl.read_csv(path).to_dict(as_series=False)
        else:
            raise TrainError(f"{path}: rows are read from .jsonl, .parquet and .csv files")
        fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise TrainError(f"{path} is not UTF-8 text") from None
    except pl.exceptions.PolarsError as error:
        raise TrainError(f"cannot read {path}: {str(error).splitlines()[0]}") from None
    rows = Rows(columns, fingerprint)
    if len(rows) == 0:
        raise TrainError(f"{path} has no rows")
    return rows


def check_columns(reward: Reward, rows: Rows, path: Path) -> None:
    """Hold all that a spec reads of the file to its types; raises `TrainError`, which names the row."""
    inputs, given = reward.spec.inputs, RewardRows(dict(rows.columns))
    needed = {name for name in reward.plan.columns if name.startswith("prompt.")}
    for name in reward.plan.columns & inputs.keys():
        if not given.has(inputs[name].column):
            if inputs[name].column in ROW_COLUMNS:
                continue  # the policy makes it
            raise TrainError(
                f"{path} has no column `{inputs[name].column}`, which the spec reads as `{name}`; "
                f"`[data] map` may rename one of {', '.join(f'`{column}`' for column in rows.columns)}"
            )
        needed.add(name)
    try:
        read_columns(reward.spec, frozenset(needed), given, None)
    except RowsError as error:
        raise TrainError(f"{path}, rows counted from 0: {error}") from None


def visit(n_rows: int, start: int, size: int, seed: int, stream: Stream = Stream.PROMPTS) -> list[int]:
    """`size` indices below `n_rows`, of the rows that come after the first `start` visited.

    Every epoch is a new shuffle of all rows, and batches run on over the end of one into the next. The
    order is a function of the arguments alone: how many were visited is the whole position in the data.
    """
    return [
        int(_shuffled(n_rows, seed, stream, place // n_rows)[place % n_rows])
        for place in range(start, start + size)
    ]


@lru_cache(maxsize=4)
def _shuffled(n_rows: int, seed: int, stream: Stream, epoch: int) -> np.ndarray:
    return np.random.default_rng(derive(seed, stream, epoch)).permutation(n_rows)


def _read_jsonl(path: Path) -> dict[str, list[Any]]:
    # Not through polars: it gives every object of a column the union of their keys, which changes
    # structured values such as the arguments of tool calls.
    records = list(_parse_lines(path))
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


def _parse_lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise TrainError(f"{path}:{number}: not JSON: {error.msg}") from None
        if not isinstance(record, dict):
            raise TrainError(f"{path}:{number}: a row is an object with a value for each column")
        yield record
