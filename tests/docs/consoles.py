"""Documents whose commands run: `console` blocks, with what each command prints.

A fenced block after a line like `` `penalty.rwd`: `` is a file of that name; a `console` block is a command
and its output, run in a folder with these files and the repository's `examples`. To write the outputs anew:

    python tests/docs/consoles.py --update

and then read what changed: `git diff docs`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rewardkit.cli.main import _run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "analyze.md", ROOT / "docs" / "recipes.md"]
_FILE = re.compile(r"^`([\w.]+)`:\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n\$ rewardkit ([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@contextlib.contextmanager
def folder(text: str) -> Iterator[None]:
    """A folder with a document's files, as the current one."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        for name, content in _FILE.findall(text):
            (Path(place) / name).write_text(content, encoding="utf-8")
        (Path(place) / "examples").symlink_to(ROOT / "examples")
        os.chdir(place)
        try:
            yield
        finally:
            os.chdir(before)


def commands(text: str) -> list[tuple[str, str]]:
    """Each command without `rewardkit`, and what the document says it prints."""
    return _CONSOLE.findall(text)


def printed(command: str) -> str:
    """What a command writes on standard output, without spaces at the ends of lines."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        _run(shlex.split(command))
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def update(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    with folder(text):
        new = _CONSOLE.sub(lambda m: f"```console\n$ rewardkit {m[1]}\n{printed(m[1])}```", text)
    path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    for page in PAGES:
        update(page)
