"""A schedule over the length or the step that turns round past its end."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import function, reads, walk
from rewardkit.checker.spec import Spec, Value
from rewardkit.checker.wording import text_of
from rewardkit.diagnostics import Edit, Fix
from rewardkit.types.interval import Interval

#: a little more than pi, so that `3.1416` ends a schedule
_HALF_TURN = Fraction(32, 10)
#: values below a schedule that are looked at
_MOST_VALUES = 200


def find(spec: Spec) -> Iterator[Finding]:
    for value in walk(*(term.value for term in spec.terms.values()), *(weight for _, weight in spec.weights)):
        if function(value) == "cos":
            argument = value.args[0] if value.args else value
            if _moves(argument) and not _within_half_turn(argument.interval):
                yield _past(value, argument, "`cos` turns round past pi")
        elif value.op == "mul" and all(_turns(arg) for arg in value.args):
            yield _past(value, value, "both factors change sign, so this rises again past its end")


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


def _past(value: Value, within: Value, message: str) -> Finding:
    share = _share(within)
    if share is None:
        return Finding(message, value.span, "hold how far it has come in [0, 1]: `clamp(x, 0, 1)`")
    held = f"clamp({text_of(share)}, 0, 1)"
    edits = (Edit(share.span, f"clamp({share.span.text}, 0, 1)"),)
    help_ = f"hold it in [0, 1]: `{held}`"
    if function(value) == "cos":
        help_ += "; `length.cosine` does so"
    return Finding(message, value.span, help_, fix=Fix(f"write `{held}`", edits))


def _share(value: Value) -> Value | None:
    """The only quotient that is not held in an interval: how far a schedule has come."""
    found = {
        v.span: v
        for v in islice(walk(value), _MOST_VALUES)
        if v.op == "div" and (v.interval.hi is None or v.interval.lo is None) and _moves(v)
        and value.span.start <= v.span.start and v.span.end <= value.span.end
        and v.args[1].type.unit == v.args[0].type.unit
    }  # fmt: skip
    return next(iter(found.values())) if len(found) == 1 else None


LINT = Lint("RK1004", "schedule-past-end", find)
