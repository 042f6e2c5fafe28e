"""What completion offers for names and functions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from rewardkit import library
from rewardkit.lsp import describe, words
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.context import Context
from rewardkit.lsp.names import Symbol
from rewardkit.types.function import Function

Kind = Literal["keyword", "value", "function", "namespace", "field", "type", "property", "constant", "sample"]


@dataclass(frozen=True)
class Item:
    """One completion. `insert` is a snippet where it holds `$`; lower ranks are shown first."""

    label: str
    kind: Kind
    detail: str = ""
    doc: str = ""
    insert: str | None = None
    rank: int = 5


def own(analysis: Analysis, name: str, label: str) -> list[Item]:
    """A function that the file declares or brings in."""
    found = analysis.function(name)
    if found is None:
        return []
    doc = describe.of_definition(*found)
    return [Item(label, "function", describe.signature(found[0]), doc, f"{label}($0)", rank=2)]


def symbols(context: Context, kinds: Collection[str] | None = None) -> list[Item]:
    """The names that can stand at the cursor."""
    analysis, at = context.analysis, context.start
    if context.keyword == "def":  # it sees its own parameters only
        kinds = ("parameter", "element", "def", "use")
    found = []
    for symbol in analysis.names.visible(at):
        if symbol.kind in ("sample", "test") or (kinds is not None and symbol.kind not in kinds):
            continue
        below = symbol.kind == "term" and symbol.span.start >= at and context.keyword in ("let", "term")
        inside = symbol.scope is None and symbol.node.span.start <= at <= symbol.node.span.end
        if not below and not inside:  # terms are read below their declaration, and nothing defines itself
            found.append(_symbol(analysis, symbol))
    return found


def _symbol(analysis: Analysis, symbol: Symbol) -> Item:
    declared = own(analysis, symbol.name, symbol.name) if symbol.kind in ("def", "extern") else []
    if declared:
        return declared[0]
    calls = symbol.kind in ("def", "extern")
    insert = f"{symbol.name}($0)" if calls else f"{symbol.name}." if symbol.kind == "use" else None
    doc = describe.of_symbol(analysis, symbol)
    return Item(symbol.name, "function" if calls else "value", symbol.kind, doc, insert, rank=2)


def samples(context: Context) -> list[Item]:
    return [Item(name, "sample", "sample", insert=f"{name}.", rank=1) for name in context.samples()]


def step() -> Item:
    return Item("step", "value", "int", words.FIELDS["step"])


def functions() -> list[Item]:
    plain = [function(f, f.name) for f in library.functions().values() if not f.namespace]
    known = {item.label for item in plain}
    return plain + [
        Item(n, "function", "aggregate", about, f"{n}($0)")
        for n, about in words.AGGREGATES.items()
        if n not in known
    ]


def function(function: Function, label: str) -> Item:
    return Item(label, "function", describe.signature(function), describe.page(function), f"{label}($0)")


def namespaces() -> list[Item]:
    return [Item(name, "namespace", "functions", insert=f"{name}.") for name in sorted(library.namespaces())]
