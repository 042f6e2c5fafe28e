"""The rows of a file in order, some at a time, so that memory holds no more of them."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Protocol

import polars as pl

from rewardkit.checker.spec import Spec
from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.files import FORMATS, converted, lines, no_format, row_of, unreadable

#: rows that tell how large the others are
_SAMPLE = 256


class Stream(Protocol):
    """Rows of a file. It may be gone through several times: `restart` goes back to the first one."""

    n: int  #: rows
    size: int  #: bytes of them, about

    def take(self, rows: int) -> Any:
        """The next so many rows, as `runtime.rows.Rows` takes them.

        Raises:
            RowsError: a row is malformed; the text names its line.
        """
        ...

    def restart(self) -> None: ...

    def close(self) -> None: ...


def open_stream(path: str, spec: Spec) -> Stream:
    """The rows of a JSONL, Parquet or CSV file; `-` reads JSONL from standard input.

    What can be read only once (standard input, a pipe) is kept in a temporary file.

    Raises:
        RowsError: the file is missing, empty, or of no such kind.
    """
    suffix = ".jsonl" if path == "-" else Path(path).suffix.lower()
    if suffix not in (*FORMATS, ".ndjson"):
        raise no_format(path)
    if path == "-" and sys.stdin is None:
        raise RowsError("cannot read `-`: standard input is closed")
    try:
        with ExitStack() as on_error:
            file = on_error.enter_context(_file(path))
            if suffix in (".jsonl", ".ndjson"):
                stream: Stream = _Lines(file, "standard input" if path == "-" else path)
            else:
                stream = _Csv(file, path, spec) if suffix == ".csv" else _Parquet(file, path)
            if not stream.n:
                raise RowsError(f"`{path}` has no rows")
            on_error.pop_all()
            return stream
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None


def _file(path: str) -> IO[bytes]:
    """The file, or a temporary one that holds what can be read only once."""
    if path == "-":
        return _kept(sys.stdin.buffer)
    source = open(path, "rb")  # noqa: SIM115
    if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        return source
    with source:
        return _kept(source)


def _kept(source: IO[bytes]) -> IO[bytes]:
    file = tempfile.NamedTemporaryFile(prefix="rewardkit-")  # noqa: SIM115
    shutil.copyfileobj(source, file)
    file.flush()
    return file


class _Lines:
    """JSONL."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        self._seen: dict[str, None] = {}  # columns met so far: a row without one of them has null there
        file.seek(0)
        self.n = sum(1 for _ in lines(file, name))
        self.size = file.tell()
        self.restart()

    def restart(self) -> None:
        self._file.seek(0)
        self._lines = lines(self._file, self._name)

    def take(self, rows: int) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        for number, line in self._lines:
            taken.append(row_of(line, self._name, number))
            if len(taken) == rows:
                break
        for row in taken:
            self._seen.update(dict.fromkeys(row))
        if taken:
            taken[0] = {**dict.fromkeys(self._seen), **taken[0]}
        return taken

    def close(self) -> None:
        self._file.close()


class _Parquet:
    """A Parquet file, of which polars decodes only the row groups that are asked for."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path
        self._scan = pl.scan_parquet(file.name, glob=False)
        self.n = self._scan.select(pl.len()).collect().item()
        sample = self._scan.head(_SAMPLE).collect()  # the file itself is compressed
        self.size = sample.estimated_size() * self.n // max(sample.height, 1)
        self.restart()

    def restart(self) -> None:
        self._first = 0

    def take(self, rows: int) -> pl.DataFrame:
        try:
            taken = self._scan.slice(self._first, rows).collect()
        except pl.exceptions.PolarsError as error:
            raise unreadable(self._path, error) from None
        self._first += taken.height
        return taken

    def close(self) -> None:
        self._file.close()


class _Csv:
    """CSV, whose cells are read by the types of a spec's inputs."""

    def __init__(self, file: IO[bytes], path: str, spec: Spec) -> None:
        self._file, self._path, self._spec = file, path, spec
        self._scan = pl.scan_csv(file.name, infer_schema=False, glob=False)
        self.size = os.fstat(file.fileno()).st_size
        self.n = self._scan.select(pl.len()).collect().item()
        self.restart()

    def restart(self) -> None:
        self._left = pl.DataFrame()
        self._batches: Iterator[pl.DataFrame] = iter(self._scan.collect_batches(maintain_order=True))
        self._first = 0

    def take(self, rows: int) -> dict[str, list[Any]]:
        try:
            while self._left.height < rows and (batch := next(self._batches, None)) is not None:
                self._left = batch if self._left.is_empty() else pl.concat([self._left, batch])
        except pl.exceptions.PolarsError as error:
            raise unreadable(self._path, error) from None
        taken, self._left = self._left.head(rows), self._left.slice(rows)
        first, self._first = self._first, self._first + taken.height
        try:
            return converted({name: taken.get_column(name).to_list() for name in taken.columns}, self._spec)
        except RowsError as error:
            raise error.after(first) from None

    def close(self) -> None:
        self._file.close()
