"""The SARIF renderer: one log of all findings, as code hosts and editors import it.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) version 2.1.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rewardkit.diagnostics.catalogue import FAMILIES, TITLES
from rewardkit.diagnostics.diagnostic import Diagnostic, Fix, Label
from rewardkit.diagnostics.source import Source, Span
from rewardkit.version import __version__

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "lint": "note"}


def to_sarif(diagnostics: Iterable[Diagnostic]) -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run, as plain values, ready for `json.dumps`."""
    found = tuple(diagnostics)
    codes = sorted({d.code for d in found})
    driver = {"name": "rewardkit", "version": __version__, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, codes.index(d.code)) for d in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code}
    if code in TITLES:
        rule["shortDescription"] = {"text": TITLES[code]}
        rule["properties"] = {"family": FAMILIES[code[2:4]][0]}
    return rule


def _result(diagnostic: Diagnostic, index: int) -> dict[str, Any]:
    told = [diagnostic.message, diagnostic.primary.text, *diagnostic.notes, diagnostic.help or ""]
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": "\n".join(part for part in told if part)},
        "locations": [{"physicalLocation": _place(diagnostic.primary.span)}],
    }
    if diagnostic.labels:
        result["relatedLocations"] = [_related(i, label) for i, label in enumerate(diagnostic.labels)]
    if diagnostic.fix is not None:
        result["fixes"] = [_fix(diagnostic.fix)]
    return result


def _related(number: int, label: Label) -> dict[str, Any]:
    related: dict[str, Any] = {"id": number, "physicalLocation": _place(label.span)}
    if label.text:
        related["message"] = {"text": label.text}
    return related


def _fix(fix: Fix) -> dict[str, Any]:
    changes: dict[Source, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        replacement = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        changes.setdefault(edit.span.source, []).append(replacement)
    listed = [{"artifactLocation": _file(source), "replacements": made} for source, made in changes.items()]
    return {"description": {"text": fix.title}, "artifactChanges": listed}


def _place(span: Span) -> dict[str, Any]:
    return {"artifactLocation": _file(span.source), "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _file(source: Source) -> dict[str, str]:
    """A relative path stays one, so that a host can find it in a checkout."""
    path = Path(source.name)
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix(), errors="replace")}
