"""Diagnostics and fixes as the protocol writes them."""

from __future__ import annotations

from editor import applied, spanned
from lsprotocol import types

from rewardkit.diagnostics import Diagnostic, Edit, Fix, Label, Source, Span
from rewardkit.diagnostics.catalogue import TITLES
from rewardkit.lsp.analysis import analyse
from rewardkit.lsp.documents import Document, uri_of
from rewardkit.lsp.findings import actions, described_at, published, safe_edits, visible

TEXT = "# 😀\nlet a = 1\nlet b = 2\nlet c = 3\n"


def document() -> Document:
    return Document("file:///a.rwd", 1, TEXT)


def found(source: Source, *fixes: tuple[str, str, bool]) -> list[Diagnostic]:
    """A finding at each word, with a fix that writes another one."""
    out = []
    for word, new, safe in fixes:
        span = Span(source, TEXT.index(word), TEXT.index(word) + len(word))
        fix = Fix(f"write {new}", (Edit(span, new),), safe)
        out.append(Diagnostic("RK0201", "warning", "odd", Label(span), fix=fix))
    return out


def test_a_fix_is_an_action_where_it_is_found() -> None:
    doc = document()
    module = analyse(doc.source).module
    everything = found(doc.source, ("a = 1", "a = 9", True), ("b = 2", "b = 8", False))
    first = actions(doc, everything, module, TEXT.index("a = 1"), TEXT.index("a = 1"))
    assert [(a.title, a.kind, a.is_preferred) for a in first] == [
        ("write a = 9", types.CodeActionKind.QuickFix, True),
        ("fix all that is safe to fix", types.CodeActionKind.SourceFixAll, None),
    ]
    assert applied(TEXT, first[0].edit.changes[doc.uri]) == TEXT.replace("a = 1", "a = 9")
    assert spanned(TEXT, first[0].diagnostics[0].range) == "a = 1"
    assert applied(TEXT, first[1].edit.changes[doc.uri]) == TEXT.replace("a = 1", "a = 9")
    second = actions(doc, everything, module, TEXT.index("b = 2"), TEXT.index("b = 2"))
    assert second[0].is_preferred is False
    assert actions(doc, everything, module, 0, 0)[0].kind == types.CodeActionKind.SourceFixAll
    assert actions(doc, [], module, 0, len(TEXT)) == []


def test_fixes_that_meet_are_not_made_together() -> None:
    source = document().source
    words = [("a = 1", "A", True), ("= 1", "B", True), ("b = 2", "C", False), ("c = 3", "D", True)]
    edits = safe_edits(found(source, *words), source)
    assert [edit.text for edit in edits] == ["A", "D"]


def test_a_fix_may_change_a_used_file(tmp_path) -> None:
    doc = document()
    other = Source("lib.rwd", "def f(x: real): real = x\n", tmp_path / "lib.rwd")
    fix = Fix("rename", (Edit(Span(other, 4, 5), "g"), Edit(Span(doc.source, 0, 1), "#")))
    diagnostic = Diagnostic("RK0201", "error", "odd", Label(Span(doc.source, 0, 1)), fix=fix)
    (action,) = actions(doc, [diagnostic], analyse(doc.source).module, 0, 1)
    assert set(action.edit.changes) == {doc.uri, uri_of(tmp_path / "lib.rwd")}
    nowhere = Fix("rename", (Edit(Span(Source("lib.rwd", "x"), 0, 1), "g"),))
    diagnostic = Diagnostic("RK0201", "error", "odd", Label(Span(doc.source, 0, 1)), fix=nowhere)
    assert actions(doc, [diagnostic], analyse(doc.source).module, 0, 1) == []


def test_an_empty_span_is_seen() -> None:
    for text, at in (("abc", 1), ("abc", 3), ("abc\n", 3), ("", 0), ("\n", 0), ("a\r\nb", 1)):
        doc = Document("file:///a.rwd", 1, text)
        shown = visible(doc.lines, Span(doc.source, at, at))
        if text.strip():
            assert len(spanned(text.replace("\r", ""), shown)) == 1
        assert shown.start.line == shown.end.line


def test_labels_notes_and_help_are_told() -> None:
    doc = document()
    diagnostic = Diagnostic(
        "RK0201", "error", "odd", Label(Span(doc.source, 9, 10), "here it is"), help="write b",
        labels=(Label(Span(doc.source, 19, 20), ""),), notes=("a note",),
    )  # fmt: skip
    (shown,) = published(doc, [diagnostic], analyse(doc.source).module)
    assert shown.message == "odd\nhere it is\nnote: a note\nhelp: write b"
    assert [r.message for r in shown.related_information] == ["here"]
    assert shown.severity == types.DiagnosticSeverity.Error


def test_every_code_links_to_a_heading_that_is_there() -> None:
    import re
    from pathlib import Path
    from urllib.parse import urlsplit

    for code in TITLES:
        link = described_at(code)
        assert link is not None, code
        parts = urlsplit(link.href)
        headings = re.findall(r"^## (.*)$", Path(parts.path).read_text(), re.MULTILINE)
        anchors = [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]
        assert parts.fragment in anchors
    assert described_at("XX9999") is None
