"""`# allow: NAME`: a remark that silences a lint where what it warns of is meant."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.syntax import removal
from rewardkit.checker.wording import suggest
from rewardkit.diagnostics import Diagnostic, Fix, Source, Span
from rewardkit.language import tree as t
from rewardkit.language.sketch import Sketch

_ALLOW = re.compile(r"#\s*allow:\s*(?P<names>[A-Za-z0-9_-]+(?:\s*,\s*[A-Za-z0-9_-]+)*)")


@dataclass(frozen=True)
class Allow:
    """One name of an `allow`. It holds for its own line, and for the next one where it has a line alone."""

    name: str
    span: Span  # of the name
    comment: Span
    lines: frozenset[int]


def allows(source: Source) -> list[Allow]:
    found = []
    for word in Sketch(source.text).comments if "allow:" in source.text else []:
        match = _ALLOW.match(word.text)
        if match is None:
            continue
        line, column = source.position(word.start)
        alone = not source.line(line)[: column - 1].strip()
        lines = frozenset((line, line + 1) if alone else (line,))
        comment = Span(source, word.start, word.end)
        for name in re.finditer(r"[A-Za-z0-9_-]+", match["names"]):
            start = match.start("names") + name.start()
            found.append(Allow(name[0], comment.inside(start, len(name[0])), comment, lines))
    return found


def silenced(
    found: Iterable[tuple[Lint, Diagnostic]], module: t.Module, known: Iterable[Allow]
) -> tuple[list[Diagnostic], set[Allow]]:
    """What no `allow` covers, and the `allow`s that cover something.

    One covers what shows on its lines, and what shows anywhere in a statement that begins on them.
    """
    known = list(known)
    starts = [statement.span.start for statement in module.statements]
    kept: list[Diagnostic] = []
    used: set[Allow] = set()
    for lint, diagnostic in found:
        lines = set(_lines(diagnostic, starts)) if known else set()
        over = [a for a in known if a.name in (lint.name, lint.code) and lines & a.lines]
        used.update(over)
        if not over:
            kept.append(diagnostic)
    return kept, used


def _lines(diagnostic: Diagnostic, starts: list[int]) -> Iterator[int]:
    """The line that a diagnostic shows on, and the one that its statement begins on."""
    span = diagnostic.primary.span
    yield span.source.position(span.start)[0]
    at = bisect_right(starts, span.start)
    if at:
        yield span.source.position(starts[at - 1])[0]


def unused(known: Iterable[Allow], used: set[Allow], lints: Mapping[str, Lint]) -> Iterator[Finding]:
    """`allow`s that silence nothing: the name is wrong, or what they silenced has gone."""
    for allow in known:
        if allow in used:
            continue
        if allow.name not in lints:
            near = suggest(allow.name, lints)
            help_ = near or "the lints are listed in `docs/lints/README.md`"
            yield Finding(f"there is no lint `{allow.name}`", allow.span, help_)
            continue
        alone = sum(other.comment == allow.comment for other in known) == 1
        fix = Fix("take the remark out", (removal(allow.comment),), safe=True) if alone else None
        yield Finding(f"`{allow.name}` finds nothing here", allow.span, "take the remark out", fix=fix)


LINT = Lint("RK1021", "unused-allow", lambda spec: (), can_be_meant=False)
