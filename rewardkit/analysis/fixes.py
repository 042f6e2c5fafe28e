"""Fixing a file: what diagnostics and lints offer, applied until nothing is left to fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rewardkit.analysis.lints import lint
from rewardkit.checker import check
from rewardkit.diagnostics import Diagnostic, Fix, Source
from rewardkit.diagnostics.fixes import apply, together

#: how often a file is read anew: taking one thing out may leave another unused
ROUNDS = 50

Look = Callable[[Source], tuple[Diagnostic, ...]]


@dataclass(frozen=True)
class Fixed:
    """A file's text after its fixes, what was done, and what was left out because of the error it brings."""

    text: str
    done: tuple[str, ...]
    refused: tuple[str, ...]


def findings(source: Source) -> tuple[Diagnostic, ...]:
    """What `check` and the lints find in a file."""
    spec, found = check(source)
    return (*found, *lint(spec or source))


def fixed(source: Source, *, unsafe: bool = False, look: Look = findings) -> Fixed:
    """The file with every safe fix in it, and with `unsafe` every other one.

    `look` finds what there is to fix. A fix that brings an error which was not there is taken back.
    """
    done: list[str] = []
    refused: dict[tuple[str, str, str], str] = {}
    found = look(source)
    for _ in range(ROUNDS):
        offered: dict[int, Diagnostic] = {}
        for each in found:
            if each.fix is None or any(edit.span.source is not source for edit in each.fix.edits):
                continue  # a file that this one uses is fixed by itself
            if (each.fix.safe or unsafe) and _key(each) not in refused:
                offered.setdefault(id(each.fix), each)
        batch = [offered[id(fix)] for fix in together(d.fix for d in offered.values() if d.fix)]
        if not batch:
            break
        # what stands behind a mistake in how a statement is written is not known before that is mended
        batch = next(([each] for each in batch if _is_syntax(each)), batch)
        kept, blamed = _harmless(source, batch, found, look)
        if not kept:
            refused.update(blamed)
            continue
        # what is blamed now may do no harm once these are written: it is looked at again
        done += [_title(each) for each in kept]
        source = _with(source, kept)
        found = look(source)
    return Fixed(source.text, tuple(done), tuple(refused.values()))


def _harmless(
    source: Source, batch: list[Diagnostic], before: Iterable[Diagnostic], look: Look
) -> tuple[list[Diagnostic], dict[tuple[str, str, str], str]]:
    """Those of the fixes that bring no error together, and what each of the others would bring."""
    if _brings(look(_with(source, batch)), before, batch) is None:
        return batch, {}
    kept: list[Diagnostic] = []
    blamed: dict[tuple[str, str, str], str] = {}
    for each in batch:
        error = _brings(look(_with(source, [*kept, each])), before, [*kept, each])
        if error is None:
            kept.append(each)
        else:
            blamed[_key(each)] = f"{_title(each)}: that would bring {error.code}, {error.message}"
    return kept, blamed


def _with(source: Source, diagnostics: Iterable[Diagnostic]) -> Source:
    fixes: list[Fix] = [d.fix for d in diagnostics if d.fix]
    return Source(source.name, apply(source.text, fixes), source.path)


def _is_syntax(diagnostic: Diagnostic) -> bool:
    return diagnostic.code.startswith("RK01") and diagnostic.is_error


def _brings(
    after: Iterable[Diagnostic], before: Iterable[Diagnostic], batch: list[Diagnostic]
) -> Diagnostic | None:
    """An error that was not there, and was not hidden behind a mistake in how its statement is written."""
    known = Counter((d.code, d.message) for d in before if d.is_error)
    hidden = batch[0].primary.span.end if _is_syntax(batch[0]) else None
    for each in after:
        if each.is_error and (hidden is None or each.primary.span.start < hidden):
            known[each.code, each.message] -= 1
            if known[each.code, each.message] < 0:
                return each
    return None


def _key(diagnostic: Diagnostic) -> tuple[str, str, str]:
    """What tells a fix from others when the file around it has moved."""
    assert diagnostic.fix is not None
    return diagnostic.code, diagnostic.message, diagnostic.fix.title


def _title(diagnostic: Diagnostic) -> str:
    assert diagnostic.fix is not None
    return f"{diagnostic.code}: {diagnostic.fix.title}"
