"""Names across files: a `def` of one file where other open files call it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rewardkit.diagnostics import Span
from rewardkit.language import tree as t
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.navigation import used_file


def calls_of(name: str, path: Path, user: Analysis) -> Iterator[Span]:
    """Where a file calls the function `name` of the file at `path`."""
    aliases = {
        statement.name
        for statement in user.module.statements
        if isinstance(statement, t.Use) and used_file(user, statement) == path
    }
    words = user.sketch.words
    for root, dot, word in zip(words, words[1:], words[2:], strict=False):
        if word.text == name and dot.text == "." and root.text in aliases and word.kind == "name":
            occurrence = user.names.at(root.start)
            if occurrence is not None and isinstance(occurrence.symbol.node, t.Use):
                yield Span(user.source, word.start, word.end)
