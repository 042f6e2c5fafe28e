"""Any edits of any text: the server answers every request, within the text, and keeps up with the editor."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from cases import CASES, thorough
from editor import Editor, offset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsprotocol import types
from marked import MATH

from rewardkit.lsp.documents import Document

ROOT = Path(__file__).parents[2]
TEXTS = [
    MATH,
    *(p.read_text() for p in sorted(ROOT.glob("examples/*/*.rwd"))),
    (ROOT / "tests" / "language" / "kitchen_sink.txt").read_text(),
    "",
]
WORDS = """
let term test { } ( ) [ ] = == : , . ?? " \"\"\" r" # 😀 é \\ 1 1tok 0.5 math. completion. any(m. for m in
over group when if then else prove outranks reward advantage gdpo sample a expect null language
skip use as lib def f(x: real) = x extern \\u{1F600} input x: text? param mock rows within increasing
"""
PIECES = [*WORDS.split(), " ", "\n", "\t", "\u2028", "\x0b", "\x00", "\ufeff", "\x85", "let x = 1\n"]

splices = st.tuples(
    st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES) | st.text(max_size=3) | st.just(" ")
)
SETTINGS = settings(
    thorough(1 / 10),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
#: where a change begins and ends, and what it writes
changes = st.tuples(st.integers(0, 12), st.integers(0, 12), st.text("b😀\n", max_size=3))
numbers = itertools.count()


def encodable(text: str) -> str:
    """A text without halves of characters, which this client cannot send."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\ufffd", "?")


def ranges(thing: Any) -> list[types.Range]:
    """Every range in an answer."""
    if isinstance(thing, types.Range):
        return [thing]
    if isinstance(thing, list | tuple):
        return [r for item in thing for r in ranges(item)]
    if isinstance(thing, dict):
        return [r for item in thing.values() for r in ranges(item)]
    if hasattr(thing, "__attrs_attrs__"):
        return [r for a in thing.__attrs_attrs__ for r in ranges(getattr(thing, a.name))]
    return []


def unbroken(text: str) -> str:
    """The text with each line break as `\\n`: the only one that this client knows."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@settings(SETTINGS, max_examples=max(1, CASES // 25))
@given(st.sampled_from(TEXTS), st.lists(st.lists(splices, min_size=1, max_size=3), max_size=6), st.data())
def test_every_request_is_answered_whatever_is_written(
    editor: Editor, text: str, edits: Any, data: Any
) -> None:
    uri = f"file:///edits/{next(numbers)}.rwd"
    editor.open(unbroken(encodable(text)), uri)
    for change in edits:
        made = []
        for where, length, piece in change:
            start = int(where * len(editor.texts[uri]))
            made.append((start, min(start + length, len(editor.texts[uri])), unbroken(encodable(piece))))
        # each is placed in the text that those before it leave
        for edit in made:
            size = len(editor.texts[uri])
            editor.edit(uri, (min(edit[0], size), min(edit[1], size), edit[2]))
        at = data.draw(st.integers(0, len(editor.texts[uri])))
        everything(editor, uri, at)
    now = editor.texts[uri]
    found = editor.diagnostics(uri)
    for range_ in ranges(found):
        assert offset(now, range_.start) <= offset(now, range_.end)
    again = f"{uri}.again"
    editor.open(now, again)
    fresh = editor.diagnostics(again)
    assert [(d.code, d.range, d.message) for d in found] == [(d.code, d.range, d.message) for d in fresh]
    editor.close(uri)
    editor.close(again)


def everything(editor: Editor, uri: str, at: int) -> None:
    """Every request about a place and about the text; all that comes back lies in it."""
    text = editor.texts[uri]
    answers = [
        editor.at(types.TEXT_DOCUMENT_HOVER, uri, at),
        editor.at(types.TEXT_DOCUMENT_COMPLETION, uri, at),
        editor.at(types.TEXT_DOCUMENT_SIGNATURE_HELP, uri, at),
        editor.at(types.TEXT_DOCUMENT_DEFINITION, uri, at),
        editor.at(
            types.TEXT_DOCUMENT_REFERENCES, uri, at, context=types.ReferenceContext(include_declaration=True)
        ),
        editor.at(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, uri, at),
        editor.at(types.TEXT_DOCUMENT_PREPARE_RENAME, uri, at),
        editor.at(types.TEXT_DOCUMENT_RENAME, uri, at, new_name="another"),
        editor.about(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, uri),
        editor.about(types.TEXT_DOCUMENT_FOLDING_RANGE, uri),
        editor.about(types.TEXT_DOCUMENT_INLAY_HINT, uri, range=editor.whole(uri)),
        editor.about(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, uri),
        editor.about(types.TEXT_DOCUMENT_CODE_LENS, uri),
        editor.about(
            types.TEXT_DOCUMENT_CODE_ACTION,
            uri,
            range=editor.whole(uri),
            context=types.CodeActionContext(diagnostics=[]),
        ),
    ]
    for range_ in ranges([a for a in answers if not isinstance(a, types.Location)]):
        assert offset(text, range_.start) <= offset(text, range_.end)


@SETTINGS
@given(st.text(st.sampled_from("a😀é\n\r\u2028\x0b\x85\t"), max_size=30), st.data())
def test_positions_are_those_of_the_protocol(text: str, data: Any) -> None:
    """There and back in each encoding; no separator of Unicode ends a line."""
    encoding = data.draw(st.sampled_from(["utf-8", "utf-16", "utf-32"]))
    lines = Document("file:///a.rwd", 1, text, encoding).lines
    assert len(lines) == len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    for at in range(len(text) + 1):
        place = lines.position(at)
        inside = text[at - 1 : at + 1] == "\r\n"
        assert lines.offset(place) == (at - 1 if inside else at)
    for beyond in (types.Position(99, 0), types.Position(len(lines) - 1, 999)):
        assert lines.offset(beyond) == len(text)


@SETTINGS
@given(st.text("a😀\n", max_size=12), st.lists(changes, max_size=5))
def test_changes_make_the_text_that_the_editor_has(text: str, made: list[tuple[int, int, str]]) -> None:
    from editor import position

    document = Document("file:///a.rwd", 1, text)
    for one, other, new in made:
        start, end = sorted((min(one, len(text)), min(other, len(text))))
        range_ = types.Range(position(text, start), position(text, end))
        document = document.changed([types.TextDocumentContentChangePartial(range=range_, text=new)], 2)
        text = text[:start] + new + text[end:]
        assert document.text == text


def test_halves_of_characters_become_one() -> None:
    document = Document("file:///a.rwd", 1, "ab")
    for at, half in ((1, "\ud83d"), (2, "\ude00")):
        place = types.Position(0, at)
        change = types.TextDocumentContentChangePartial(range=types.Range(place, place), text=half)
        document = document.changed([change], 2)
        assert document.source.text.isprintable() or "\ufffd" in document.source.text
        document.source.text.encode()
    assert document.text == document.source.text == "a😀b"
