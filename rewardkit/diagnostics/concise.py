"""The concise renderer: one line per finding, for editors, scripts and `grep`."""

from __future__ import annotations

from rewardkit.diagnostics.diagnostic import Diagnostic
from rewardkit.diagnostics.full import visible


def render_concise(diagnostic: Diagnostic) -> str:
    """`math.rwd:12:6: error[RK0402] message`; line and column from 1, in code points."""
    span = diagnostic.primary.span
    line, column = span.source.position(span.start)
    place = f"{visible(span.source.name)}:{line}:{column}"
    return f"{place}: {diagnostic.severity}[{diagnostic.code}] {visible(diagnostic.message)}"
