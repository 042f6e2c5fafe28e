"""Where each name of a file is declared and used: the ground of navigation and renaming.

A statement that could not be read still counts: the words in it that are names of the file are uses.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rewardkit import library
from rewardkit.diagnostics import Source, Span
from rewardkit.language import tree as t
from rewardkit.language.sketch import KEYWORDS, Sketch

Kind = Literal[
    "input", "param", "let", "term", "def", "extern", "use", "sample", "parameter", "element", "test"
]

_KINDS: Mapping[type[t.Declaration], Kind] = {
    t.Input: "input", t.Param: "param", t.Let: "let", t.Term: "term", t.Def: "def", t.Extern: "extern",
    t.Use: "use",
}  # fmt: skip

#: symbols that a text of the whole file can name
GLOBAL: tuple[Kind, ...] = ("input", "param", "let", "term", "def", "extern", "use")


@dataclass(frozen=True, eq=False)
class Symbol:
    """A declared name; `scope` is where it can be named, `None` for the whole file."""

    name: str
    kind: Kind
    span: Span
    node: t.Node
    scope: Span | None = None


@dataclass(frozen=True)
class Occurrence:
    span: Span
    symbol: Symbol


@dataclass(eq=False)
class Names:
    """Every symbol of a file, and every place that names one, in file order."""

    symbols: list[Symbol] = field(default_factory=list)
    occurrences: list[Occurrence] = field(default_factory=list)
    #: names that two declarations claim
    twice: set[str] = field(default_factory=set)

    def at(self, offset: int) -> Occurrence | None:
        """The occurrence that an offset is in, or just behind."""
        i = bisect_right(self.occurrences, offset, key=lambda o: o.span.start) - 1
        if i >= 0 and self.occurrences[i].span.end >= offset:
            return self.occurrences[i]
        return None

    def of(self, symbol: Symbol) -> list[Occurrence]:
        return [o for o in self.occurrences if o.symbol is symbol]

    def visible(self, offset: int) -> list[Symbol]:
        """The symbols that can be named at an offset."""
        return [
            s for s in self.symbols if s.scope is None or (s.scope.start <= offset <= s.scope.end)
        ]  # fmt: skip


Scope = Mapping[str, Symbol]


def names_of(source: Source, module: t.Module, sketch: Sketch) -> Names:
    return _Walk(source, sketch).walk(module)


class _Walk:
    def __init__(self, source: Source, sketch: Sketch) -> None:
        self.source, self.sketch = source, sketch
        self.names = Names()
        self.file: dict[str, Symbol] = {}
        self.parameters: dict[str, Scope] = {}  # by the name of their `def`

    def walk(self, module: t.Module) -> Names:
        for statement in module.statements:
            if isinstance(statement, t.Declaration):
                kind = _KINDS[type(statement)]
                self._declare(self.file, Symbol(statement.name, kind, statement.name_span, statement))
                if isinstance(statement, t.Def | t.Extern):
                    self._parameters(statement)
            elif isinstance(statement, t.Broken) and statement.name is not None:
                span = self._first(statement.span, statement.name)
                if span is not None:
                    known: dict[str, Kind] = {kind.__name__.lower(): k for kind, k in _KINDS.items()}
                    kind = known.get(statement.keyword, "let")
                    self._declare(self.file, Symbol(statement.name, kind, span, statement))
        for statement in module.statements:
            self._statement(statement)
        unique = {(o.span.start, o.span.end): o for o in self.names.occurrences}
        self.names.occurrences = sorted(unique.values(), key=lambda o: o.span.start)
        return self.names

    # --- declaring and naming ------------------------------------------------------------------

    def _declare(self, scope: dict[str, Symbol], symbol: Symbol) -> None:
        first = scope.setdefault(symbol.name, symbol)
        if first is symbol:
            self.names.symbols.append(symbol)
        else:
            self.names.twice.add(symbol.name)
        self.names.occurrences.append(Occurrence(symbol.span, first))

    def _use(self, name: str, start: int, *scopes: Scope) -> Symbol | None:
        for scope in scopes:
            if name in scope:
                span = Span(self.source, start, start + len(name))
                self.names.occurrences.append(Occurrence(span, scope[name]))
                return scope[name]
        return None

    def _first(self, span: Span, name: str) -> Span | None:
        """The first word of a span that is this name."""
        words = self.sketch.words
        for i in range(self.sketch.index(span.start), self.sketch.index(span.end)):
            if words[i].text == name and words[i].kind == "name":
                return Span(self.source, words[i].start, words[i].end)
        return None

    # --- statements ----------------------------------------------------------------------------

    def _statement(self, node: t.Statement) -> None:
        if isinstance(node, t.Broken):
            self._broken(node)
        elif isinstance(node, t.Def):
            self._expr(node.body, self.parameters.get(node.name, {}))
        elif isinstance(node, t.Reward):
            for entry in node.weights:
                self._use(entry.name, entry.name_span.start, self.file)
                self._expr(entry.value, {})
        elif isinstance(node, t.Prove):
            for part in (node.subject, node.other, node.range):
                self._expr(part, {})
            if node.term is not None:  # the last word of the claim
                self._use(node.term, node.span.end - len(node.term), self.file)
        elif isinstance(node, t.Test):
            self._test(node)
        else:
            for child in t.children(node):
                self._expr(child, {})

    def _broken(self, node: t.Broken) -> None:
        words = self.sketch.words
        local: dict[str, Symbol] = {}
        for i in range(self.sketch.index(node.span.start), self.sketch.index(node.span.end)):
            word = words[i]
            if word.kind != "name" or word.text in KEYWORDS or (i and words[i - 1].text == "."):
                continue
            following = words[i + 1].text if i + 1 < len(words) else ""
            if node.keyword in ("def", "extern") and following == ":" and words[i - 1].text in "(,":
                span = Span(self.source, word.start, word.end)
                self._declare(local, Symbol(word.text, "parameter", span, node, node.span))
            elif "".join(w.text for w in words[i : i + 3]) not in library.functions():
                self._use(word.text, word.start, local, self.file)

    def _parameters(self, node: t.Def | t.Extern) -> None:
        """They are named in the body, and by the named arguments of calls."""
        local: dict[str, Symbol] = {}
        for parameter in node.parameters:
            self._declare(
                local, Symbol(parameter.name, "parameter", parameter.name_span, parameter, node.span)
            )
        self.parameters.setdefault(node.name, local)

    # --- tests ---------------------------------------------------------------------------------

    def _test(self, node: t.Test) -> None:
        local: dict[str, Symbol] = {}
        samples = [i for i in node.items if isinstance(i, t.Sample)]
        samples += [s for item in node.items if isinstance(item, t.Group) for s in item.samples]
        for sample in samples:
            self._declare(local, Symbol(sample.name, "sample", sample.name_span, sample, node.span))
            for assignment in sample.fields:
                self._path(assignment.path, assignment.path_span, {})
                self._expr(assignment.value, {})
        for item in node.items:
            if isinstance(item, t.Mock):
                self._path(item.path, item.path_span, local)
                self._expr(item.value, local)
            elif isinstance(item, t.Expect):
                self._expect(item, local)
            elif isinstance(item, t.Rows):
                self._rows(item)

    def _rows(self, node: t.Rows) -> None:
        local: dict[str, Symbol] = {}
        for item in node.items:
            if isinstance(item, t.Input):
                self._declare(local, Symbol(item.name, "input", item.name_span, item, node.span))
        for item in node.items:
            if isinstance(item, t.Expect):
                self._expect(item, local)

    def _expect(self, node: t.Expect, local: Scope) -> None:
        self._expr(node.condition, local)
        self._expr(node.tolerance, local)

    def _path(self, path: str, span: Span, local: Scope) -> None:
        """`answer`, `short.run` or `fmt.check`: the first segment, and what it leads to in this file."""
        root, _, rest = path.partition(".")
        symbol = self._use(root, span.start, local, self.file)
        if symbol is not None and symbol.kind == "sample" and rest:
            first = rest.partition(".")[0]
            at = span.text.find(first, len(root))
            if at > 0:
                self._use(first, span.start + at, self.file)

    # --- expressions ---------------------------------------------------------------------------

    def _expr(self, node: t.Node | None, local: Scope) -> None:
        stack: list[tuple[t.Node, Scope]] = [(node, local)] if node is not None else []
        while stack:
            node, local = stack.pop()
            if isinstance(node, t.Name):
                self._use(node.name, node.span.start, local, self.file)
            elif isinstance(node, t.Field) and self._of_sample(node, local):
                self._use(node.name, node.name_span.start, self.file)
            if isinstance(node, t.Call):
                local = self._call(node, local, stack)
                continue
            stack.extend((child, local) for child in t.children(node))

    def _of_sample(self, node: t.Field, local: Scope) -> bool:
        """Whether this is `short.reward`, whose second part is a name of the file."""
        base = node.base
        return isinstance(base, t.Name) and base.name in local and local[base.name].kind == "sample"

    def _call(self, node: t.Call, local: Scope, stack: list[tuple[t.Node, Scope]]) -> Scope:
        root, _, rest = node.function.partition(".")
        symbol = None  # `format.tags` is the library's, whatever is called `format` here
        if node.function not in library.functions() or not rest:
            symbol = self._use(root, node.function_span.start, local, self.file)
        for argument in node.arguments:
            if argument.name is not None and symbol is not None and not rest:
                parameters = self.parameters.get(symbol.name, {})
                self._use(argument.name, argument.span.start, parameters)
        inner = local
        if node.generator is not None:
            generator = node.generator
            span = generator.span.inside(0, len(generator.name))
            element: dict[str, Symbol] = {}
            self._declare(element, Symbol(generator.name, "element", span, generator, node.span))
            stack.append((generator.iterable, local))
            inner = {**local, **element}
        stack.extend((argument.value, inner) for argument in node.arguments)
        if node.where is not None:
            stack.append((node.where, inner))
        return local


def declared(names: Names, kinds: Iterable[Kind] = GLOBAL) -> list[Symbol]:
    """The symbols of the whole file, in file order."""
    wanted = set(kinds)
    return [s for s in names.symbols if s.scope is None and s.kind in wanted]
