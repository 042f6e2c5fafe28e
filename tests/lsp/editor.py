"""An editor for tests: a real language client that starts `rewardkit lsp` and speaks to it."""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
import time
from collections.abc import Coroutine, Iterable, Sequence
from itertools import pairwise
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

PATIENCE = 60.0

#: what the client says it can do
CAPABILITIES = types.ClientCapabilities(
    workspace=types.WorkspaceClientCapabilities(
        code_lens=types.CodeLensWorkspaceClientCapabilities(refresh_support=True)
    ),
    text_document=types.TextDocumentClientCapabilities(
        rename=types.RenameClientCapabilities(prepare_support=True)
    ),
)


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def position(text: str, offset: int) -> types.Position:
    """The position of an offset, counted as an editor does that keeps its texts in UTF-16."""
    line = text.count("\n", 0, offset)
    begin = text.rfind("\n", 0, offset) + 1
    return types.Position(line, len(utf16(text[begin:offset])) // 2)


def offset(text: str, at: types.Position) -> int:
    """The offset of a position, which must lie in the text and between two characters."""
    lines = text.split("\n")
    assert 0 <= at.line < len(lines), (at, len(lines))
    data = utf16(lines[at.line])
    assert 0 <= 2 * at.character <= len(data), (at, lines[at.line])
    before = data[: 2 * at.character].decode("utf-16-le")
    return sum(len(line) + 1 for line in lines[: at.line]) + len(before)


def spanned(text: str, at: types.Range) -> str:
    return text[offset(text, at.start) : offset(text, at.end)]


def applied(text: str, edits: Iterable[Any]) -> str:
    """A text after edits that do not meet, as the protocol wants them to be applied."""
    found = sorted((offset(text, e.range.start), offset(text, e.range.end), e.new_text) for e in edits)
    for (_, end, _), (start, _, _) in pairwise(found):
        assert end <= start, "edits must not meet"
    for start, end, new in reversed(found):
        text = text[:start] + new + text[end:]
    return text


class Editor:
    """One client and its server. Every request waits for its answer; an error answer is raised."""

    def __init__(self, capabilities: types.ClientCapabilities = CAPABILITIES) -> None:
        self.published: queue.Queue[types.PublishDiagnosticsParams] = queue.Queue()
        self.messages: queue.Queue[str] = queue.Queue()
        self.refreshes = 0
        self.errors = b""
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.client = LanguageClient("tests", "1")
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(
            lambda params: self.published.put(params)
        )
        self.client.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self.messages.put(params.message))
        self.client.feature(types.WORKSPACE_CODE_LENS_REFRESH)(lambda params: self._refresh())
        self.wait(self.client.start_io(sys.executable, "-m", "rewardkit", "lsp", "--stdio"))
        self._reading = asyncio.run_coroutine_threadsafe(self._read(), self._loop)
        asked = types.InitializeParams(capabilities=capabilities, process_id=None, root_uri=None)
        self.capabilities = self.wait(self.client.initialize_async(asked)).capabilities
        self.client.initialized(types.InitializedParams())

    def _refresh(self) -> None:
        self.refreshes += 1

    async def _read(self) -> None:
        server = self.client._server
        assert server is not None and server.stderr is not None
        while data := await server.stderr.read(4096):
            self.errors += data

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def ask(self, method: str, params: Any) -> Any:
        """The result of a request."""
        return self.client.protocol.send_request(method, params).result(PATIENCE)

    def stop(self) -> int:
        """Shut down as the protocol says; the exit code of the server."""
        self.client.protocol.send_request(types.SHUTDOWN, None).result(PATIENCE)
        self.client.exit(None)
        self.wait(self.client.stop())
        self._reading.result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()
        assert self.client._server is not None
        code = self.client._server.returncode
        assert code is not None
        return code

    # --- documents -----------------------------------------------------------------------------

    def open(self, text: str, uri: str = "file:///spec.rwd") -> str:
        self.texts[uri], self.versions[uri] = text, 1
        item = types.TextDocumentItem(uri, "rwd", 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def close(self, uri: str) -> None:
        named = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(named))
        del self.texts[uri], self.versions[uri]

    def edit(self, uri: str, *edits: tuple[int, int, str]) -> None:
        """Send edits one after the other in one change: `(start, end, text)`, as offsets."""
        changes: list[Any] = []
        for start, end, new in edits:
            text = self.texts[uri]
            range_ = types.Range(position(text, start), position(text, end))
            changes.append(types.TextDocumentContentChangePartial(range=range_, text=new))
            self.texts[uri] = text[:start] + new + text[end:]
        self._send(uri, changes)

    def replace(self, uri: str, text: str) -> None:
        """Send the whole text."""
        self.texts[uri] = text
        self._send(uri, [types.TextDocumentContentChangeWholeDocument(text)])

    def _send(self, uri: str, changes: Sequence[Any]) -> None:
        self.versions[uri] += 1
        named = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(named, changes))

    def type(self, uri: str, at: int, text: str) -> None:
        """Type a text, a change for each character."""
        for i, char in enumerate(text):
            self.edit(uri, (at + i, at + i, char))

    def diagnostics(self, uri: str) -> Sequence[types.Diagnostic]:
        """What is published for the newest version of a document."""
        deadline = time.monotonic() + PATIENCE
        others = []
        while True:
            params = self.published.get(timeout=max(0.0, deadline - time.monotonic()))
            if params.uri == uri and params.version == self.versions.get(uri):
                break
            if params.uri != uri:
                others.append(params)
        for other in others:
            self.published.put(other)
        return params.diagnostics

    # --- requests ------------------------------------------------------------------------------

    def at(self, method: str, uri: str, where: int, **more: Any) -> Any:
        """A request about an offset."""
        kind = types.METHOD_TO_TYPES[method][2]
        named, place = types.TextDocumentIdentifier(uri), position(self.texts[uri], where)
        return self.ask(method, kind(text_document=named, position=place, **more))

    def about(self, method: str, uri: str, **more: Any) -> Any:
        """A request about a whole document."""
        kind = types.METHOD_TO_TYPES[method][2]
        return self.ask(method, kind(text_document=types.TextDocumentIdentifier(uri), **more))

    def whole(self, uri: str) -> types.Range:
        text = self.texts[uri]
        return types.Range(types.Position(0, 0), position(text, len(text)))
