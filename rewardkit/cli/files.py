"""Files that verbs rewrite: shown as a difference, or replaced in one step."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from rewardkit.diagnostics.full import visible


def print_diff(name: str, before: str, after: str) -> None:
    """What would change in a file, as a unified diff."""
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm=""):
        print(visible(line))


def write_atomically(path: Path, text: str) -> None:
    """Replace a file in one step, so that it is never there in half; a link stays a link, the mode stays."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, name)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
