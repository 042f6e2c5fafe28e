"""Open documents: immutable snapshots of a text, changed by the protocol's edits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from rewardkit.diagnostics import Source
from rewardkit.lsp.positions import Lines

#: half of a character: what an editor sends when it takes one apart
_SURROGATE = re.compile("[\ud800-\udfff]")

Change = types.TextDocumentContentChangeEvent


@dataclass(frozen=True, eq=False)
class Document:
    """One version of an open text. Each change makes a new one."""

    uri: str
    version: int | None
    text: str
    encoding: str = "utf-16"

    @cached_property
    def lines(self) -> Lines:
        return Lines(self.text, self.encoding)

    @cached_property
    def path(self) -> Path | None:
        """Where the document lies, links followed; `None` for one that is not saved."""
        path = path_of(self.uri)
        try:
            return path.resolve() if path is not None else None
        except (OSError, RuntimeError):
            return path

    @cached_property
    def source(self) -> Source:
        """What is checked: the text, with halves of characters shown as U+FFFD."""
        return Source(name_of(self.uri), _SURROGATE.sub("\ufffd", self.text), path_of(self.uri))

    def changed(self, changes: Sequence[Change], version: int | None) -> Document:
        """The document after the changes, which apply one after the other."""
        text = self.text
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                lines = Lines(text, self.encoding)
                start, end = lines.offset(change.range.start), lines.offset(change.range.end)
                text = text[:start] + change.text + text[max(start, end) :]
            else:
                text = change.text
        return Document(self.uri, version, _joined(text), self.encoding)


def _joined(text: str) -> str:
    """The text with the two halves of a character made one."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def path_of(uri: str) -> Path | None:
    """Where a document lies; `None` for one that is not saved (`untitled:…`) or that no path names."""
    try:
        path = to_fs_path(uri)
        return Path(path) if path and "\0" not in path else None
    except ValueError:
        return None


def name_of(uri: str) -> str:
    """What diagnostics call a document: its file's name."""
    try:
        return PurePosixPath(unquote(urlsplit(uri).path)).name or uri
    except ValueError:
        return uri


def uri_of(path: Path) -> str:
    return str(from_fs_path(str(path)))
