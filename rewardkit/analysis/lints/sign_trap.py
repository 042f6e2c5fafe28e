"""A factor for the length on something that may be negative: there, longer is better."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import plain, reads, walk, weighted
from rewardkit.checker.spec import Spec, Value
from rewardkit.checker.wording import text_of
from rewardkit.diagnostics import Label
from rewardkit.types.interval import lies


def find(spec: Spec) -> Iterator[Finding]:
    for value in walk(*(term.value for term, *_ in weighted(spec))):
        if value.op != "mul":
            continue
        for factor, base in (value.args, value.args[::-1]):
            if _is_factor(factor) and _changes_sign(base):
                what = reads(factor).length
                yield Finding(
                    f"where `{text_of(base)}` is negative, this turns `{what}` around",
                    value.span,
                    "make the length a term of its own, for good answers: `term brevity when correct = …`",
                    labels=(Label(factor.span, lies(factor.interval)), Label(base.span, lies(base.interval))),
                )


def _is_factor(value: Value) -> bool:
    """A number that is never negative and moves with the length."""
    low = value.interval.lo
    moves = bool(reads(value).lengths) and not reads(value).gold
    return low is not None and low >= 0 and value.interval.constant is None and moves


def _changes_sign(value: Value) -> bool:
    """A score that may be above and below 0."""
    low, high = value.interval.lo, value.interval.hi
    if plain(value).op == "constant" or not reads(value).gold:
        return False
    return (low is None or low < 0) and (high is None or high > Fraction(0))


LINT = Lint("RK1013", "sign-trap", find)
