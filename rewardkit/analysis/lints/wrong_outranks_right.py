"""A term that can pay a wrong answer more than a right one, with nothing else to make up for it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import plain, reads, tells_right, term_parts, weighted, width
from rewardkit.checker.spec import Spec, TermSpec, Value
from rewardkit.diagnostics import Label
from rewardkit.types.interval import UNIT, Interval, bare, multiply, show, subtract
from rewardkit.types.types import BOOL, NULL


def find(spec: Spec) -> Iterator[Finding]:
    inverted: list[tuple[TermSpec, Value, Value]] = []
    ahead: Fraction | None = Fraction(0)  # how far a wrong answer can get; None where nothing bounds it
    margin = Fraction(0)
    for term, weight, sign, _ in weighted(spec):
        branches = _branches(term) if sign else None
        if branches is None:
            if reads(term.value).gold:
                reach = width(multiply(weight.interval, term.interval))
                if reach is None:
                    return  # being right may be worth anything
                margin += reach
            continue
        right, wrong = branches
        gain = multiply(weight.interval, subtract(_interval(wrong), _interval(right))).hi
        if (gain is None or gain > 0) and reads(right, wrong).lengths:
            inverted.append((term, right, wrong))
            ahead = None if gain is None or ahead is None else ahead + gain
    if not inverted or (ahead is not None and ahead < margin):
        return
    term, right, wrong = inverted[0]
    yield Finding(
        f"`{term.name}` can be higher for a wrong answer than for a right one",
        term.span,
        "hold what right answers get above what wrong ones get, or weigh a term for being right above it",
        labels=tuple(
            Label(value.span, f"{what} answers get {bare(_interval(value))}")
            for what, value in (("right", right), ("wrong", wrong))
            if value.span != term.value.span  # a closed gate's 0 is written nowhere
        ),
        notes=(
            f"a wrong answer can be ahead by {'any amount' if ahead is None else show(ahead)}, and all else "
            f"that tells right from wrong is worth {show(margin)}",
        ),
    )


def _branches(term: TermSpec) -> tuple[Value, Value] | None:
    """What a term gives to a right and to a wrong answer, where a condition that tells them apart decides."""
    value, gate, otherwise = term_parts(term)
    if gate is not None and otherwise is not None:
        ok = tells_right(gate) and otherwise.type != NULL and not reads(value).gold
        return (value, otherwise) if ok else None
    top = plain(value)
    if top.op == "if" and tells_right(top.args[0]):
        return top.args[1], top.args[2]
    return None


def _interval(value: Value) -> Interval:
    return UNIT if value.type == BOOL else value.interval


LINT = Lint("RK1002", "wrong-outranks-right", find)
