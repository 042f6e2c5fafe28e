"""A distance that pays: `abs(target - length)` with a plus sign rewards being far away."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import function, plain, reads, term_parts, weighted
from rewardkit.checker.spec import Spec, Value
from rewardkit.checker.wording import text_of

_PASS_ON = ("clamp", "min", "max", "round", "floor", "ceil", "sqrt", "tanh", "sigmoid", "exp", "log")


def find(spec: Spec) -> Iterator[Finding]:
    for term, _, sign, _ in weighted(spec):
        for distance in _rising(term_parts(term)[0], sign):
            yield Finding(
                f"the further from the target, the more `{term.name}` gives",
                distance.span,
                f"take it away: `-{text_of(distance)}`; `length.target` does so",
            )


def _rising(value: Value, sign: int) -> Iterator[Value]:
    """Distances of a length that a value rises with; `sign` is -1 where the reward falls with the value."""
    stack, seen = [(value, sign)], set[tuple[int, int]]()
    while stack:
        part, sign = stack.pop()
        top = plain(part)
        if not sign or (id(top), sign) in seen:
            continue
        seen.add((id(top), sign))
        name = function(top)
        if name == "abs":
            inner = plain(top.args[0])
            if sign > 0 and inner.op == "sub" and any(reads(arg).lengths for arg in inner.args):
                yield top
        elif name in _PASS_ON or top.op == "add":
            stack.extend((arg, sign) for arg in top.args)
        elif top.op in ("sub", "neg"):
            signs = (sign, -sign) if top.op == "sub" else (-sign,)
            stack.extend(zip(top.args, signs, strict=True))
        elif top.op == "mul":
            a, b = top.args
            stack += [(a, sign * _sign(b)), (b, sign * _sign(a))]
        elif top.op == "div":
            a, b = top.args
            stack += [(a, sign * _sign(b)), (b, -sign * _sign(a))]
        elif top.op == "if":
            stack.extend((arg, sign) for arg in top.args[1:])


def _sign(value: Value) -> int:
    low, high = value.interval.lo, value.interval.hi
    if low is not None and low >= Fraction(0):
        return 1
    return -1 if high is not None and high <= Fraction(0) else 0


LINT = Lint("RK1015", "far-from-target", find)
