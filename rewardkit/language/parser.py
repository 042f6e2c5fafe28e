"""Text to syntax tree, with several findings per file.

After a syntax error the statement it stands in is left out, and parsing goes on with the next one.
Every part of a file is parsed at most twice, so that a hostile file costs no more than a long one.
"""

from __future__ import annotations

from lark import Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from rewardkit.diagnostics import Collector, Source, Span
from rewardkit.language import tree as t
from rewardkit.language.grammar import parser
from rewardkit.language.lower import Lowering
from rewardkit.language.sketch import Sketch
from rewardkit.language.syntax_errors import Spot, explain

#: limits on one file: characters, nodes of the tree, nesting of one expression, syntax errors reported
MAX_CHARACTERS = 200_000
MAX_NODES = 20_000
MAX_DEPTH = 80
MAX_ERRORS = 10


def parse(source: Source, found: Collector) -> t.Module:
    """The module of a file; findings go to `found`. What could not be read stands in it as `Broken`."""
    whole = Span(source, 0, len(source.text))
    if len(source.text) > MAX_CHARACTERS:
        found.error(
            "RK0108",
            f"this file is too long: {len(source.text):,} characters, and {MAX_CHARACTERS:,} are allowed",
            Span(source, 0, 0),
            help="split it with `use`, or move data into the rows",
        )
        return t.Module(whole, (_broken(source, None, 0, 0),))
    statements: list[t.Statement] = []
    sketch = Sketch(source.text)
    at = 0
    for _ in range(MAX_ERRORS):
        try:
            statements += _parse(source, at, len(source.text), found)
            break
        except UnexpectedInput as error:
            span = _where(source, sketch, error)
            start, end = sketch.statement(span.start)
            kind = error.token.type if isinstance(error, UnexpectedToken) else ""
            explain(Spot(source, sketch, span, kind, _accepted(source, max(start, at), span.start)), found)
            try:
                statements += _parse(source, at, max(start, at), found)
            except UnexpectedInput:  # the guess at where the statement begins was wrong
                start = -1
            statements.append(_broken(source, sketch, start, end))
            at = max(end, at + 1)
    else:
        statements.append(_broken(source, None, at, len(source.text)))
    return _bounded(t.Module(whole, tuple(statements)), found)


def _parse(source: Source, start: int, end: int, found: Collector) -> tuple[t.Statement, ...]:
    """The statements of a part of the file, with offsets in the whole."""
    if not source.text[start:end].strip():
        return ()
    return _lower(source, parser().parse(" " * start + source.text[start:end]), found).statements


def lower(source: Source, root: Tree[Token], found: Collector) -> t.Module:
    """The module of a file that lark has read; findings go to `found`."""
    return _bounded(_lower(source, root, found), found)


def _lower(source: Source, root: Tree[Token], found: Collector) -> t.Module:
    try:
        module: t.Module = Lowering(source, found).transform(root)
    except VisitError as error:
        raise error.orig_exc from None
    return module


def _accepted(source: Source, start: int, end: int) -> frozenset[str]:
    """The names of the tokens that could stand at `end`, where a statement begins at `start`.

    The error itself does not know: by then the parser has closed all that it could before the wrong token.
    """
    state = parser().parse_interactive(" " * start + source.text[start:end])
    try:
        state.exhaust_lexer()
    except UnexpectedInput:
        return frozenset()
    return frozenset(state.accepts())  # type: ignore[no-untyped-call]


def _where(source: Source, sketch: Sketch, error: UnexpectedInput) -> Span:
    if isinstance(error, UnexpectedCharacters):
        at = int(error.pos_in_stream or 0)
        return Span(source, at, at + 1)
    if isinstance(error, UnexpectedToken) and isinstance(error.token, Token) and error.token.type != "$END":
        assert isinstance(error.token.start_pos, int) and isinstance(error.token.end_pos, int)
        return Span(source, error.token.start_pos, error.token.end_pos)
    end = sketch.words[-1].end if sketch.words else 0
    return Span(source, end, end)


def _broken(source: Source, sketch: Sketch | None, start: int, end: int) -> t.Broken:
    """A statement that could not be read, with the name that it would have declared."""
    words = sketch.words[sketch.index(start) :][:2] if sketch is not None and start >= 0 else []
    span = Span(source, max(start, 0), max(end, start, 0))
    if len(words) < 2:
        return t.Broken(span, words[0].text if words else "", None)
    first, second = words
    declares = first.text in ("input", "param", "def", "extern", "let", "term") and second.kind == "name"
    return t.Broken(span, first.text, second.text if declares else None)


def _bounded(module: t.Module, found: Collector) -> t.Module:
    """The module, without the statements that nest too deeply; nothing after this needs deep recursion."""
    kept: list[t.Statement] = []
    nodes = 0
    for statement in module.statements:
        stack: list[tuple[t.Node, int]] = [(statement, 0)]
        deepest: t.Node | None = None
        while stack and deepest is None and nodes <= MAX_NODES:
            node, depth = stack.pop()
            nodes += 1
            if depth > MAX_DEPTH:
                deepest = node
            stack.extend((child, depth + 1) for child in t.children(node))
        if nodes > MAX_NODES:
            found.error(
                "RK0108",
                f"this file has more than {MAX_NODES:,} names, values and operators",
                Span(statement.span.source, statement.span.start, statement.span.start),
                "counted up to here",
                help="split it, or move data into the rows",
            )
            kept.append(t.Broken(statement.span, "", None))
            break
        if deepest is None:
            kept.append(statement)
            continue
        found.error(
            "RK0106",
            f"this expression nests more than {MAX_DEPTH} deep",
            deepest.span,
            help="name parts of it with `let`",
        )
        name = statement.name if isinstance(statement, t.Declaration) else None
        kept.append(t.Broken(statement.span, type(statement).__name__.lower(), name))
    return t.Module(module.span, tuple(kept))
