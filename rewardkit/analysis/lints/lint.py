"""What a lint is: a code, a name, and a function that finds places where a spec may not do what is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rewardkit.diagnostics import Diagnostic, Fix, Label, Span
from rewardkit.diagnostics.catalogue import TITLES


@dataclass(frozen=True)
class Finding:
    """One place: what it does, and what to write instead."""

    message: str
    span: Span
    help: str
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    fix: Fix | None = None


@dataclass(frozen=True)
class Lint:
    """`find` is given a checked `Spec`, or the `Module` of any file where `on_any_file` says so.

    `name` is what `# allow: NAME` silences, and the page `docs/lints/NAME.md`.
    """

    code: str
    name: str
    find: Callable[[Any], Iterable[Finding]]
    on_any_file: bool = False
    can_be_meant: bool = True

    @property
    def summary(self) -> str:
        """What it finds, in a few words."""
        return TITLES[self.code]

    def diagnostic(self, found: Finding) -> Diagnostic:
        meant = (f"where it is meant, say so: `# allow: {self.name}`",) if self.can_be_meant else ()
        return Diagnostic(
            self.code,
            "lint",
            found.message,
            Label(found.span, found.label),
            found.labels,
            found.help,
            (*found.notes, *meant),
            found.fix,
        )
