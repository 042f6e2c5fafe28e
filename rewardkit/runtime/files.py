"""Rows from and to files: JSONL, Parquet and CSV."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
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
    number = 0
    while line := file.readline(_MAX_LINE + 1):
        number += 1
        if len(line) > _MAX_LINE:
            raise RowsError(f"`{name}`, line {number}: longer than {_MAX_LINE:,} bytes")
        if not line.strip():
            continue
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
        rows.append(row)
    return rows


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise RowsError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} comes twice")
    return found


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


_INT = re.compile(r"[+-]?[0-9]{1,39}")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _int(cell: str) -> int:
    if not _INT.fullmatch(cell.strip()):
        raise ValueError(cell)
    return int(cell)


def _real(cell: str) -> float:
    if not _REAL.fullmatch(cell.strip()) or not math.isfinite(float(cell)):
        raise ValueError(cell)
    return float(cell)


_CELLS: dict[str, Callable[[str], Any]] = {"bool": _bool, "int": _int, "real": _real}


# --- writing ---------------------------------------------------------------------------------------


class Writer:
    """Writes output rows in order, block by block, with columns of the input beside them.

    Rows go to `OUT.partial`, which takes the place of `OUT` once all are there. What is no plain file (a
    pipe, a device) is written at once. JSONL lines are on disk after each block.

    Raises:
        RowsError: the output cannot be written, or holds no such values.
    """

    def __init__(self, path: str, copied: Mapping[str, list[Any]]) -> None:
        ending = ".jsonl" if path == "-" else Path(path).suffix.lower()
        if ending not in (*FORMATS, ".ndjson"):
            raise RowsError(f"cannot write `{path}`: output is {', '.join(FORMATS)}, or `-` for JSONL")
        if path == "-" and sys.stdout is None:
            raise RowsError("cannot write `-`: standard output is closed")
        self.rows = 0
        self._path = path
        self._copied = copied
        self._blocks: list[pl.DataFrame] = []
        self._csv = ending == ".csv"
        self._lines = ending in (".jsonl", ".ndjson")
        self._size = 0  # of the blocks written in full
        self._beside = [] if self._lines else [_series(n, list(v), self._csv) for n, v in copied.items()]
        self._out = os.path.realpath(path) if os.path.islink(path) else path
        self._direct = path == "-" or (os.path.exists(self._out) and not os.path.isfile(self._out))
        self._part = self._out if self._direct else f"{self._out}.partial"
        self._file: IO[bytes] | None = None
        try:
            self._open()
        except OSError as error:
            raise self._failed(error) from None

    def _open(self) -> None:
        if self._path == "-":
            sys.stdout.flush()
            self._file = sys.stdout.buffer
            return
        there = os.path.isfile(self._out)
        if there:
            with open(self._out, "ab"):
                pass  # a rename would replace also what may not be written
        if self._lines or not self._direct:
            self._file = open(self._part, "wb")  # noqa: SIM115
            if there:
                shutil.copymode(self._out, self._part)

    def write(self, block: pl.DataFrame) -> None:
        """The next rows."""
        if not self._lines:
            self._blocks.append(block)
        else:
            lines = []
            for number, row in enumerate(block.iter_rows(named=True), self.rows):
                row |= {name: values[number] for name, values in self._copied.items()}
                lines.append(_json(row) + b"\n")
            data = b"".join(lines)
            assert self._file is not None
            try:
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                raise self._failed(error) from None
            self._size += len(data)
        self.rows += block.height

    def finish(self) -> None:
        """All rows are there."""
        try:
            self._write_table()
            if self._path != "-" and self._file is not None:
                self._file.close()
            if not self._direct:
                os.replace(self._part, self._out)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._failed(error) from None

    def keep(self) -> str | None:
        """End early: the name of the file that holds the rows written so far, if there are any."""
        if self._path == "-":
            return None
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        if self._direct:
            return None
        try:
            if self._lines:
                os.truncate(self._part, self._size)
            if self.rows:
                self._write_table()
                return self._part
        except (OSError, pl.exceptions.PolarsError):
            pass
        with suppress(OSError):
            os.unlink(self._part)
        return None

    def _write_table(self) -> None:
        if self._blocks:
            whole = pl.concat(self._blocks, how="vertical_relaxed")
            whole = whole.with_columns(series.head(whole.height) for series in self._beside)
            with open(self._part, "wb") as file:
                (whole.write_csv if self._csv else whole.write_parquet)(file)

    def _failed(self, error: Exception) -> Exception:
        """What to raise for `error`; a reader of standard output that has gone is no error of the rows."""
        if isinstance(error, BrokenPipeError) and self._path == "-":
            return error
        reason = error.strerror if isinstance(error, OSError) else None
        return RowsError(f"cannot write `{self._path}`: {reason or str(error).splitlines()[0]}")


def _series(name: str, values: list[Any], flat: bool) -> pl.Series:
    """A column of the input for a table: as JSON text where the table could not hold its values."""
    nested = any(isinstance(value, list | dict) for value in values)
    if not (flat and nested):
        with suppress(TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
            series = pl.Series(name, values, strict=False)
            nulls = sum(value is None for value in values)
            same = series.to_list() == values if nested else series.null_count() == nulls
            if same and series.dtype != pl.Object:
                return series
    texts = [v if v is None or isinstance(v, str) else _json(v).decode() for v in values]
    try:
        return pl.Series(name, texts, pl.String)
    except UnicodeEncodeError:
        row = next(i for i, text in enumerate(texts) if text is not None and _SURROGATE.search(text))
        raise RowsError(
            f"row {row}, column `{name}`: a lone surrogate cannot be written there; write .jsonl"
        ) from None


_SURROGATE = re.compile("[\ud800-\udfff]")


def _json(value: Any) -> bytes:
    """Valid JSON always: null where a number is not finite, lone surrogates escaped."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:
        value = _finite(value)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, default=_plain).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
