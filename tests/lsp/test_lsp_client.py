"""A real language client drives the server through each feature."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from editor import Editor, applied, offset, spanned
from lsprotocol import types
from marked import MATH
from pygls.exceptions import JsonRpcException

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.language.formatter import formatted

EXAMPLE = Path(__file__).parents[2] / "examples" / "gsm8k" / "gsm8k.rwd"


def test_it_says_what_it_can_do(editor: Editor) -> None:
    can = editor.capabilities
    assert can.position_encoding == "utf-16"
    for name in (
        "hover", "completion", "signature_help", "definition", "references", "document_highlight",
        "rename", "document_symbol", "folding_range", "document_formatting", "code_action", "inlay_hint",
        "semantic_tokens", "code_lens",
    ):  # fmt: skip
        assert getattr(can, f"{name}_provider"), name
    assert set(can.execute_command_provider.commands) == {"rewardkit.runTest", "rewardkit.showClaim"}


def test_diagnostics_follow_the_text(editor: Editor, uri: str) -> None:
    editor.open("let x = answr\ninput answer: text\n", uri)
    found = editor.diagnostics(uri)
    assert [d.code for d in found] == ["RK0201"]
    assert spanned(editor.texts[uri], found[0].range) == "answr"
    assert "help: did you mean `answer`?" in found[0].message
    assert found[0].severity == types.DiagnosticSeverity.Error and found[0].source == "rewardkit"
    assert found[0].code_description is not None and "names.md#rk0201" in found[0].code_description.href
    editor.edit(uri, (11, 13, "wer"))
    assert editor.texts[uri].startswith("let x = answer\n")
    assert editor.diagnostics(uri) == ()
    editor.close(uri)
    cleared = editor.published.get(timeout=60)
    assert cleared.uri == uri and cleared.diagnostics == ()


def test_related_places_are_told(editor: Editor, uri: str) -> None:
    editor.open("let a = 1\n# 😀\nlet a = 2\n", uri)
    (found,) = editor.diagnostics(uri)
    (related,) = found.related_information
    assert related.location.uri == uri and related.message == "first here"
    assert (related.location.range.start.line, related.location.range.start.character) == (0, 4)


def test_typing_a_statement_with_broken_states_in_between(editor: Editor, uri: str) -> None:
    editor.open(MATH, uri)
    editor.type(uri, len(MATH), 'let 😀x = "a😀\\n" ')
    for char in "term fast in [0, 1] = 1 - clamp(completion.words / 10, 0, 1)\n":
        editor.type(uri, len(editor.texts[uri]), char)
        editor.at(types.TEXT_DOCUMENT_COMPLETION, uri, len(editor.texts[uri]))
    text = editor.texts[uri]
    assert "RK0101" in [d.code for d in editor.diagnostics(uri)]
    at = text.index("let 😀x")
    editor.edit(uri, (at, text.index("term fast"), ""))
    assert [d for d in editor.diagnostics(uri) if d.severity == types.DiagnosticSeverity.Error] == []


def test_several_changes_at_once_and_whole_texts(editor: Editor, uri: str) -> None:
    editor.open("let a = 1\n", uri)
    editor.edit(uri, (8, 9, "22"), (10, 10, " # 😀"), (8, 10, "b"))
    assert editor.texts[uri] == "let a = b # 😀\n"
    found = editor.diagnostics(uri)
    assert [spanned(editor.texts[uri], d.range) for d in found] == ["b"]
    editor.replace(uri, "let c = d\r\nlet e = f\r\n")
    found = editor.diagnostics(uri)
    assert [(d.range.start.line, d.range.start.character) for d in found] == [(0, 8), (1, 8)]


def test_positions_behind_characters_of_two_units(editor: Editor, uri: str) -> None:
    text = 'let x = text.count("😀𝔸é", "a") + answr  # 😀\ninput answer: text\n'
    editor.open(text, uri)
    (found,) = editor.diagnostics(uri)
    assert spanned(text, found.range) == "answr"
    assert found.range.start.character == text.index("answr") + 2
    hovered = editor.at(types.TEXT_DOCUMENT_HOVER, uri, text.index("+"))
    assert hovered is None or spanned(text, hovered.range)
    editor.edit(uri, (text.index("answr"), text.index("answr") + 5, "1"))
    assert editor.diagnostics(uri) == ()
    hovered = editor.at(types.TEXT_DOCUMENT_HOVER, uri, text.index("text.count") + 6)
    assert "text.count" in hovered.contents.value
    assert spanned(editor.texts[uri], hovered.range) == "text.count"


def test_hover_definition_references(editor: Editor, uri: str) -> None:
    editor.open(MATH, uri)
    at = MATH.index("brevity: 0.2")
    hovered = editor.at(types.TEXT_DOCUMENT_HOVER, uri, at)
    assert hovered.contents.kind == types.MarkupKind.Markdown
    assert "real in [0, 1]" in hovered.contents.value
    found = editor.at(types.TEXT_DOCUMENT_DEFINITION, uri, at)
    assert found.uri == uri and offset(MATH, found.range.start) == MATH.index("brevity when")
    context = types.ReferenceContext(include_declaration=True)
    places = editor.at(types.TEXT_DOCUMENT_REFERENCES, uri, at, context=context)
    assert [spanned(MATH, p.range) for p in places] == ["brevity"] * 4
    context = types.ReferenceContext(include_declaration=False)
    assert len(editor.at(types.TEXT_DOCUMENT_REFERENCES, uri, at, context=context)) == 3
    lit = editor.at(types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, uri, at)
    assert [h.kind for h in lit] == [types.DocumentHighlightKind.Write] + [
        types.DocumentHighlightKind.Read
    ] * 3


def test_completion_and_signature(editor: Editor, uri: str) -> None:
    text = MATH + "# 😀\nlet 𝔸 = 1 let x = math.eq"
    editor.open(text, uri)
    found = editor.at(types.TEXT_DOCUMENT_COMPLETION, uri, len(text))
    (equal,) = [item for item in found.items if item.label == "equal"]
    assert "math.equal(found: text, gold: text, strict: bool = false): bool" in equal.detail
    assert equal.insert_text_format == types.InsertTextFormat.Snippet
    assert applied(text, [equal.text_edit]).endswith("math.equal($0)")
    editor.type(uri, len(text), "ual(final, ")
    found = editor.at(types.TEXT_DOCUMENT_SIGNATURE_HELP, uri, len(editor.texts[uri]))
    assert found.signatures[0].label.startswith("math.equal(")
    assert found.active_parameter == 1


def test_rename(editor: Editor, uri: str) -> None:
    text = "# 😀 brevity\n" + MATH
    editor.open(text, uri)
    at = text.index("brevity: 0.2")
    asked = editor.at(types.TEXT_DOCUMENT_PREPARE_RENAME, uri, at + 2)
    assert asked.placeholder == "brevity" and spanned(text, asked.range) == "brevity"
    edit = editor.at(types.TEXT_DOCUMENT_RENAME, uri, at + 2, new_name="short_enough")
    changed = applied(text, edit.changes[uri])
    assert changed.count("short_enough") == 4 and changed.count("brevity") == 1
    assert check(Source("spec.rwd", changed))[0] is not None
    for wrong, why in (
        ("let", "word of the language"),
        ("accuracy", "declared already"),
        ("x y", "not a name"),
    ):
        assert editor.at(types.TEXT_DOCUMENT_RENAME, uri, at, new_name=wrong) is None
        assert why in editor.messages.get(timeout=60)
    assert editor.at(types.TEXT_DOCUMENT_PREPARE_RENAME, uri, text.index("skip when")) is None


def test_outline_folds_hints_tokens(editor: Editor, uri: str) -> None:
    editor.open(MATH, uri)
    symbols = editor.about(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, uri)
    assert "brevity" in [s.name for s in symbols]
    folds = editor.about(types.TEXT_DOCUMENT_FOLDING_RANGE, uri)
    lines = MATH.splitlines()
    assert [(lines[f.start_line][:4], lines[f.end_line + 1]) for f in folds] == [("test", "}")]
    hints = editor.about(types.TEXT_DOCUMENT_INLAY_HINT, uri, range=editor.whole(uri))
    labels = {MATH[: offset(MATH, h.position)].split()[-1]: h.label for h in hints}
    assert labels == {
        "final": ": text?", "correct": ": bool", "brevity": " in [0, 1]", "reward": " in [0, 1.2]",
    }  # fmt: skip
    legend = editor.capabilities.semantic_tokens_provider.legend.token_types
    data = editor.about(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, uri).data
    line = column = 0
    found = []
    for i in range(0, len(data), 5):
        line, column = line + data[i], data[i + 1] + (column if data[i] == 0 else 0)
        at = offset(MATH, types.Position(line, column))
        found.append((MATH[at : at + data[i + 2]], legend[data[i + 3]]))
    assert (
        ("brevity", "property") in found and ("math", "namespace") in found and ("boxed", "function") in found
    )


def errors(editor: Editor, uri: str) -> list[object]:
    found = editor.diagnostics(uri)
    return [d.code for d in found if d.severity == types.DiagnosticSeverity.Error]


def test_files_that_use_each_other(editor: Editor, tmp_path: Path) -> None:
    folder = tmp_path / "a b é😀"
    folder.mkdir()
    library, spec = folder / "lib.rwd", folder / "spec.rwd"
    library.write_text("def other(x: real): real = x\n")
    text = 'use "lib.rwd" as lib\nterm t in [0, 1] = lib.half(1)\nreward { t: 1.0 }\n'
    uri = editor.open(text, spec.as_uri())
    assert errors(editor, uri) == ["RK0205"]
    # what is open counts, not what was saved, and what uses it is checked again
    shared = editor.open("# half of a number\ndef half(x: real): real = x / 2\n", library.as_uri())
    assert errors(editor, uri) == []
    assert errors(editor, shared) == []
    hovered = editor.at(types.TEXT_DOCUMENT_HOVER, uri, text.index("half"))
    assert "lib.half(x: real): real" in hovered.contents.value
    assert "half of a number" in hovered.contents.value
    found = editor.at(types.TEXT_DOCUMENT_DEFINITION, uri, text.index("half"))
    assert found.uri == shared and spanned(editor.texts[shared], found.range) == "half"
    items = editor.at(types.TEXT_DOCUMENT_COMPLETION, uri, text.index("half")).items
    assert [item.label for item in items] == ["half"]
    helped = editor.at(types.TEXT_DOCUMENT_SIGNATURE_HELP, uri, text.index("(1") + 1)
    assert helped.signatures[0].label == "lib.half(x: real): real"
    at = editor.texts[shared].index("half(")
    edit = editor.at(types.TEXT_DOCUMENT_RENAME, shared, at, new_name="halved")
    assert applied(text, edit.changes[uri]) == text.replace("half", "halved")
    assert "def halved(" in applied(editor.texts[shared], edit.changes[shared])
    editor.edit(shared, (at, at + 4, "third"))
    assert errors(editor, uri) == ["RK0205"]
    library.write_text("def half(x: real): real = x / 4\n")
    editor.close(shared)
    assert errors(editor, uri) == []  # it is read from the file again
    library.write_text("def quarter(x: real): real = x / 4\n")
    changed = types.FileEvent(library.as_uri(), types.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([changed]))
    assert errors(editor, uri) == ["RK0205"]


def test_an_error_in_a_used_file_is_shown_where_it_is_named(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "lib.rwd").write_text("# 😀\ndef half(x: real): real = y\n")
    text = 'use "lib.rwd" as lib\nterm t = lib.half(1)\n'
    uri = editor.open(text, (tmp_path / "spec.rwd").as_uri())
    (found,) = [d for d in editor.diagnostics(uri) if d.code == "RK0218"]
    assert spanned(text, found.range) == '"lib.rwd"'
    place = found.related_information[0].location
    assert place.uri == (tmp_path / "lib.rwd").as_uri() and place.range.start == types.Position(1, 26)


def test_a_test_is_run_by_its_lens(editor: Editor, uri: str) -> None:
    editor.open(MATH.replace("short.reward > 1", "short.reward > 2"), uri)
    assert editor.diagnostics(uri) == ()
    (lens,) = editor.about(types.TEXT_DOCUMENT_CODE_LENS, uri)
    assert lens.command.title == "run test"
    assert editor.texts[uri].splitlines()[lens.range.start.line].startswith("test ")
    params = types.ExecuteCommandParams(lens.command.command, lens.command.arguments)
    before = editor.refreshes
    result = editor.ask(types.WORKSPACE_EXECUTE_COMMAND, params)
    assert result.startswith("FAIL  short wins\n") and "error[RK0810]" in result
    assert "1 expectation does not hold" in editor.messages.get(timeout=60)
    (found,) = editor.diagnostics(uri)
    assert found.code == "RK0810" and "short.reward > 2" in spanned(editor.texts[uri], found.range)
    assert editor.refreshes == before + 1
    (lens,) = editor.about(types.TEXT_DOCUMENT_CODE_LENS, uri)
    assert lens.command.title == "failed: 1 expectation does not hold · run again"
    at = editor.texts[uri].index("> 2") + 2
    editor.edit(uri, (at, at + 1, "1"))
    assert editor.diagnostics(uri) == ()
    (lens,) = editor.about(types.TEXT_DOCUMENT_CODE_LENS, uri)
    assert lens.command.title == "run test"  # the text is another one
    editor.ask(types.WORKSPACE_EXECUTE_COMMAND, params)
    assert editor.messages.get(timeout=60) == "`short wins`: passed"
    assert editor.about(types.TEXT_DOCUMENT_CODE_LENS, uri)[0].command.title == "passed · run again"


def test_claims_show_their_verdicts(editor: Editor, uri: str) -> None:
    text = (
        MATH
        + "prove brevity decreasing in completion.tokens\nprove correct outranks not correct in brevity\n"
    )
    editor.open(text, uri)
    assert editor.diagnostics(uri) == ()
    before = editor.refreshes
    (found,) = editor.diagnostics(uri)  # once the claims are decided
    assert found.code == "RK0301" and "witness" in found.message
    assert spanned(text, found.range).startswith("prove correct outranks")
    titles = [lens.command.title for lens in editor.about(types.TEXT_DOCUMENT_CODE_LENS, uri)]
    assert titles == ["run test", "proved", "refuted"]
    assert editor.refreshes >= before
    lens = editor.about(types.TEXT_DOCUMENT_CODE_LENS, uri)[2]
    shown = editor.ask(
        types.WORKSPACE_EXECUTE_COMMAND,
        types.ExecuteCommandParams(lens.command.command, lens.command.arguments),
    )
    assert shown.startswith("refuted: correct outranks not correct in brevity\n") and 'test "' in shown
    assert editor.messages.get(timeout=60) == "refuted: correct outranks not correct in brevity"
    actions = actions_at(editor, uri, found.range)
    (action,) = [a for a in actions if a.title == "add the case that breaks the claim as a test"]
    assert not action.is_preferred
    mended = applied(text, action.edit.changes[uri])
    assert mended.startswith(text) and mended[len(text) :].lstrip().startswith("test ")
    editor.edit(uri, (text.index("prove correct"), len(text), ""))
    assert editor.diagnostics(uri) == ()
    assert editor.diagnostics(uri) == ()  # again, with the claim that is left decided
    lenses = editor.about(types.TEXT_DOCUMENT_CODE_LENS, uri)
    assert [lens.command.title for lens in lenses] == ["run test", "proved"]


def actions_at(
    editor: Editor, uri: str, range_: types.Range, *only: types.CodeActionKind
) -> list[types.CodeAction]:
    context = types.CodeActionContext(diagnostics=[], only=list(only) or None)
    found: list[types.CodeAction] = editor.about(
        types.TEXT_DOCUMENT_CODE_ACTION, uri, range=range_, context=context
    )
    return found


def test_a_fix_is_applied(editor: Editor, uri: str) -> None:
    text = "# 😀\ninput answer: text\nlet x = answr\nterm t = +1\nreward { t: 1.0 }\n"
    editor.open(text, uri)
    found = {d.code: d for d in editor.diagnostics(uri)}
    (guess,) = actions_at(editor, uri, found["RK0201"].range, types.CodeActionKind.QuickFix)
    assert applied(text, guess.edit.changes[uri]) == text.replace("answr", "answer")
    assert not guess.is_preferred and [d.code for d in guess.diagnostics] == ["RK0201"]
    changed = applied(text, guess.edit.changes[uri])
    (sign,) = actions_at(editor, uri, found["RK0104"].range, types.CodeActionKind.QuickFix)
    editor.replace(uri, applied(text, sign.edit.changes[uri]))
    assert errors(editor, uri) == ["RK0201"]
    editor.replace(uri, changed)
    assert errors(editor, uri) == ["RK0104"]


def test_formatting(editor: Editor, uri: str) -> None:
    text = "# 😀\nlet   x=1#one\nterm y   =x+  1\r\n\n\n\nreward{y:1.0}"
    editor.open(text, uri)
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = editor.about(types.TEXT_DOCUMENT_FORMATTING, uri, options=options)
    wanted = formatted(Source("spec.rwd", text))
    assert wanted != text and applied(text, edits) == wanted
    editor.replace(uri, wanted)
    assert not editor.about(types.TEXT_DOCUMENT_FORMATTING, uri, options=options)
    editor.replace(uri, "let x = (\n")
    assert editor.about(types.TEXT_DOCUMENT_FORMATTING, uri, options=options) is None
    lines = MATH.replace("term brevity", "term   brevity")
    editor.replace(uri, formatted(Source("spec.rwd", MATH)).replace("term brevity", "term   brevity"))
    (edit,) = editor.about(types.TEXT_DOCUMENT_FORMATTING, uri, options=options)
    assert edit.range.end.line - edit.range.start.line <= 2 < lines.count("\n")  # the rest is left alone


@pytest.mark.parametrize(
    "arguments", [None, [], [1], ["file:///nowhere.rwd"], ["file:///nowhere.rwd", "x"], [{"a": 1}, None]]
)
@pytest.mark.parametrize("command", ["rewardkit.runTest", "rewardkit.showClaim"])
def test_commands_with_odd_arguments_do_nothing(
    editor: Editor, command: str, arguments: list[object]
) -> None:
    params = types.ExecuteCommandParams(command, arguments)
    assert editor.ask(types.WORKSPACE_EXECUTE_COMMAND, params) is None


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1", "file:///C:/Users/a%20b/sp%C3%A9c.rwd", "file:///c%3A/x.rwd", "file:///%F0%9F%98%80.rwd",
        "vscode-vfs://github/a/b.rwd", "file://server/share/x.rwd", "git:/a.rwd?%7B%22ref%22%3A%22%22%7D", "",
        "file:///a%00b.rwd", "file://[/x", "x" * 5000,
    ],
    ids=str,
)  # fmt: skip
def test_documents_of_any_uri(editor: Editor, uri: str) -> None:
    editor.open(MATH + "let x = y\n", uri)
    (found,) = editor.diagnostics(uri)
    assert found.code == "RK0201"
    assert editor.at(types.TEXT_DOCUMENT_DEFINITION, uri, MATH.index("brevity: 0.2")).uri == uri
    editor.close(uri)


def test_half_a_character_is_a_text_as_well(editor: Editor, uri: str) -> None:
    editor.open('let x = "a"\n', uri)
    assert errors(editor, uri) == []
    editor.replace(uri, 'let x = "\ud83d" + y\n')
    assert "RK0201" in errors(editor, uri)
    editor.replace(uri, 'let \ude00 = "\ud83d\n')
    assert errors(editor, uri)
    assert editor.about(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, uri) is not None
    editor.replace(uri, MATH)
    assert errors(editor, uri) == []


def test_unknown_documents_are_nothing(editor: Editor) -> None:
    editor.texts["file:///closed.rwd"], editor.versions["file:///closed.rwd"] = "let x = 1", 1
    assert editor.at(types.TEXT_DOCUMENT_HOVER, "file:///closed.rwd", 4) is None
    assert editor.about(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, "file:///closed.rwd") is None


def test_a_text_that_is_too_long_is_told_once(editor: Editor, uri: str) -> None:
    editor.open("# " + "x" * 300_000, uri)
    (found,) = editor.diagnostics(uri)
    assert found.code == "RK0108"
    assert editor.about(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, uri) is None
    editor.replace(uri, MATH)
    assert editor.diagnostics(uri) == ()


def test_typing_is_answered_while_a_long_text_is_checked(editor: Editor, uri: str) -> None:
    slow = "file:///slow.rwd"
    editor.open("".join(f"let x{i} = x{i - 1} + 1\n" if i else "let x0 = 1\n" for i in range(4_000)), slow)
    editor.open(MATH, uri)
    editor.edit(uri, (0, 0, "# "))
    editor.edit(uri, (0, 2, ""))
    assert editor.diagnostics(uri) == ()
    editor.diagnostics(slow)
    editor.close(slow)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_the_encoding_is_what_the_client_asks_for(encoding: str) -> None:
    general = types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind(encoding)])
    editor = Editor(types.ClientCapabilities(general=general))
    try:
        assert editor.capabilities.position_encoding == encoding
        text = 'let x = text.count("é😀", "a") + y\n'
        uri = editor.open(text)
        (found,) = editor.diagnostics(uri)
        before = text[: text.index("+ y") + 2]
        units = {"utf-8": len(before.encode()), "utf-16": len(before) + 1, "utf-32": len(before)}
        assert found.range.start.character == units[encoding]
        place = types.Position(0, units[encoding])
        change = types.TextDocumentContentChangePartial(
            range=types.Range(place, types.Position(0, place.character + 1)), text="1"
        )
        editor.versions[uri] = 2
        named = types.VersionedTextDocumentIdentifier(2, uri)
        editor.client.text_document_did_change(types.DidChangeTextDocumentParams(named, [change]))
        assert editor.diagnostics(uri) == ()
    finally:
        assert editor.stop() == 0


def test_a_client_that_goes_away_ends_the_server() -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "rewardkit", "lsp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = server.communicate(b"", timeout=60)
    assert (server.returncode, out, err) == (0, b"", b"")


def test_what_goes_wrong_inside_is_logged_and_answered_with_null(caplog: pytest.LogCaptureFixture) -> None:
    from rewardkit.lsp.server import Server, _handler

    server = Server()

    async def known(uri: str) -> tuple[None, None]:
        return None, None

    def answer(bench: object, analysis: object, params: object) -> None:
        raise RecursionError("deep")

    server.workbench.known = known  # type: ignore[method-assign,assignment]
    params = types.HoverParams(types.TextDocumentIdentifier("file:///a.rwd"), types.Position(0, 0))
    assert asyncio.run(_handler(server, answer)(params)) is None  # type: ignore[arg-type]
    assert "RecursionError: deep" in caplog.text


def test_exit_without_shutdown_is_told() -> None:
    editor = Editor()
    editor.client.exit(None)
    editor.wait(editor.client.stop())
    assert editor.client._server is not None and editor.client._server.returncode == 1


def test_requests_with_odd_parameters_do_not_end_the_server() -> None:
    editor = Editor()
    uri = editor.open(MATH)
    for line, character in ((10**9, 0), (3, 10**9), (2**31 - 1, 2**31 - 1)):
        place = types.Position(line, character)
        params = types.HoverParams(types.TextDocumentIdentifier(uri), place)
        editor.ask(types.TEXT_DOCUMENT_HOVER, params)
    with pytest.raises(JsonRpcException):
        editor.ask("rewardkit/nothing", {})
    with pytest.raises(JsonRpcException):
        editor.ask(types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams("rewardkit.nothing"))
    closed = types.VersionedTextDocumentIdentifier(1, "file:///never_opened.rwd")
    change = types.TextDocumentContentChangeWholeDocument("x")
    editor.client.text_document_did_change(types.DidChangeTextDocumentParams(closed, [change]))
    assert editor.at(types.TEXT_DOCUMENT_HOVER, uri, MATH.index("brevity")) is not None
    assert editor.stop() == 0
    assert b"not open" in editor.errors


def test_bytes_that_are_no_message_do_not_end_the_server() -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "rewardkit", "lsp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    params = b'{"capabilities": {}, "processId": null, "rootUri": null}'
    asked = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": %b}' % params
    sent = b"Content-Length: 4\r\n\r\nnope" + b"Content-Length: %d\r\n\r\n%b" % (len(asked), asked)
    out, _ = server.communicate(sent, timeout=60)
    assert b'"serverInfo"' in out or b'"capabilities"' in out
    assert server.returncode == 0


def test_without_pygls_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pygls.py").write_text("raise ModuleNotFoundError('No module named pygls')\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from rewardkit.cli import main; main(['lsp'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert done.stderr.strip() == "error: the language server needs pygls: pip install 'rewardkit[lsp]'"
