"""What the features ask about one text: its tree, values, names and words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from rewardkit.analysis.lints import lint
from rewardkit.checker import Spec, Value, examine, read_source
from rewardkit.checker.draft import Draft
from rewardkit.checker.libraries import Read
from rewardkit.checker.spec import DefSpec
from rewardkit.diagnostics import Diagnostic, Source, Span
from rewardkit.language import tree as t
from rewardkit.language.sketch import Sketch, Word
from rewardkit.lsp.names import Names, names_of
from rewardkit.types.function import Function
from rewardkit.types.types import UNKNOWN


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything known of one version of a text. Where the file is wrong, what is right is still there."""

    source: Source
    draft: Draft
    spec: Spec | None
    diagnostics: tuple[Diagnostic, ...]
    values: tuple[tuple[t.Expr, Value], ...]
    #: the files that it uses, directly or not, those that could not be read too
    uses: frozenset[Path] = frozenset()

    @property
    def module(self) -> t.Module:
        return self.draft.module

    @cached_property
    def sketch(self) -> Sketch:
        return Sketch(self.source.text)

    @cached_property
    def names(self) -> Names:
        return names_of(self.source, self.module, self.sketch)

    @cached_property
    def _by_span(self) -> dict[tuple[int, int], Value]:
        found: dict[tuple[int, int], Value] = {}
        for node, value in self.values:
            if node.span.source is self.source and value.type != UNKNOWN:
                found.setdefault((node.span.start, node.span.end), value)
        return found

    def value_at(self, start: int, end: int) -> Value | None:
        """The value of the expression that stands exactly there."""
        return self._by_span.get((start, end))

    def smallest(self, offset: int) -> tuple[Span, Value] | None:
        """The smallest expression around an offset, with its value."""
        inside = [(end - start, start, end) for start, end in self._by_span if start <= offset < end]
        if not inside:
            return None
        _, start, end = min(inside)
        return Span(self.source, start, end), self._by_span[start, end]

    def function(self, name: str) -> tuple[Function, t.Def | t.Extern] | None:
        """A function that the file declares or brings in, by the name it is called by."""
        callee = self.draft.functions.get(name)
        if isinstance(callee, DefSpec):
            return replace(callee.function, name=name), callee.node
        node = self.draft.nodes.get(name)
        return (callee, node) if callee is not None and isinstance(node, t.Extern) else None

    def statement(self, offset: int) -> t.Statement | None:
        """The statement around an offset."""
        for statement in self.module.statements:
            if statement.span.start <= offset <= statement.span.end:
                return statement
        return None

    def word(self, offset: int) -> Word | None:
        """The word that an offset is in, or just behind."""
        words = self.sketch.words
        at = self.sketch.index(offset)
        if at < len(words) and words[at].start == offset and words[at].kind in ("name", "number", "text"):
            return words[at]
        if at and words[at - 1].end >= offset:
            return words[at - 1]
        return words[at] if at < len(words) and words[at].start == offset else None


def analyse(source: Source, read: Read = read_source) -> Analysis:
    """Check a text and keep what is known of it; `read` reads the files that it uses."""
    uses: set[Path] = set()

    def noted(path: Path) -> Source:
        uses.add(path)
        return read(path)

    found = examine(source, noted)
    diagnostics = (*found.diagnostics, *lint(found.spec or source))
    return Analysis(source, found.draft, found.spec, diagnostics, found.values, frozenset(uses))
