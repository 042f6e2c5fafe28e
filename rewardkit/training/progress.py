"""What a person sees while a run goes on: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .records import StepRecord


class Show(Protocol):
    """Where a run reports to."""

    def note(self, text: str) -> None:
        """Something worth a line of its own."""

    def warm(self, step: int, steps: int, loss: float) -> None:
        """A step of the warm-up is done."""

    def step(self, record: StepRecord) -> None:
        """A step is done."""


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None:
        pass

    def warm(self, step: int, steps: int, loss: float) -> None:
        pass

    def step(self, record: StepRecord) -> None:
        pass


@contextmanager
def show(steps: int, console: Console | None = None) -> Iterator[Show]:
    """A live table on a terminal, plain lines elsewhere; standard error unless told otherwise."""
    console = console or Console(stderr=True, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        yield _Lines(steps, console)
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield _Table(steps, live)


class _Lines:
    def __init__(self, steps: int, console: Console) -> None:
        self._steps, self._console = steps, console
        self._every = max(1, steps // 20)

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def warm(self, step: int, steps: int, loss: float) -> None:
        if step == steps or step % max(1, steps // 10) == 0:
            self.note(f"warm-up {step}/{steps}  loss {loss:.3f}")

    def step(self, record: StepRecord) -> None:
        if record.step in (1, self._steps) or record.step % self._every == 0:
            terms = "  ".join(f"{name} {_term(record, name)}" for name in record.terms)
            rest = "  ".join(f"{name} {value}" for name, value in _measures(record))
            self.note(f"step {record.step}/{self._steps}  {terms}  {rest}  {_times(record)}")


class _Table:
    def __init__(self, steps: int, live: Live) -> None:
        self._live = live
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        )
        self._steps = steps
        self._warm = self._bar.add_task("warm-up", visible=False)
        self._task = self._bar.add_task("step", total=steps)
        live.update(self._bar)

    def note(self, text: str) -> None:
        self._live.console.print(text, markup=False)

    def warm(self, step: int, steps: int, loss: float) -> None:
        self._bar.update(
            self._warm,
            completed=step,
            total=steps,
            visible=step < steps,
            description=f"warm-up, loss {loss:.3f}",
        )

    def step(self, record: StepRecord) -> None:
        self._bar.update(self._task, completed=record.step)
        terms = Table("term", "mean", "gate open", "effective share", box=None, pad_edge=False)
        for name, mean in record.terms.items():
            gate, share = record.gates.get(name), record.shares.get(name)
            terms.add_row(name, number(mean), percent(gate), percent(share))
        measures = Table.grid(padding=(0, 2))
        measures.add_row(*(f"{name} [bold]{value}[/bold]" for name, value in _measures(record)[:4]))
        measures.add_row(*(f"{name} [bold]{value}[/bold]" for name, value in _measures(record)[4:]))
        self._live.update(Group(self._bar, terms, measures, _times(record)))


def number(value: float | None) -> str:
    """Three decimals; a dash for no value."""
    return "-" if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """A share; a dash for no value."""
    return "-" if value is None else f"{value:.0%}"


def _term(record: StepRecord, name: str) -> str:
    gate, share = record.gates.get(name), record.shares.get(name)
    notes = [f"gate {percent(gate)}"] * (gate is not None) + [f"share {percent(share)}"] * (share is not None)
    return number(record.terms[name]) + (f" ({', '.join(notes)})" if notes else "")


def _measures(record: StepRecord) -> list[tuple[str, str]]:
    return [
        ("reward", number(record.reward)),
        ("no signal", percent(record.no_signal)),
        ("tokens", f"{record.tokens:.1f}"),
        ("finished", percent(record.finished)),
        ("clipped", "-" if record.clip_fraction is None else f"{record.clip_fraction:.1%}"),
        *([] if record.kl is None else [("kl", f"{record.kl:.4f}")]),
        ("faults", str(record.faults)),
    ]


def _times(record: StepRecord) -> str:
    return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in record.seconds.items())
