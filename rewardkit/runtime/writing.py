"""Output rows to files: JSONL, Parquet and CSV, block by block, so that memory holds one block."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import polars as pl

from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.files import FORMATS


class Writer:
    """Writes output rows in order, with columns of the input beside them.

    Rows go to `OUT.partial`, which takes the place of `OUT` once all are there. What is no plain file (a
    pipe, a device) is written at once. JSONL and CSV rows are on disk after each block; the blocks of a
    Parquet file lie beside it until the end.

    Raises:
        RowsError: the output cannot be written, or holds no such values.
    """

    def __init__(self, path: str) -> None:
        ending = ".jsonl" if path == "-" else Path(path).suffix.lower()
        if ending not in (*FORMATS, ".ndjson"):
            raise RowsError(f"cannot write `{path}`: output is {', '.join(FORMATS)}, or `-` for JSONL")
        if path == "-" and sys.stdout is None:
            raise RowsError("cannot write `-`: standard output is closed")
        self.rows = 0
        self._path = path
        self._csv, self._parquet = ending == ".csv", ending == ".parquet"
        self._size = 0  # of the blocks written in full
        self._out = os.path.realpath(path) if os.path.islink(path) else path
        self._direct = path == "-" or (os.path.exists(self._out) and not os.path.isfile(self._out))
        self._part = self._out if self._direct else f"{self._out}.partial"
        self._file: IO[bytes] | None = None
        self._parts: _Parts | None = None
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
        self._file = open(self._part, "wb")  # noqa: SIM115
        if there:
            shutil.copymode(self._out, self._part)
        if self._parts is None and self._parquet:
            self._parts = _Parts(None if self._direct else os.path.dirname(os.path.abspath(self._out)))

    def write(self, block: pl.DataFrame, copied: Mapping[str, list[Any]]) -> None:
        """The next rows, and the values of the input's columns beside them."""
        assert self._file is not None
        try:
            if self._parts is not None:
                self._parts.add(_beside(block, copied, False, self.rows), copied)
            elif self._csv:
                whole = _beside(block, copied, True, self.rows)
                whole.write_csv(self._file, include_header=not self.rows)
            else:
                self._file.write(b"".join(_lines(block, copied)))
            self._file.flush()
            if not self._direct:
                self._size = self._file.tell()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._failed(error) from None
        self.rows += block.height

    def finish(self) -> None:
        """All rows are there."""
        assert self._file is not None
        try:
            self._gather()
            if self._path != "-":
                self._file.close()
            if not self._direct:
                os.replace(self._part, self._out)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise self._failed(error) from None

    def keep(self) -> str | None:
        """End early: the name of the file that holds the rows written so far, if there are any."""
        if self._path == "-" or self._file is None:
            return None
        try:
            if not self._direct:
                self._file.truncate(self._size)
                if self.rows:
                    self._gather()
                    self._file.close()
                    return self._part
        except (OSError, pl.exceptions.PolarsError):
            pass
        with suppress(OSError):
            self._file.close()
        if self._parts is not None:
            self._parts.close()
        if not self._direct:
            with suppress(OSError):
                os.unlink(self._part)
        return None

    def _gather(self) -> None:
        if self._parts is not None and self._file is not None:
            with self._parts as parts:
                if self.rows:
                    parts.gather(self._file)

    def _failed(self, error: Exception) -> Exception:
        """What to raise for `error`; a reader of standard output that has gone is no error of the rows."""
        if isinstance(error, BrokenPipeError) and self._path == "-":
            return error
        reason = error.strerror if isinstance(error, OSError) else None
        return RowsError(f"cannot write `{self._path}`: {reason or str(error).splitlines()[0]}")


class _Parts:
    """The blocks of a table, each in a file of its own, until they are gathered into one."""

    def __init__(self, folder: str | None) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix=".rewardkit-", dir=folder, ignore_cleanup_errors=True
        )
        self._files: list[str] = []
        self._types: dict[str, set[pl.DataType]] = {}  # of the input's columns, which each block tells anew

    def __enter__(self) -> _Parts:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, block: pl.DataFrame, copied: Iterable[str]) -> None:
        self._files.append(os.path.join(self._folder.name, f"{len(self._files)}.parquet"))
        for name in copied:
            self._types.setdefault(name, set()).add(block.schema[name])
        with open(self._files[-1], "wb") as file:
            block.write_parquet(file)

    def gather(self, out: IO[bytes]) -> None:
        """One table of all, a block at a time."""
        for name in [name for name, types in self._types.items() if not _joined(types)]:
            for part in self._files:
                block = pl.read_parquet(part, glob=False)
                texts = pl.Series(name, _texts(block.get_column(name).to_list()), pl.String)
                block.with_columns(texts).write_parquet(part)
        parts = [pl.scan_parquet(part, glob=False) for part in self._files]
        pl.concat(parts, how="vertical_relaxed").sink_parquet(out)

    def close(self) -> None:
        self._folder.cleanup()


def _joined(types: set[pl.DataType]) -> bool:
    """Whether one column can hold values of all these types without changing them."""
    there = types - {pl.Null()}
    return len(there) <= 1 or all(type_.is_numeric() for type_ in there)


def _beside(block: pl.DataFrame, copied: Mapping[str, list[Any]], flat: bool, first: int) -> pl.DataFrame:
    return block.with_columns(_series(name, values, flat, first) for name, values in copied.items())


def _lines(block: pl.DataFrame, copied: Mapping[str, list[Any]]) -> Iterable[bytes]:
    for number, row in enumerate(block.iter_rows(named=True)):
        row |= {name: values[number] for name, values in copied.items()}
        yield _json(row) + b"\n"


def _series(name: str, values: list[Any], flat: bool, first: int) -> pl.Series:
    """A column of the input for a table: as JSON text where the table could not hold its values."""
    nested = any(isinstance(value, list | dict) for value in values)
    if not (flat and nested):
        with suppress(TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
            series = pl.Series(name, values, strict=False)
            nulls = sum(value is None for value in values)
            same = series.to_list() == values if nested else series.null_count() == nulls
            if same and series.dtype != pl.Object:
                return series
    texts = _texts(values)
    try:
        return pl.Series(name, texts, pl.String)
    except UnicodeEncodeError:
        row = next(i for i, text in enumerate(texts) if text is not None and _SURROGATE.search(text))
        raise RowsError(
            f", column `{name}`: a lone surrogate cannot be written there; write .jsonl", first + row
        ) from None


def _texts(values: Iterable[Any]) -> list[str | None]:
    return [v if v is None or isinstance(v, str) else _json(v).decode() for v in values]


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
