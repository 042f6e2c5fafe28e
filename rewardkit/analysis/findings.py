"""What an analysis tells in words: one finding, one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """`kind` names the rule (`docs/analyze.md` lists them); `term` is what it is about, if one term is."""

    kind: str
    severity: Literal["warning", "note"]
    term: str | None
    message: str
    help: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "severity": self.severity,
            "term": self.term,
            "message": self.message,
            "help": self.help,
        }


def number(value: float | None) -> str:
    """Four digits, `–` where there is no number."""
    return "–" if value is None or value != value else f"{value + 0.0:.4g}"


def share(value: float | None) -> str:
    """A share in percent; small ones keep a digit that is not 0."""
    if value is None or value != value:
        return "–"
    if value >= 0.0995 or value == 0:
        return f"{value:.0%}"
    return f"{value:.1%}" if value >= 0.0005 else f"{value * 100:.1g}%"
