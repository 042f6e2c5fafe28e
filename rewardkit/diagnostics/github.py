"""The GitHub renderer: workflow commands, which show a finding beside the line of a pull request.

Source: docs.github.com, "Workflow commands for GitHub Actions", setting an error, warning or notice message.
"""

from __future__ import annotations

from rewardkit.diagnostics.diagnostic import Diagnostic

_COMMANDS = {"error": "error", "warning": "warning", "lint": "notice"}


def render_github(diagnostic: Diagnostic) -> str:
    """`::error file=math.rwd,line=12,…,title=RK0402::message`; notes and help are further lines of it."""
    span = diagnostic.primary.span
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    place = {"file": span.source.name, "line": str(line), "endLine": str(end_line)}
    if line == end_line:  # columns are only read within one line
        place |= {"col": str(column), "endColumn": str(end_column)}
    properties = ",".join(f"{key}={_property(value)}" for key, value in place.items())
    told = [diagnostic.message, diagnostic.primary.text, *diagnostic.notes, diagnostic.help or ""]
    text = _escaped("\n".join(part for part in told if part))
    return f"::{_COMMANDS[diagnostic.severity]} {properties},title={diagnostic.code}::{text}"


def _escaped(text: str) -> str:
    """A line break would end the command, and `%` begins an escape."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
