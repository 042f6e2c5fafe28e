"""Files that verbs rewrite: shown as a difference, or replaced in one step."""

from __future__ import annotations

import difflib
import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from rewardkit.diagnostics import RewardError


def replace_file(path: Path, text: str) -> None:
    """Puts a file in the place of another at once, with its mode; a link stays one.

    Raises:
        RewardError: the file may not be written.
    """
    place = path.resolve()
    try:
        if not os.access(place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        _replace(place, text.encode("utf-8"), place.stat())
    except OSError as error:
        raise RewardError(f"cannot write `{path}`: {error.strerror or error}") from None


def _replace(place: Path, data: bytes, like: os.stat_result) -> None:
    handle, new = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(data)
            with suppress(OSError):  # only root may give a file away
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode))
        os.replace(new, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise


def difference(name: str, before: str, after: str, what: str) -> str:
    """A unified diff; lines end where line feeds stand, and nowhere else. `what` says what was done."""
    out = []
    for line in difflib.unified_diff(_lines(before), _lines(after), name, f"{name} ({what})"):
        out.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(out)


def _lines(text: str) -> list[str]:
    return [line + "\n" for line in text.split("\n")[:-1]] + [last for last in text.split("\n")[-1:] if last]
