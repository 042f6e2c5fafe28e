"""Signature help: the function whose parentheses the cursor is in, and which parameter is being written."""

from __future__ import annotations

from dataclasses import dataclass

from rewardkit import library
from rewardkit.lsp import describe
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.context import Context, context_at


@dataclass(frozen=True)
class Signature:
    """`label` holds each of `parameters`; `active` is the number of the one at the cursor."""

    label: str
    doc: str
    parameters: tuple[str, ...]
    active: int | None


def signature_help(analysis: Analysis, offset: int) -> Signature | None:
    context = context_at(analysis, offset)
    if context is None:
        return None
    calls = [b for b in context.brackets if b.kind == "(" and b.owner]
    if not calls or context.brackets[-1].kind == "{":
        return None
    name = calls[-1].owner
    function, doc = library.functions().get(name), ""
    if function is not None:
        doc = describe.page(function)
    elif (own := analysis.function(name)) is not None:
        function, doc = own[0], describe.comment_of(own[1])
    if function is None:
        return None
    shown = tuple(describe.parameter(function, p) for p in function.parameters)
    names = tuple(p.name for p in function.parameters)
    active = _active(context, calls[-1].index, names, function.variadic)
    return Signature(describe.signature(function), doc, shown, active)


def _active(context: Context, bracket: int, names: tuple[str, ...], variadic: bool) -> int | None:
    """By name where the argument has one, else by position."""
    words = context.sketch.words
    commas = depth = 0
    begin = bracket + 1
    for i in range(bracket + 1, context.end):
        depth += (words[i].kind == "open") - (words[i].kind == "close")
        if depth == 0 and words[i].text == ",":
            commas, begin = commas + 1, i + 1
    if begin + 1 < len(words) and words[begin].text in names and words[begin + 1].text == ":":
        return names.index(words[begin].text)
    if variadic:
        return min(commas, len(names) - 1)
    return commas if commas < len(names) else None
