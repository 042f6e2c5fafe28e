"""A verdict that could not be had, counted as right."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import plain, reads, replaced, walk
from rewardkit.checker.spec import Spec, Value
from rewardkit.checker.wording import text_of
from rewardkit.diagnostics import Edit


def find(spec: Spec) -> Iterator[Finding]:
    roots = [value for term in spec.terms.values() for value in term.value.args]
    negated = {id(plain(value.args[0])) for value in walk(*roots) if value.op == "not"}
    for value in walk(*roots):
        if value.op != "coalesce" or id(value) in negated:
            continue
        verdict, fallback = value.args
        worst = _worst(verdict, plain(fallback))
        if worst is None:
            continue
        yield Finding(
            f"where `{text_of(verdict)}` has no value, it counts as right",
            fallback.span,
            f"write `{text_of(verdict)} ?? {worst}`, or leave such rows out with `skip when`",
            fix=replaced(value, Edit(fallback.span, worst), title=f"write `?? {worst}`"),
        )


def _worst(verdict: Value, fallback: Value) -> str | None:
    """The lowest value of a verdict, where the fallback is the highest one."""
    top = plain(verdict)
    if top.op != "call" or fallback.op != "constant" or not reads(top).gold:
        return None
    if fallback.data is True:
        return "false"
    low, high = verdict.interval.lo, verdict.interval.hi
    if low is None or high is None or low == high or not isinstance(fallback.data, Fraction):
        return None
    return str(low) if fallback.data >= high and low.denominator == 1 else None


LINT = Lint("RK1019", "null-is-right", find)
