"""Fixes applied to a text."""

from __future__ import annotations

from collections.abc import Iterable

from rewardkit.diagnostics.diagnostic import Edit, Fix


def apply(text: str, fixes: Iterable[Fix]) -> str:
    """The text with as many of the fixes as fit, the first ones first; each is there whole or not at all."""
    taken = [edit for fix in together(fixes) for edit in fix.edits]
    # from the end, so that offsets hold; what is inserted at the start of a span stands before it
    for edit in sorted(taken, key=lambda e: (e.span.start, e.span.end), reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def places(fix: Fix, others: Iterable[Fix]) -> list[tuple[int, int]]:
    """Where the text of a fix stands, from and to, once it is applied together with others."""
    edits = [edit for each in (*others, fix) for edit in each.edits]
    found = []
    for own in fix.edits:
        before = (e for e in edits if e.span.end <= own.span.start and e is not own)
        start = own.span.start + sum(len(e.text) - (e.span.end - e.span.start) for e in before)
        found.append((start, start + len(own.text)))
    return found


def together(fixes: Iterable[Fix]) -> list[Fix]:
    """The fixes that can be applied at once: none of their edits overlap."""
    kept: list[Fix] = []
    taken: list[Edit] = []
    for fix in fixes:
        own: list[Edit] = []
        for edit in fix.edits:
            if any(_overlap(edit, other) for other in (*taken, *own)):
                break
            own.append(edit)
        else:
            kept.append(fix)
            taken += own
    return kept


def _overlap(a: Edit, b: Edit) -> bool:
    """Whether two edits meet; two that only touch do where one of them inserts."""
    if a.span.start == a.span.end or b.span.start == b.span.end:
        return a.span.start <= b.span.end and b.span.start <= a.span.end
    return a.span.start < b.span.end and b.span.start < a.span.end
