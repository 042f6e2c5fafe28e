"""Where names are declared and used, the outline of a file, and what can be folded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rewardkit.checker.paths import inside
from rewardkit.diagnostics import RewardError, Span
from rewardkit.language import tree as t
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.describe import interval_of, typed
from rewardkit.lsp.names import Symbol


@dataclass(frozen=True)
class Outline:
    """One entry of the outline: `span` is all of it, `name_span` what is selected."""

    name: str
    kind: str
    detail: str
    span: Span
    name_span: Span
    children: tuple[Outline, ...] = ()


@dataclass(frozen=True)
class Use:
    span: Span
    writes: bool  # it is the declaration


def symbol_at(analysis: Analysis, offset: int) -> Symbol | None:
    found = analysis.names.at(offset)
    return found.symbol if found is not None else None


def definition(analysis: Analysis, offset: int) -> Span | Path | None:
    """Where what stands at an offset is declared: a place here or in a used file, or that whole file."""
    statement = analysis.statement(offset)
    if isinstance(statement, t.Use) and any(
        span.start <= offset <= span.end for span in (statement.path.span, statement.name_span)
    ):
        return used_file(analysis, statement)
    words = analysis.sketch.words
    word = analysis.word(offset)
    i = analysis.sketch.index(word.start) if word is not None else 0
    if word is not None and i >= 2 and words[i - 1].text == "." and words[i - 2].kind == "name":
        found = analysis.function(f"{words[i - 2].text}.{word.text}")
        if found is not None:
            return found[1].name_span
    symbol = symbol_at(analysis, offset)
    return symbol.span if symbol is not None else None


def used_file(analysis: Analysis, node: t.Use) -> Path | None:
    """The file that a `use` names, where a file may."""
    try:
        return inside(analysis.source, node.path.value)
    except (RewardError, OSError, ValueError):
        return None


def references(analysis: Analysis, offset: int, declaration: bool = True) -> list[Use]:
    """Every place that names what is named at an offset."""
    symbol = symbol_at(analysis, offset)
    if symbol is None:
        return []
    uses = [Use(o.span, o.span == symbol.span) for o in analysis.names.of(symbol)]
    return [use for use in uses if declaration or not use.writes]


def outline(analysis: Analysis) -> list[Outline]:
    """The statements that a reader looks for, in file order."""
    out = []
    for node in analysis.module.statements:
        if isinstance(node, t.Declaration):
            out.append(
                Outline(
                    node.name, type(node).__name__.lower(), _detail(analysis, node), node.span, node.name_span
                )
            )
        elif isinstance(node, t.Test):
            out.append(_test(node))
        elif isinstance(node, t.Reward | t.Advantage | t.Prove | t.Skip | t.Mask):
            kind = type(node).__name__.lower()
            head = node.span.inside(0, len(kind))
            rest = "" if isinstance(node, t.Reward) else " ".join(node.span.text.split())[len(kind) : 80]
            children = tuple(
                Outline(e.name, "entry", e.value.span.text[:40], e.span, e.name_span)
                for e in (node.weights if isinstance(node, t.Reward) else ())
            )
            out.append(Outline(kind, kind, rest.strip(), node.span, head, children))
        elif isinstance(node, t.Broken) and node.name is not None:
            out.append(
                Outline(node.name, node.keyword, "", node.span, node.span.inside(0, len(node.keyword)))
            )
    return out


def _detail(analysis: Analysis, node: t.Declaration) -> str:
    draft, name = analysis.draft, node.name
    if isinstance(node, t.Term) and name in draft.terms:
        return typed(draft.terms[name].value.type, interval_of(draft.terms[name].value))
    if isinstance(node, t.Let) and name in draft.lets:
        return typed(draft.lets[name].type, draft.lets[name].interval)
    if isinstance(node, t.Input | t.Param):
        return node.type.span.text
    return ""


def _test(node: t.Test) -> Outline:
    samples = [i for i in node.items if isinstance(i, t.Sample)]
    samples += [s for item in node.items if isinstance(item, t.Group) for s in item.samples]
    children = tuple(Outline(s.name, "sample", "", s.span, s.name_span) for s in samples)
    return Outline(node.name or "test", "test", "test", node.span, node.name_span, children)


def folds(analysis: Analysis) -> list[tuple[int, int, Literal["region", "comment"]]]:
    """Spans of brackets over several lines, and of comments that follow each other, as offsets."""
    text, found = analysis.source.text, []
    stack: list[int] = []
    for word in analysis.sketch.words:
        if word.kind == "open":
            stack.append(word.start)
        elif word.kind == "close" and stack:
            start = stack.pop()
            if "\n" in text[start : word.end]:
                found.append((start, word.end, "region"))
        elif word.kind == "text" and word.text.startswith('"""') and "\n" in word.text:
            found.append((word.start, word.end, "region"))
    found_comments = _comments(text, [(w.start, w.end) for w in analysis.sketch.words if w.kind == "text"])
    return [*found, *found_comments]  # type: ignore[list-item]


def _comments(text: str, texts: list[tuple[int, int]]) -> list[tuple[int, int, str]]:
    """Runs of at least two lines that are comments."""
    inside = {i for start, end in texts for i in _line_starts(text, start, end)}
    out: list[tuple[int, int, str]] = []
    at, begin, last, lines = 0, -1, -1, 0
    for line in [*text.split("\n"), ""]:
        if line.lstrip().startswith("#") and at not in inside:
            begin, lines = (at if begin < 0 else begin), lines + 1
            last = at + len(line.rstrip("\r"))
        else:
            if lines > 1:
                out.append((begin, last, "comment"))
            begin, lines = -1, 0
        at += len(line) + 1
    return out


def _line_starts(text: str, start: int, end: int) -> list[int]:
    """Where lines begin inside a span, so that a long text's lines are no comments."""
    out = []
    at = text.find("\n", start, end)
    while at >= 0:
        out.append(at + 1)
        at = text.find("\n", at + 1, end)
    return out
