"""What a person sees while a context run goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..progress import number
from .records import ContextRecord

_PAUSE = 10.0  # seconds between two plain lines about the same work


class Screen(Protocol):
    """Where a context run reports to."""

    def note(self, text: str) -> None:
        """Something worth a line of its own."""

    def work(self, what: str, done: int, of: int) -> None:
        """So much of what is under way is done."""

    def step(self, record: ContextRecord) -> None:
        """A step is done."""


class Quiet:
    """Shows nothing, or hands steps and notes on to something that has no `work`."""

    def __init__(self, show: object = None) -> None:
        self._show = show

    def note(self, text: str) -> None:
        if self._show is not None:
            self._show.note(text)  # type: ignore[attr-defined]

    def work(self, what: str, done: int, of: int) -> None:
        pass

    def step(self, record: ContextRecord) -> None:
        if self._show is not None:
            self._show.step(record)  # type: ignore[attr-defined]


@contextmanager
def screen(total: int, unit: str, console: Console | None = None) -> Iterator[Screen]:
    """A live view on a terminal, plain lines elsewhere, of `total` steps or metric calls (the `unit`)."""
    console = console or Console(stderr=True, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        yield _Lines(total, unit, console)
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield _Live(total, unit, live)


def _place(record: ContextRecord, total: int, unit: str) -> str:
    if unit == "step":
        return f"step {record.step}/{total}"
    return f"step {record.step}, {record.metric_calls:,}/{total:,} {unit}s"


def _measures(record: ContextRecord) -> list[tuple[str, str]]:
    return [
        ("reward", number(record.reward)),
        *([] if record.valid is None else [("valid", number(record.valid))]),
        ("size", str(record.size)),
        ("changes", str(record.changes)),
        *([] if record.used is None else [("used", f"{record.used:.0%}")]),
        *([("unread", str(record.unread))] if record.unread else []),
        ("faults", str(record.faults)),
    ]


class _Lines:
    def __init__(self, total: int, unit: str, console: Console) -> None:
        self._total, self._unit, self._console = total, unit, console
        self._shown = time.monotonic()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def work(self, what: str, done: int, of: int) -> None:
        if done < of and time.monotonic() - self._shown >= _PAUSE:
            self._shown = time.monotonic()
            self.note(f"  {what} {done}/{of}")

    def step(self, record: ContextRecord) -> None:
        self._shown = time.monotonic()
        terms = "  ".join(f"{name} {number(value)}" for name, value in record.terms.items())
        rest = "  ".join(f"{name} {value}" for name, value in _measures(record))
        times = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in record.seconds.items())
        self.note(f"{_place(record, self._total, self._unit)}  {terms}  {rest}  {times}")


class _Live:
    def __init__(self, total: int, unit: str, live: Live) -> None:
        self._live, self._unit, self._total = live, unit, total
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeRemainingColumn())
        self._task = self._bar.add_task(f"{unit}s", total=total)
        self._work = self._bar.add_task("", visible=False)
        live.update(self._bar)

    def note(self, text: str) -> None:
        self._live.console.print(text, markup=False)

    def work(self, what: str, done: int, of: int) -> None:
        self._bar.update(self._work, completed=done, total=of, description=what, visible=done < of)

    def step(self, record: ContextRecord) -> None:
        done = record.step if self._unit == "step" else min(record.metric_calls, self._total)
        self._bar.update(self._task, completed=done)
        terms = Table("term", "mean", box=None, pad_edge=False)
        for name, value in record.terms.items():
            terms.add_row(name, number(value))
        measures = Table.grid(padding=(0, 2))
        measures.add_row(*(f"{name} [bold]{value}[/bold]" for name, value in _measures(record)))
        self._live.update(Group(self._bar, terms, measures))
