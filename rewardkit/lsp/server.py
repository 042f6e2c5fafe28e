"""The server: requests of the protocol to the functions that answer them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from rewardkit.diagnostics import Diagnostic, RewardError
from rewardkit.lsp import answers, findings, lenses
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.documents import Document, path_of
from rewardkit.lsp.workbench import Bench, Workbench
from rewardkit.version import __version__

logger = logging.getLogger(__name__)
P = TypeVar("P")
Answer = Callable[[Bench, Analysis, Any], Any]


class Protocol(LanguageServerProtocol):
    """Keeps documents in the workbench, whose lines end where the protocol says."""

    _server: Server

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        encoding = str(getattr(self.workspace.position_encoding, "value", self.workspace.position_encoding))
        self._server.workbench.open(Document(item.uri, item.version, item.text, encoding))

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        document = params.text_document
        self._server.workbench.change(document.uri, params.content_changes, document.version)

    @lsp_method(types.TEXT_DOCUMENT_DID_SAVE)
    def lsp_text_document__did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        self._server.workbench.save(params.text_document.uri)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._server.workbench.close(params.text_document.uri)


class Server(LanguageServer):
    """The language server of rewardkit; `serve` starts it."""

    def __init__(self) -> None:
        super().__init__("rewardkit", __version__, protocol_cls=Protocol, max_workers=2)
        self.workbench = Workbench(self.show, self.refresh)
        self.ended = {types.SHUTDOWN: False, types.EXIT: False}  # what the client has said
        _register(self)

    def show(self, document: Document, analysis: Analysis | None, found: Sequence[Diagnostic]) -> None:
        shown = [] if analysis is None else findings.published(document, found, analysis.module)
        version = document.version if analysis is not None else None
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(document.uri, shown, version=version)
        )

    def refresh(self) -> None:
        """Have the editor ask for lenses again, where it can."""
        workspace = self.client_capabilities.workspace
        if workspace is not None and workspace.code_lens is not None and workspace.code_lens.refresh_support:
            self.workspace_code_lens_refresh(None)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """What goes wrong is logged: a dialog would only be in the way of typing."""
        logger.error("%s", error)


def _register(server: Server) -> None:
    for feature, answer, options in answers.FEATURES:
        server.feature(feature, options)(_handler(server, answer))
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(_ignore)
    for method in server.ended:
        server.feature(method)(_ends(server, method))
    server.feature(types.INITIALIZED)(_watch(server))
    server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)(_saved(server))
    server.command(lenses.RUN_TEST)(_run_test(server))
    server.command(lenses.SHOW_CLAIM)(_show_claim(server))


def _ends(server: Server, method: str) -> Callable[..., None]:
    def ends(*params: Any) -> None:
        server.ended[method] = True

    return ends


def _watch(server: Server) -> Callable[[Any], None]:
    def watch(params: Any) -> None:
        """Ask to be told of specs that change outside of the editor, where the client can."""
        workspace = server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        if watching is not None and watching.dynamic_registration:
            watchers = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher("**/*.rwd")])
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            server.client_register_capability(
                types.RegistrationParams([types.Registration("watch", method, watchers)])
            )

    return watch


def _saved(server: Server) -> Callable[[types.DidChangeWatchedFilesParams], None]:
    def saved(params: types.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            path = path_of(change.uri)
            if path is not None:
                server.workbench.touched(path.resolve())

    return saved


def _ignore(params: Any) -> None:
    return None


def _handler(server: Server, answer: Answer) -> Callable[[Any], Awaitable[Any]]:
    """A request about a document: answered with null where nothing is known, or something goes wrong."""

    async def handle(params: Any) -> Any:
        try:
            known = await server.workbench.known(params.text_document.uri)
            return None if known is None else answer(*known, params)
        except answers.Refused as refusal:
            server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, str(refusal)))
        except Exception:
            logger.exception("%s", answer.__name__)
        return None

    return handle


def _run_test(server: Server) -> Callable[..., Awaitable[Any]]:
    async def run(*arguments: Any) -> Any:
        """`uri [, name]`: run one test of a document, or all."""
        known = await _named(server, arguments)
        if known is None:
            return None
        bench, analysis = known
        name = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], str) else None
        try:
            results = await server.workbench.run(lambda: lenses.run(analysis, name), bench)
        except RewardError as error:
            _tell(server, types.MessageType.Warning, str(error).strip())
            return None
        except Exception:
            logger.exception("running tests")
            return None
        passed = all(result.passed for result in results)
        _tell(server, types.MessageType.Info if passed else types.MessageType.Error, lenses.summary(results))
        if server.workbench.current(bench):
            server.workbench.show(bench, analysis)
            server.refresh()
        return lenses.report(results)

    return run


def _show_claim(server: Server) -> Callable[..., Awaitable[Any]]:
    async def show(*arguments: Any) -> Any:
        """`uri, number`: what a claim came to, with its witness."""
        known = await _named(server, arguments)
        number = arguments[1] if len(arguments) > 1 else None
        if known is None or not isinstance(number, int):
            return None
        claims = known[0].claims
        if claims is None or not 0 <= number < len(claims):
            return None
        text = claims[number].text
        _tell(server, types.MessageType.Info, text.partition("\n")[0])
        return text

    return show


async def _named(server: Server, arguments: tuple[Any, ...]) -> tuple[Bench, Analysis] | None:
    if not arguments or not isinstance(arguments[0], str):
        return None
    try:
        return await server.workbench.known(arguments[0])
    except Exception:
        logger.exception("%s", arguments[0])
        return None


def _tell(server: Server, kind: types.MessageType, text: str) -> None:
    server.window_show_message(types.ShowMessageParams(kind, text))


def serve() -> bool:
    """Speak the language server protocol on standard input and output until the client says exit or is gone.

    Returns whether the client ended it as the protocol says: first shutdown, then exit. What anything else
    prints goes to standard error, and nothing else reads standard input.
    """
    import os
    import sys

    stdin = os.fdopen(os.dup(0), "rb")
    stdout = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.ERROR)
    server = Server()
    server.start_io(stdin, stdout)
    return server.ended[types.SHUTDOWN] or not server.ended[types.EXIT]
