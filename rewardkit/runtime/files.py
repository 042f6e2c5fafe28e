"""Rows from and to files: JSONL, Parquet and CSV."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import polars as pl

from rewardkit.checker.builtins import COLUMNS
from rewardkit.checker.spec import Spec
from rewardkit.runtime.errors import RowsError
from rewardkit.types.types import Type

FORMATS = (".jsonl", ".parquet", ".csv")


def read_rows(path: str, spec: Spec | None = None) -> Any:
    """The rows of a file, as `runtime.rows.Rows` takes them. `-` reads JSONL from standard input.

    CSV cells are text; those that the spec reads as other types are converted here.

    Raises:
        RowsError: the file is missing, empty, not UTF-8 or malformed; the text names the line.
    """
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
            return pl.read_parquet(path)
        if suffix == ".csv":
            frame = pl.read_csv(path, infer_schema=False, encoding="utf8")
            return _converted({name: frame.get_column(name).to_list() for name in frame.columns}, spec)
    except OSError as error:
        raise RowsError(f"cannot read `{path}`: {error.strerror or error}") from None
    except pl.exceptions.PolarsError as error:
        raise RowsError(f"cannot read `{path}`: {str(error).splitlines()[0]}") from None
    raise RowsError(
        f"cannot read `{path}`: rows are {', '.join(FORMATS)} files, or `-` for JSONL on standard input"
    )


def _jsonl(file: IO[bytes], name: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError:
            raise RowsError(f"`{name}`, line {number}: not UTF-8") from None
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise RowsError(f"`{name}`, line {number}: not JSON: {reason}") from None
        if not isinstance(row, dict):
            raise RowsError(f"`{name}`, line {number}: a row is a JSON object, one per line")
        rows.append(row)
    return rows


# --- CSV cells -------------------------------------------------------------------------------------


def _converted(columns: dict[str, list[Any]], spec: Spec | None) -> dict[str, list[Any]]:
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
            raise RowsError(f"row {row}, column `{name}`: {cell!r} is not `{type_}`") from None
    return out


def _bool(cell: str) -> bool:
    values = {"true": True, "false": False, "1": True, "0": False}
    if cell.strip().lower() not in values:
        raise ValueError(cell)
    return values[cell.strip().lower()]


def _int(cell: str) -> int:
    if len(cell) > 40:
        raise ValueError(cell)
    return int(cell)


_CELLS: dict[str, Callable[[str], Any]] = {"bool": _bool, "int": _int, "real": float}


# --- writing ---------------------------------------------------------------------------------------


class Writer:
    """Writes output rows in order, block by block; JSONL lines are on disk after each block."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._blocks: list[pl.DataFrame] = []
        self._lines = path == "-" or Path(path).suffix.lower() in (".jsonl", ".ndjson")
        if not self._lines and Path(path).suffix.lower() not in FORMATS:
            raise RowsError(f"cannot write `{path}`: output is {', '.join(FORMATS)}, or `-` for JSONL")
        self._file: IO[str] | None = None
        if self._lines:
            try:
                self._file = sys.stdout if path == "-" else open(path, "w", encoding="utf-8")  # noqa: SIM115
            except OSError as error:
                raise RowsError(f"cannot write `{path}`: {error.strerror or error}") from None

    def write(self, block: pl.DataFrame, extra: dict[str, Iterable[Any]]) -> None:
        """The next rows; `extra` holds columns of the input to copy beside them."""
        if self._file is None:
            copied = [pl.Series(name, list(values), strict=False) for name, values in extra.items()]
            self._blocks.append(block.with_columns(copied))
            return
        copies = [(name, iter(values)) for name, values in extra.items()]
        for row in block.iter_rows(named=True):
            for name, values in copies:
                row[name] = next(values)
            self._file.write(json.dumps(row, ensure_ascii=False, default=_plain) + "\n")
        self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            if self._file is not sys.stdout:
                self._file.close()
        elif self._blocks:
            whole = pl.concat(self._blocks, how="vertical_relaxed")
            try:
                if self.path.lower().endswith(".csv"):
                    whole.write_csv(self.path)
                else:
                    whole.write_parquet(self.path)
            except OSError as error:
                raise RowsError(f"cannot write `{self.path}`: {error.strerror or error}") from None


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value)
