"""Fixing a file: what diagnostics and lints offer, applied until nothing is left to fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rewardkit.analysis.lints import lint
from rewardkit.checker import check
from rewardkit.diagnostics import Diagnostic, Fix, Source
from rewardkit.diagnostics.fixes import apply, places, together

#: how often a file is read anew: taking one thing out may leave another unused
ROUNDS = 50

Look = Callable[[Source], tuple[Diagnostic, ...]]


@dataclass(frozen=True)
class Fixed:
    """A file's text after its fixes, what was done, and what was left out: because of the error that it
    brings, or (their number) because it is a guess and none was wanted."""

    text: str
    done: tuple[str, ...]
    refused: tuple[str, ...]
    guesses: int = 0


def findings(source: Source) -> tuple[Diagnostic, ...]:
    """What `check` and the lints find in a file."""
    spec, found = check(source)
    return (*found, *lint(spec or source))


def fixed(source: Source, *, unsafe: bool = False, look: Look = findings) -> Fixed:
    """The file with every safe fix in it, and with `unsafe` every other one.

    `look` finds what there is to fix. A fix that brings an error is taken back, unless it mends one that hid
    the other: a term whose function was misspelt turns out to be null once its name is right.
    """
    done: list[str] = []
    refused: dict[tuple[str, str, str], str] = {}
    found = look(source)
    for _ in range(ROUNDS):
        offered: dict[int, Diagnostic] = {}
        for each in found:
            if (
                each.fix
                and _is_of(source, each.fix)
                and (each.fix.safe or unsafe)
                and _key(each) not in refused
            ):
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
    guesses = {id(each.fix) for each in found if each.fix and _is_of(source, each.fix) and not each.fix.safe}
    return Fixed(source.text, tuple(done), tuple(refused.values()), 0 if unsafe else len(guesses))


def _is_of(source: Source, fix: Fix) -> bool:
    """Whether a fix changes this file only: one that it uses is fixed by itself."""
    return all(edit.span.source is source for edit in fix.edits)


def _harmless(
    source: Source, batch: list[Diagnostic], before: tuple[Diagnostic, ...], look: Look
) -> tuple[list[Diagnostic], dict[tuple[str, str, str], str]]:
    """Those of the fixes that bring no error together, and what each of the others would bring."""
    if not _new_errors(look(_with(source, batch)), before):
        return batch, {}
    kept: list[Diagnostic] = []
    blamed: dict[tuple[str, str, str], str] = {}
    for each in batch:
        after = look(_with(source, [*kept, each]))
        error = _brings(each, kept, before, after)
        if error is None:
            kept.append(each)
            before = after
        else:
            blamed[_key(each)] = f"{_title(each)}: that would bring {error.code}, {error.message}"
    return kept, blamed


def _with(source: Source, diagnostics: Iterable[Diagnostic]) -> Source:
    fixes: list[Fix] = [d.fix for d in diagnostics if d.fix]
    return Source(source.name, apply(source.text, fixes), source.path)


def _is_syntax(diagnostic: Diagnostic) -> bool:
    return diagnostic.code.startswith("RK01") and diagnostic.is_error


def _brings(
    fixed: Diagnostic, kept: list[Diagnostic], before: tuple[Diagnostic, ...], after: tuple[Diagnostic, ...]
) -> Diagnostic | None:
    """The error that speaks against a fix, which made `after` of `before`.

    What could not be read or named hid every error that depends on it, so that an error elsewhere is no
    surprise; other errors hid one at most. An error at the fix itself says that the guess is wrong, but for
    a null or a range: those follow from the value that is meant.
    """
    new = _new_errors(after, before)
    if not new or not fixed.is_error:
        return new[0] if new else None
    assert fixed.fix is not None
    own = places(fixed.fix, [d.fix for d in kept if d.fix])
    hid = fixed.code[:4] in ("RK01", "RK02")
    for each in new:
        span = each.primary.span
        here = span.source.name == fixed.primary.span.source.name
        meets = here and any(span.start <= end and start <= span.end for start, end in own)
        if meets and not (hid and each.code[:4] in ("RK06", "RK07")):
            return each
    larger = sum(d.is_error for d in after) > sum(d.is_error for d in before)
    return new[0] if larger and not hid else None


def _new_errors(after: Iterable[Diagnostic], before: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Errors that were not there, wherever those that were stand now."""
    known = Counter((d.code, d.message) for d in before if d.is_error)
    new = []
    for each in after:
        if each.is_error:
            known[each.code, each.message] -= 1
            if known[each.code, each.message] < 0:
                new.append(each)
    return new


def _key(diagnostic: Diagnostic) -> tuple[str, str, str]:
    """What tells a fix from others when the file around it has moved."""
    assert diagnostic.fix is not None
    return diagnostic.code, diagnostic.message, diagnostic.fix.title


def _title(diagnostic: Diagnostic) -> str:
    assert diagnostic.fix is not None
    return f"{diagnostic.code}: {diagnostic.fix.title}"
