"""A schedule over the length or the step that turns round past its end."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import function, reads, replaced, walk
from rewardkit.checker.spec import Spec, Value
from rewardkit.diagnostics import Edit, Fix
from rewardkit.language.sketch import brief
from rewardkit.types.interval import Interval

#: a little more than pi, so that `3.1416` ends a schedule
_HALF_TURN = Fraction(32, 10)
_CLAMPED = "`clamp(completion.tokens / budget, 0, 1)`"


def find(spec: Spec) -> Iterator[Finding]:
    for value in walk(*(term.value for term in spec.terms.values()), *(weight for _, weight in spec.weights)):
        if function(value) == "cos":
            argument = value.args[0] if value.args else value
            if _moves(argument) and not _within_half_turn(argument.interval):
                help_ = f"hold how far it has come: {_CLAMPED}; `length.cosine` does so"
                yield Finding("`cos` turns round past pi", value.span, help_, fix=_held(value, argument))
        elif value.op == "mul" and all(_turns(arg) for arg in value.args):
            message = "both factors change sign, so this rises again past its end"
            yield Finding(message, value.span, f"hold how far it has come: {_CLAMPED}")


def _moves(value: Value) -> bool:
    seen = reads(value)
    return bool(seen.lengths) or seen.step


def _within_half_turn(interval: Interval) -> bool:
    low, high = interval.lo, interval.hi
    return low is not None and high is not None and low >= -_HALF_TURN and high <= _HALF_TURN


def _turns(value: Value) -> bool:
    """Whether a factor moves with the length or step, without end, through 0: `1 - tokens / budget`."""
    if not value.interval.contains(Fraction(0)) or not _moves(value):
        return False
    low, high = value.interval.lo, value.interval.hi
    return (low is None and (high is None or high > 0)) or (high is None and low is not None and low < 0)


def _held(value: Value, argument: Value) -> Fix | None:
    """Ends the argument of `cos` at pi, where it begins at 0."""
    if argument.interval.lo is None or argument.interval.lo < 0:
        return None
    held = f"clamp({argument.span.text}, 0, 3.14159265)"
    return replaced(value, Edit(argument.span, held), title=f"write `{brief(held)}`")


LINT = Lint("RK1004", "schedule-past-end", find)
