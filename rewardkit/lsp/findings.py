"""Diagnostics and fixes, as the protocol writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from lsprotocol import types

from rewardkit.diagnostics import Diagnostic, Edit, Source, Span
from rewardkit.diagnostics.catalogue import FAMILIES, TITLES
from rewardkit.language import tree as t
from rewardkit.lsp.documents import Document, uri_of
from rewardkit.lsp.positions import Lines

_PAGES = Path(__file__).parents[2] / "docs" / "diagnostics"
_SEVERITY = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "lint": types.DiagnosticSeverity.Information,
}

#: diagnostics of one file that are shown
MOST = 500


def published(document: Document, found: Iterable[Diagnostic], module: t.Module) -> list[types.Diagnostic]:
    """Diagnostics of one document; what lies in a used file is shown where that is named."""
    return [_one(document, diagnostic, module) for diagnostic in list(found)[:MOST]]


def _one(document: Document, diagnostic: Diagnostic, module: t.Module) -> types.Diagnostic:
    span = diagnostic.primary.span
    labels = [(label.span, label.text) for label in diagnostic.labels]
    if span.source is not document.source:
        labels.insert(0, (span, diagnostic.primary.text or diagnostic.message))
        range_ = document.lines.span(_use_of(module, span.source) or Span(document.source, 0, 0))
    else:
        range_ = visible(document.lines, span)
    related = [
        types.DiagnosticRelatedInformation(location(document, place), text or "here")
        for place, text in labels
    ]
    return types.Diagnostic(
        range=range_,
        message=message_of(diagnostic),
        severity=_SEVERITY[diagnostic.severity],
        code=diagnostic.code,
        code_description=described_at(diagnostic.code),
        source="rewardkit",
        related_information=related or None,
    )


def message_of(diagnostic: Diagnostic) -> str:
    """Message, label, notes and help, a line each."""
    label = [diagnostic.primary.text] if diagnostic.primary.text else []
    notes = [f"note: {note}" for note in diagnostic.notes]
    return "\n".join(
        [diagnostic.message, *label, *notes, *([f"help: {diagnostic.help}"] if diagnostic.help else [])]
    )


def visible(lines: Lines, span: Span) -> types.Range:
    """The range of a span; an empty one takes a character in, so that it can be seen."""
    start, end = span.start, span.end
    if start >= end:
        end = min(start + 1, lines.line_end(start))
        start = start if end > start else max(0, start - 1)
        if lines.text[start : start + 1] in ("\n", "\r"):
            start = span.start
    return lines.range(start, max(start, end))


def location(document: Document, span: Span) -> types.Location:
    if span.source is document.source:
        return types.Location(document.uri, document.lines.span(span))
    uri = uri_of(span.source.path) if span.source.path is not None else document.uri
    return types.Location(uri, Lines(span.source.text, document.encoding).span(span))


def _use_of(module: t.Module, source: Source) -> Span | None:
    """The `use` that names a file, or the first, which may have brought it in."""
    first = next((s.path.span for s in module.statements if isinstance(s, t.Use)), None)
    name = source.path.name if source.path is not None else None
    for statement in module.statements:
        if isinstance(statement, t.Use) and Path(statement.path.value).name == name:
            return statement.path.span
    return first


@cache
def described_at(code: str) -> types.CodeDescription | None:
    """Where a code is explained, if the documents are there."""
    page = _PAGES / FAMILIES.get(code[2:4], ("", ""))[1]
    if code not in TITLES or not page.is_file():
        return None
    heading = f"{code}: {TITLES[code]}".lower()
    anchor = re.sub(r"[^\w -]", "", heading).replace(" ", "-")
    return types.CodeDescription(f"{uri_of(page.resolve())}#{anchor}")


# --- fixes ------------------------------------------------------------------------------------------

Encode = Callable[[Source], tuple[str, Lines] | None]


def workspace_edit(edits: Sequence[Edit], encode: Encode) -> types.WorkspaceEdit | None:
    """Edits as the protocol writes them; `None` where a file of theirs is not known."""
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in edits:
        place = encode(edit.span.source)
        if place is None:
            return None
        uri, lines = place
        changes.setdefault(uri, []).append(types.TextEdit(lines.span(edit.span), edit.text))
    return types.WorkspaceEdit(changes=changes)


def actions(
    document: Document, found: Sequence[Diagnostic], module: t.Module, start: int, end: int
) -> list[types.CodeAction]:
    """Fixes of what is found between two offsets, and all safe ones of the file at once."""

    def encode(source: Source) -> tuple[str, Lines] | None:
        if source is document.source:
            return document.uri, document.lines
        return (uri_of(source.path), Lines(source.text, document.encoding)) if source.path else None

    out = []
    for diagnostic in found:
        fix, span = diagnostic.fix, diagnostic.primary.span
        if fix is None or span.source is not document.source or span.start > end or span.end < start:
            continue
        edit = workspace_edit(fix.edits, encode)
        if edit is not None:
            out.append(
                types.CodeAction(
                    title=fix.title,
                    kind=types.CodeActionKind.QuickFix,
                    diagnostics=[_one(document, diagnostic, module)],
                    is_preferred=fix.safe,
                    edit=edit,
                )
            )
    together = safe_edits(found, document.source)
    edit = workspace_edit(together, encode)
    if together and edit is not None:
        title = "fix all that is safe to fix"
        out.append(types.CodeAction(title=title, kind=types.CodeActionKind.SourceFixAll, edit=edit))
    return out


def safe_edits(found: Sequence[Diagnostic], source: Source) -> list[Edit]:
    """The edits of all safe fixes, without a fix that meets an earlier one."""
    taken: list[Edit] = []
    for diagnostic in found:
        fix = diagnostic.fix
        if fix is None or not fix.safe or any(e.span.source is not source for e in fix.edits):
            continue
        if any(edit in taken for edit in fix.edits):
            continue
        if not any(_meet(edit.span, other.span) for edit in fix.edits for other in taken):
            taken += fix.edits
    return taken


def _meet(a: Span, b: Span) -> bool:
    return a.start <= b.end and b.start <= a.end
