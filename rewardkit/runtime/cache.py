"""A bounded cache of verifier results, in memory and, where it has a path, on disk between runs.

Faults are never kept, keys are hashes, and what is kept is bounded in number and size. On disk it is an
SQLite file that several processes may write to at once; the oldest results make room for new ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rewardkit.diagnostics import RewardError
from rewardkit.types.values import Call, Message, RunResult, make_result

#: results written at once, and seconds after which fewer are
_BATCH = 1000
_SECONDS = 5.0
#: bytes of a result beyond which it is not kept: results are verdicts, not texts
_LARGEST = 1 << 16
#: what results depend on besides the call
_PACKAGES = ("rewardkit", "math-verify", "latex2sympy2_extended", "sympy")
#: seconds that another process may keep the file to itself
_PATIENCE = 30.0
#: of the table, not of the results
_FORMAT = 1
_TABLE = (
    "CREATE TABLE results "
    "(number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB UNIQUE NOT NULL, value TEXT NOT NULL)"
)
#: all that a file holds, as SQLite tells it
_SCHEMA = {
    ("table", "results", _TABLE),
    ("table", "sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)"),
    ("index", "sqlite_autoindex_results_1", None),
}


class Cache:
    """Least recently used results, at most `size` of them; safe to share between threads.

    With a `path`, results are kept in that file too, at most `size` of them, and found there by later runs.
    Versions of rewardkit and of what it computes with are part of each key: nothing outlives an upgrade.

    Raises:
        RewardError: the file cannot be opened, or is no cache.
    """

    def __init__(self, size: int = 1_000_000, path: str | os.PathLike[str] | None = None) -> None:
        self.size = size
        self._results: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._disk = None if path is None else _Disk(Path(path), size)
        # what is left is written when the cache goes, at the end of the program at the latest
        self._closing = weakref.finalize(self, self._disk.close) if self._disk else None

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def key(self, name: str, constants: dict[str, Any], arguments: tuple[Any, ...]) -> bytes:
        """A 16-byte key of a call: its function, constants and arguments."""
        text = repr((name, sorted(constants.items()), arguments))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, salt=_salt()).digest()

    def get(self, key: bytes) -> tuple[Any] | None:
        """The result, in a tuple as it may be null; `None` where there is none."""
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return (self._results[key],)
            found = self._disk.get(key) if self._disk else None
            if found is not None:
                self._keep(key, found[0])
            return found

    def put(self, key: bytes, value: Any) -> None:
        with self._lock:
            self._keep(key, value)
            if self._disk:
                self._disk.put(key, value)

    def flush(self) -> None:
        """Writes to the file what is not there yet."""
        with self._lock:
            if self._disk:
                self._disk.flush()

    def close(self) -> None:
        """Writes what is left and closes the file; what is in memory stays."""
        with self._lock:
            if self._closing:
                self._closing()
            self._disk = None

    def _keep(self, key: bytes, value: Any) -> None:
        self._results[key] = value
        self._results.move_to_end(key)
        while len(self._results) > self.size:
            self._results.popitem(last=False)


class _Disk:
    """Results in an SQLite file. One that fails later on is given up with a warning: a cache stops no run."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self.size = path, size
        self._waiting: dict[bytes, str] = {}
        self._flushed = time.monotonic()
        self._process = 0
        self._connection: sqlite3.Connection | None = None
        try:
            self._open()
        except sqlite3.Error as error:
            damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(
                error, sqlite3.OperationalError
            )
            self._connection = None
            raise RewardError(
                f"`{path}` is no cache, or a damaged one; delete it or name another file"
                if damaged
                else f"cannot open the cache `{path}`: {error}; name a file in a folder you can write to"
            ) from None

    def get(self, key: bytes) -> tuple[Any] | None:
        try:
            connection = self._connected()
            row = (
                connection
                and connection.execute(
                    "SELECT value FROM results WHERE key = ? AND length(value) <= ?", (key, _LARGEST)
                ).fetchone()
            )
            return (_decoded(json.loads(row[0])),) if row else None
        except (sqlite3.Error, ValueError, TypeError, LookupError, RecursionError) as error:
            self._give_up(error)
            return None

    def put(self, key: bytes, value: Any) -> None:
        text = json.dumps(_encoded(value))
        if len(text) <= _LARGEST:
            self._waiting[key] = text
        if len(self._waiting) >= _BATCH or time.monotonic() - self._flushed > _SECONDS:
            self.flush()

    def flush(self) -> None:
        rows, self._waiting = list(self._waiting.items()), {}
        self._flushed = time.monotonic()
        try:
            connection = self._connected() if rows else None
            if connection is None:
                return
            with connection:
                connection.executemany("INSERT OR REPLACE INTO results (key, value) VALUES (?, ?)", rows)
                # numbers only grow, so the lowest are the oldest
                connection.execute(
                    "DELETE FROM results WHERE number <= (SELECT max(number) FROM results) - ?", (self.size,)
                )
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        self.flush()
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None

    def _connected(self) -> sqlite3.Connection | None:
        if self._connection is not None and self._process != os.getpid():  # SQLite does not survive a fork
            self._waiting = {}
            self._open()
        return self._connection

    def _open(self) -> None:
        connection = sqlite3.connect(self.path, timeout=_PATIENCE, check_same_thread=False)
        try:
            _prepare(connection)
            _write_ahead(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._process = connection, os.getpid()

    def _give_up(self, error: Exception) -> None:
        self._connection = None
        warnings.warn(f"the cache `{self.path}` is not used any more: {error}", RuntimeWarning, stacklevel=4)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the table, unless it is there, in one step: others may open the same new file just now."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        ((found,),) = connection.execute("PRAGMA user_version").fetchall()
        there = set(connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall())
        # nothing beside our own table: a view or a trigger would be run
        if found not in (0, _FORMAT) or there != (_SCHEMA if found else set()):
            raise sqlite3.DatabaseError("another kind of file")
        if not found:
            connection.execute(_TABLE)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let several processes read while one writes."""
    connection.execute("PRAGMA synchronous = OFF")  # what a power cut loses is computed again
    limit = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # for others that do the same, SQLite does not wait by itself
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > limit:
                raise
            time.sleep(0.01)


_SALT: bytes | None = None


def _salt() -> bytes:
    """A hash of the versions that results depend on."""
    global _SALT
    if _SALT is None:
        versions = []
        for package in _PACKAGES:
            try:
                versions.append(f"{package} {version(package)}")
            except PackageNotFoundError:  # it is run from a checkout, or brings no verdicts
                versions.append(package)
        _SALT = hashlib.blake2b("\n".join(versions).encode(), digest_size=16).digest()
    return _SALT


def _result(*fields: Any) -> RunResult:
    """A result of its fields. Raises `ValueError` where it is none that `code.run` gives."""
    make_result(*fields)
    return RunResult(*fields)


_NAMES = {Call: "call", Message: "message", RunResult: "result"}
_MADE: dict[str, Callable[..., Any]] = {"call": Call, "message": Message, "result": _result}


def _encoded(value: Any) -> Any:
    """A value of the language as JSON: lists are tagged, so that nothing else is taken for one."""
    if isinstance(value, tuple | list):
        return ["list", *map(_encoded, value)]
    if type(value) in _NAMES:
        return [_NAMES[type(value)], *(_encoded(getattr(value, name)) for name in type(value).__slots__)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a result of type {type(value).__name__} cannot be kept")


def _decoded(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    kind, *parts = value
    decoded = tuple(map(_decoded, parts))
    return decoded if kind == "list" else _MADE[kind](*decoded)
