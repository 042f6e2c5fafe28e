"""What verbs print: diagnostics, tables, progress."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, TextIO

from rewardkit.diagnostics import (
    Diagnostic,
    render_concise,
    render_full,
    render_github,
    to_json,
    to_sarif,
)

_COLORS = {"error": "\033[1;31m", "warning": "\033[1;33m", "lint": "\033[1;36m", "ok": "\033[32m"}
_RESET = "\033[0m"


class Format(StrEnum):
    """How a verb prints its result."""

    full = "full"
    json = "json"


class DiagnosticFormat(StrEnum):
    """How a verb whose result is diagnostics prints them."""

    full = "full"
    concise = "concise"
    json = "json"
    github = "github"
    sarif = "sarif"


_LINES = {"concise": render_concise, "github": render_github}


def print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))


def print_diagnostics(diagnostics: Iterable[Diagnostic], form: str, file: TextIO | None = None) -> None:
    """Diagnostics in full on standard error, or on standard output in a form that programs read."""
    if form == "json":
        print_json([to_json(d) for d in diagnostics])
        return
    if form == "sarif":
        print_json(to_sarif(diagnostics))
        return
    if form in _LINES:
        for diagnostic in diagnostics:
            print(_LINES[form](diagnostic), file=file)
        return
    file = file or sys.stderr
    for diagnostic in diagnostics:
        text = render_full(diagnostic)
        if _colored(file):
            head, _, rest = text.partition("\n")
            label, _, message = head.partition(": ")
            text = f"{_COLORS[diagnostic.severity]}{label}{_RESET}\033[1m: {message}{_RESET}\n{rest}"
        print(text + "\n", file=file)


def ok(text: str) -> str:
    return f"{_COLORS['ok']}{text}{_RESET}" if _colored(sys.stdout) else text


def bad(text: str) -> str:
    return f"{_COLORS['error']}{text}{_RESET}" if _colored(sys.stdout) else text


def _colored(file: TextIO | None) -> bool:
    return file is not None and file.isatty() and "NO_COLOR" not in os.environ


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, the first to the left and the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def left_table(rows: Sequence[Sequence[str]], indent: int = 0) -> str:
    """Columns aligned to the left, the last as long as it is."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(" " * indent + line for line in lines)


class ProgressLine:
    """One line on a terminal that tells how far a long job is; silent elsewhere."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._last = 0.0
        self._width = 0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if not self._on or (now - self._last < 0.1 and done < total):
            return
        self._last = now
        text = f"{what}: {done:,} of {total:,}"
        print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
        self._width = len(text)

    def clear(self) -> None:
        if self._on and self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0
