"""The diagnostic value, and the errors that carry several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rewardkit.diagnostics.source import Source, Span

#: a lint is advice on a spec that may be right: it never changes an exit code
Severity = Literal["error", "warning", "lint"]


@dataclass(frozen=True)
class Label:
    """A span with a remark; `""` only underlines."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Edit:
    """`text` in the place of a span; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True)
class Fix:
    """What to change. A safe fix keeps the meaning of a spec that checks; an unsafe one is a guess."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool = False


@dataclass(frozen=True)
class Shown:
    """The value of a part of an expression, drawn under the offset `at`: its operator or its beginning."""

    span: Span
    at: int
    value: str


@dataclass(frozen=True)
class Diagnostic:
    """One finding: where it shows (`primary`), the declarations that make it so (`labels`), what to do.

    `values` are those of parts of the primary span, where it is an expression that has been computed.
    `message` is one terse sentence: lower case, no full stop, user text in backticks.
    """

    code: str
    severity: Severity
    message: str
    primary: Label
    labels: tuple[Label, ...] = ()
    help: str | None = None
    notes: tuple[str, ...] = ()
    fix: Fix | None = None
    values: tuple[Shown, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.severity == "error"


class RewardError(Exception):
    """Base of every error that rewardkit raises on purpose; its text is one line that says what to do."""


class SpecError(RewardError):
    """A spec that does not check. `diagnostics` holds every finding, errors first to last in the file."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__()

    def __str__(self) -> str:
        from rewardkit.diagnostics.full import render_full

        return "\n\n" + "\n\n".join(render_full(d) for d in self.diagnostics if d.is_error)


class TooMany(Exception):
    """Raised by `Collector` when a file has so many errors that nobody would read more."""


class Collector:
    """Diagnostics gathered while a spec is read; later stages add to the same one."""

    #: errors of one file; what is found after that is not looked for
    MOST = 100

    def __init__(self) -> None:
        self._found: dict[Diagnostic, None] = {}  # in order, each once
        self._errors = 0

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        labels: tuple[Label, ...] = (),
        help: str | None = None,
        notes: tuple[str, ...] = (),
        fix: Fix | None = None,
    ) -> None:
        self.add(Diagnostic(code, "error", message, Label(span, label), labels, help, notes, fix))

    def warning(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        labels: tuple[Label, ...] = (),
        help: str | None = None,
        notes: tuple[str, ...] = (),
        fix: Fix | None = None,
    ) -> None:
        self.add(Diagnostic(code, "warning", message, Label(span, label), labels, help, notes, fix))

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic once: the same finding at the same place, reached twice, is one.

        Raises:
            TooMany: there are `MOST` errors already.
        """
        if diagnostic in self._found:
            return
        if diagnostic.is_error and self._errors == self.MOST:
            raise TooMany
        self._errors += diagnostic.is_error
        self._found[diagnostic] = None

    @property
    def has_errors(self) -> bool:
        return self._errors > 0

    def sorted(self, first: Source | None = None) -> tuple[Diagnostic, ...]:
        """In file order, `first` before other files; at one place errors before warnings."""

        def place(found: Diagnostic) -> tuple[bool, str, int, bool, str]:
            source = found.primary.span.source
            other = first is not None and source is not first
            return other, source.name, found.primary.span.start, not found.is_error, found.code

        return tuple(sorted(self._found, key=place))
