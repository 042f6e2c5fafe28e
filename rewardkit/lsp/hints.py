"""Inlay hints: the ranges that the checker works out and that the file does not say."""

from __future__ import annotations

from dataclasses import dataclass

from rewardkit.language import tree as t
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.describe import interval_of, typed
from rewardkit.types.interval import FULL, Interval, bare
from rewardkit.types.types import UNITS, Type

#: a longer hint would hide the text
_MOST = 60


@dataclass(frozen=True)
class Hint:
    offset: int
    text: str
    tooltip: str


def hints(analysis: Analysis, start: int, end: int) -> list[Hint]:
    """The hints between two offsets."""
    out = []
    for node in analysis.module.statements:
        if node.span.end < start or node.span.start > end:
            continue
        hint = _of(analysis, node)
        if hint is not None and start <= hint.offset <= end and len(hint.text) <= _MOST:
            out.append(hint)
    return out


def _of(analysis: Analysis, node: t.Statement) -> Hint | None:
    draft = analysis.draft
    if isinstance(node, t.Let) and node.name in draft.lets and draft.nodes.get(node.name) is node:
        value = draft.lets[node.name]
        if node.type is None and value.type.kind != "unknown":
            return Hint(
                node.name_span.end, f": {typed(value.type, value.interval)}", "worked out by the checker"
            )
        shown = _range(value.type, value.interval)
        at = node.type.span.end if node.type is not None else node.name_span.end
        return Hint(at, shown, "worked out by the checker") if shown else None
    if isinstance(node, t.Term) and node.name in draft.terms and draft.nodes.get(node.name) is node:
        value = draft.terms[node.name].value
        shown = _range(value.type, interval_of(value)) or (f" in {interval_of(value)}")
        return None if node.range is not None else Hint(node.name_span.end, shown, "the term's range")
    if isinstance(node, t.Reward) and node.range is None and draft.weights:
        if len(draft.weights) < len(node.weights) or draft.reward_interval == FULL:
            return None
        return Hint(node.span.start + len("reward"), f" in {draft.reward_interval}", "the reward's range")
    return None


def _range(type_: Type, interval: Interval) -> str:
    if not type_.is_number or interval == FULL:
        return ""
    return f" in {bare(interval, UNITS.get(type_.unit or '', ''))}"
