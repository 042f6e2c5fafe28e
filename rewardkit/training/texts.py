"""Small text files that a run file names, read with a bound: a wrong name may be that of anything."""

from __future__ import annotations

from pathlib import Path


def read_text(path: str | Path, most: int = 16 << 20) -> str:
    """A UTF-8 file of at most `most` bytes. Raises OSError, and ValueError for another file."""
    with open(path, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it has more than {most >> 20} MiB")
    return data.decode("utf-8")
