"""The folders of a run: where they are, and one run at a time in each."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ConfigError, TrainError, reason

_LOCK = ".lock"


def place(base: Path, path: str) -> Path:
    """A path of the run file without `..`; relative where it lies below the current folder.

    Raises `ConfigError` for what can be no path.
    """
    try:
        full, here = (base / path).resolve(), Path.cwd()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{path!r} is no path: {reason(error)}") from None
    return full.relative_to(here) if full.is_relative_to(here) else full


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder; raises `TrainError` that names the process which is in it.

    The lock ends with the process, however that ends. The file stays: removing it would let two in.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / _LOCK, "a+", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        why = "it is not a folder" if isinstance(error, FileExistsError) else reason(error)
        raise TrainError(f"cannot write to {folder}: {why}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise TrainError(
                f"another run (process {file.read().strip() or 'unknown'}) is using {folder}; wait for its "
                "end, or write to another `log.dir`"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file or folder is written into a `TrainError` that names it."""
    try:
        yield
    except Exception as error:
        # torch has a RuntimeError for a full disk, safetensors an error of its own
        if not isinstance(error, OSError | RuntimeError) and type(error).__name__ != "SafetensorError":
            raise
        raise TrainError(f"cannot write {path}: {reason(error)}") from None


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
