"""Rows from files: JSONL, Parquet and CSV."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import polars as pl

from rewardkit.checker.builtins import COLUMNS
from rewardkit.checker.spec import Spec
from rewardkit.runtime.errors import RowsError
from rewardkit.types.types import Type

FORMATS = (".jsonl", ".parquet", ".csv")
#: bytes of a JSONL line; a longer one is no row, and reading on would fill the memory
_MAX_LINE = 256 * 2**20


def read_rows(path: str, spec: Spec | None = None) -> Any:
    """The rows of a file, as `runtime.rows.Rows` takes them. `-` reads JSONL from standard input.

    CSV cells are text; those that the spec reads as other types are converted here.

    Raises:
        RowsError: the file is missing, empty, not UTF-8 or malformed; the text names the line.
    """
    if path == "-" and sys.stdin is None:
        raise RowsError("cannot read `-`: standard input is closed")
    if path == "-":
        rows: Any = _jsonl(sys.stdin.buffer, "standard input")
    else:
        rows = _read_file(Path(path), spec)
    n = (
        len(rows)
        if isinstance(rows, list)
        else rows.height
        if isinstance(rows, pl.DataFrame)
        else _height(rows)
    )
    if n == 0:
        raise RowsError(f"`{path}` has no rows")
    return rows


def _height(columns: dict[str, list[Any]]) -> int:
    return len(next(iter(columns.values()), []))


def _read_file(path: Path, spec: Spec | None) -> Any:
    suffix = path.suffix.lower()
    try:
        if suffix in (".jsonl", ".ndjson"):
            with path.open("rb") as file:
                return _jsonl(file, str(path))
        if suffix == ".parquet":
            # opened here: polars would take `*` in a name for many files
            with path.open("rb") as file:
                return pl.read_parquet(file)
        if suffix == ".csv":
            with path.open("rb") as file:
                frame = pl.read_csv(file, infer_schema=False, encoding="utf8")
            return converted({name: frame.get_column(name).to_list() for name in frame.columns}, spec)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None
    raise no_format(path)


def unreadable(path: str | Path, error: Exception) -> RowsError:
    reason = error.strerror if isinstance(error, OSError) else None
    return RowsError(f"cannot read `{path}`: {reason or str(error).splitlines()[0]}")


def no_format(path: str | Path) -> RowsError:
    return RowsError(
        f"cannot read `{path}`: rows are {', '.join(FORMATS)} files, or `-` for JSONL on standard input"
    )


def _jsonl(file: IO[bytes], name: str) -> list[dict[str, Any]]:
    return [row_of(line, name, number) for number, line in lines(file, name)]


def lines(file: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a JSONL file that are not blank, numbered from 1."""
    number = 0
    while line := file.readline(_MAX_LINE + 1):
        number += 1
        if len(line) > _MAX_LINE:
            raise RowsError(f"`{name}`, line {number}: longer than {_MAX_LINE:,} bytes")
        if line.strip():
            yield number, line


def row_of(line: bytes, name: str, number: int) -> dict[str, Any]:
    """The row of a line. Raises `RowsError`, which names the line."""
    try:
        row = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except RowsError as error:
        raise RowsError(f"`{name}`, line {number}: {error}") from None
    except UnicodeDecodeError:
        raise RowsError(f"`{name}`, line {number}: not UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise RowsError(f"`{name}`, line {number}: not JSON: {reason}") from None
    if not isinstance(row, dict):
        raise RowsError(f"`{name}`, line {number}: a row is a JSON object, one per line")
    return row


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise RowsError(f"the key {twice[:60]!r} comes twice")
    return found


# --- CSV cells -------------------------------------------------------------------------------------


def converted(columns: dict[str, list[Any]], spec: Spec | None) -> dict[str, list[Any]]:
    """Cells that the spec reads as bools and numbers, as such."""
    types: dict[str, Type] = {}
    if spec is not None:
        types = {item.column: item.type for item in spec.inputs.values()}
    types |= {"completion_tokens": COLUMNS["completion.tokens"], "finished": COLUMNS["completion.finished"]}
    return {name: _cells(name, cells, types.get(name)) for name, cells in columns.items()}


def _cells(name: str, cells: list[Any], type_: Type | None) -> list[Any]:
    read = _CELLS.get(type_.kind) if type_ is not None else None
    if read is None:
        return cells
    out = []
    for row, cell in enumerate(cells):
        try:
            out.append(None if cell is None or cell == "" else read(cell))
        except ValueError:
            raise RowsError(f", column `{name}`: {cell[:60]!r} is not `{type_}`", row) from None
    return out


def _bool(cell: str) -> bool:
    values = {"true": True, "false": False, "1": True, "0": False}
    if cell.strip().lower() not in values:
        raise ValueError(cell)
    return values[cell.strip().lower()]


_INT = re.compile(r"[+-]?[0-9]{1,39}")
_REAL = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")


def _int(cell: str) -> int:
    if not _INT.fullmatch(cell.strip()):
        raise ValueError(cell)
    return int(cell)


def _real(cell: str) -> float:
    if not _REAL.fullmatch(cell.strip()) or not math.isfinite(float(cell)):
        raise ValueError(cell)
    return float(cell)


_CELLS: dict[str, Callable[[str], Any]] = {"bool": _bool, "int": _int, "real": _real}
