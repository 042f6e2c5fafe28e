"""Text to syntax tree, with several findings per file.

After a syntax error the statement it stands in is blanked and the rest is parsed again, so that one
run reports more than one mistake and spans stay what they were.
"""

from __future__ import annotations

import re

from lark import Token, UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from rewardkit.diagnostics import Collector, Source, Span
from rewardkit.language import tree as t
from rewardkit.language.grammar import parser
from rewardkit.language.lower import Lowering
from rewardkit.language.syntax_errors import explain

#: limits on one file: characters, nodes of the tree, nesting of one expression, syntax errors reported
MAX_CHARACTERS = 200_000
MAX_NODES = 20_000
MAX_DEPTH = 80
MAX_ERRORS = 10

_STATEMENT = re.compile(
    r"^[ \t]*(?:language|input|param|def|use|extern|let|term|reward|advantage|skip|mask|prove|test)\b",
    re.MULTILINE,
)


def parse(source: Source, found: Collector) -> t.Module:
    """The module of a file; findings go to `found`. After an error the tree holds what could be read."""
    if len(source.text) > MAX_CHARACTERS:
        found.error(
            "RK0108",
            f"this file is too long: {len(source.text):,} characters, at most {MAX_CHARACTERS:,}",
            Span(source, 0, 0),
        )
        return t.Module(Span(source, 0, 0), ())
    text = source.text
    for _ in range(MAX_ERRORS):
        try:
            tree = parser().parse(text)
        except UnexpectedInput as error:
            span = _where(source, error)
            explain(source, error, span, found)
            text = _without_statement(text, span.start)
        else:
            module: t.Module = Lowering(source, found).transform(tree)
            return _bounded(module, found)
    return t.Module(Span(source, 0, 0), ())


def _where(source: Source, error: UnexpectedInput) -> Span:
    if isinstance(error, UnexpectedToken) and isinstance(error.token, Token) and error.token.type != "$END":
        assert error.token.start_pos is not None and error.token.end_pos is not None
        return Span(source, error.token.start_pos, error.token.end_pos)
    if isinstance(error, UnexpectedCharacters):
        return Span(source, error.pos_in_stream, error.pos_in_stream + 1)
    assert isinstance(error, UnexpectedEOF | UnexpectedToken)
    end = len(source.text.rstrip())
    return Span(source, end, end)


def _without_statement(text: str, offset: int) -> str:
    """The text with the statement around `offset` blanked, newlines kept so that spans still hold.

    A statement is taken to begin at the last line up to there that opens with a statement keyword
    and to end before the next such line that is indented no deeper.
    """
    starts = [(m.start(), len(m.group()) - len(m.group().lstrip())) for m in _STATEMENT.finditer(text)]
    # a keyword that opens a statement is no mistake: the statement before it is unfinished
    opens = any(not text[p:offset].strip() for p, _ in starts if p <= offset)
    before = [s for s in starts if s[0] <= offset]
    before = before[:-1] if opens and len(before) > 1 else before
    # inside a block (`test { … input … }`) the statement is the outermost one above
    start, indent = before[-1] if before else (0, 0)
    for position, depth in reversed(before):
        if depth < indent:
            start, indent = position, depth
    after = offset if opens else max(offset, start) + 1
    end = next((p for p, depth in starts if p >= after and depth <= indent), len(text))
    blank = re.sub(r"[^\n]", " ", text[start:end])
    return text[:start] + blank + text[end:]


def _bounded(module: t.Module, found: Collector) -> t.Module:
    """The module, without the statements that nest too deeply; nothing after this needs deep recursion."""
    kept: list[t.Statement] = []
    nodes = 0
    for statement in module.statements:
        stack: list[tuple[t.Node, int]] = [(statement, 0)]
        deepest: t.Node | None = None
        while stack:
            node, depth = stack.pop()
            nodes += 1
            if depth > MAX_DEPTH:
                deepest = node
                break
            stack.extend((child, depth + 1) for child in t.children(node))
        if nodes > MAX_NODES:
            found.error("RK0108", f"this file has too many parts: at most {MAX_NODES:,}", statement.span)
            break
        if deepest is None:
            kept.append(statement)
        else:
            found.error(
                "RK0106",
                f"this expression nests more than {MAX_DEPTH} deep",
                deepest.span,
                help="name parts of it with `let`",
            )
    return t.Module(module.span, tuple(kept))
