"""Renaming a name everywhere in its file; texts and comments stay as they are."""

from __future__ import annotations

import re

from rewardkit.checker import builtins
from rewardkit.diagnostics import Edit, Span
from rewardkit.language.sketch import KEYWORDS
from rewardkit.library import namespaces
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.names import GLOBAL, Symbol
from rewardkit.lsp.navigation import symbol_at

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RenameError(Exception):
    """Why a name cannot be given; one line."""


def renamable(analysis: Analysis, offset: int) -> Span | None:
    """The name at an offset, where it can be renamed."""
    found = analysis.names.at(offset)
    return found.span if found is not None else None


def rename(analysis: Analysis, offset: int, to: str) -> list[Edit]:
    """The edits that give what is named at an offset another name.

    Raises:
        RenameError: there is no name, or the new one cannot be it.
    """
    symbol = symbol_at(analysis, offset)
    if symbol is None:
        raise RenameError("there is no name here")
    if to == symbol.name:
        return []
    refuse(analysis, symbol, to)
    return [Edit(o.span, to) for o in analysis.names.of(symbol)]


def refuse(analysis: Analysis, symbol: Symbol, to: str) -> None:
    """Raise where a symbol cannot be called `to`."""
    if not _NAME.fullmatch(to):
        raise RenameError(f"`{to[:40]}` is not a name: letters, digits and `_`, and no digit first")
    if to in KEYWORDS:
        raise RenameError(f"`{to}` is a word of the language")
    if to in (*builtins.ROOTS, "step"):
        raise RenameError(f"`{to}` is there already, on every row")
    if symbol.kind in ("sample", "use") and to in namespaces():
        raise RenameError(f"`{to}` is a namespace of functions")
    if symbol.name in analysis.names.twice:
        raise RenameError(f"`{symbol.name}` is declared twice: rename one of them by hand")
    for other in analysis.names.symbols:
        if other.name == to and other is not symbol and _meet(analysis, symbol, other):
            line = analysis.source.position(other.span.start)[0]
            raise RenameError(f"`{to}` is declared already, in line {line}")


def _meet(analysis: Analysis, a: Symbol, b: Symbol) -> bool:
    """Whether two symbols can be named at one place; samples of different tests never are."""
    if a.scope is None and b.scope is None:
        return a.kind in GLOBAL and b.kind in GLOBAL
    if a.scope is None or b.scope is None:
        return True
    return a.scope.start < b.scope.end and b.scope.start < a.scope.end
