"""The JSON renderer: one object per diagnostic, positions from 1."""

from __future__ import annotations

from typing import Any

from rewardkit.diagnostics.diagnostic import Diagnostic, Fix, Label


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as plain values, ready for `json.dumps`."""
    found = {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_place(diagnostic.primary),
        "labels": [_place(label) for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fix": None if diagnostic.fix is None else _fix(diagnostic.fix),
    }
    if diagnostic.values:
        found["values"] = [
            {"text": v.span.text, "value": v.value, "start": v.span.start, "end": v.span.end}
            for v in diagnostic.values
        ]
    return found


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{"start": e.span.start, "end": e.span.end, "text": e.text} for e in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}


def _place(label: Label) -> dict[str, Any]:
    source = label.span.source
    line, column = source.position(label.span.start)
    end_line, end_column = source.position(label.span.end)
    return {
        "file": source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "start": label.span.start,
        "end": label.span.end,
        "label": label.text,
    }
