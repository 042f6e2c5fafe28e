"""The functions of numbers as z3 terms: exact where they are piecewise linear, else by bounds.

A curve (`exp`, `log`, `cos`, …) is a free number for each argument that occurs, held by a range, by
bounds at a point and by the order of the arguments: enough for many proofs, and never wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import z3

from rewardkit.checker.spec import Value
from rewardkit.prover.terms import Known, Logic, Term, alike, and_, implies, inside, not_, number, same
from rewardkit.types.interval import Interval
from rewardkit.types.types import REAL

if TYPE_CHECKING:
    from rewardkit.prover.encode import Applied, Encoder

Translate = Callable[["Encoder", Value, list[Known], Interval], Term]


def _min(a: Term, b: Term) -> Term:
    return z3.If(a <= b, a, b)


def _max(a: Term, b: Term) -> Term:
    return z3.If(a >= b, a, b)


def _clamp(x: Term, lo: Term, hi: Term) -> Term:
    """As it is computed: the upper end wins where the ends are the wrong way round."""
    return _min(_max(x, lo), hi)


def _minimum(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    return _reduced(_min, args)


def _maximum(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    return _reduced(_max, args)


def _reduced(f: Callable[[Term, Term], Term], args: list[Known]) -> Term:
    out = args[0].term
    for arg in args[1:]:
        out = f(out, arg.term)
    return out


def _abs(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    x = args[0].term
    return z3.If(x >= 0, x, -x)


def _clamped(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    x, lo, hi = (arg.term for arg in args)
    return _clamp(x, lo, hi)


def _ramp(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    x, start, end = (arg.term for arg in args)
    return _clamp((x - start) / (end - start), number(0, encoder.context), number(1, encoder.context))


def _overlong(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    length, most, buffer = (arg.term for arg in args)
    zero, one = number(0, encoder.context), number(1, encoder.context)
    slope = -_clamp((length - (most - buffer)) / buffer, zero, one)
    if args[2].interval.contains(Fraction(0)):
        return z3.If(buffer == 0, z3.If(length > most, -one, zero), slope)
    return slope


def _target(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    length, target, alpha = (arg.term for arg in args)
    away = z3.If(length >= target, length - target, target - length)
    return -(alpha * away)


# --- rounding --------------------------------------------------------------------------------------


def _rounding(mode: str) -> Translate:
    def translate(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
        x = args[0].term
        if value.args[0].type.kind == "int":
            return x
        if encoder.relaxed:
            return _rounded_loosely(encoder, mode, x, interval)
        if mode == "floor":
            return z3.ToReal(z3.ToInt(x))
        if mode == "ceil":
            return -z3.ToReal(z3.ToInt(-x))
        half = x + number(Fraction(1, 2), encoder.context)
        up = z3.ToInt(half)  # halves to even: down again where they went up to an odd number
        tie_to_odd = z3.And(z3.ToReal(up) == half, up % 2 == 1)
        return z3.ToReal(z3.If(tie_to_odd, up - 1, up))

    return translate


def _rounded_loosely(encoder: Encoder, mode: str, x: Term, interval: Interval) -> Term:
    encoder.exact = False
    y = encoder.variable(REAL, mode)
    half = Fraction(1, 2)
    below = {"floor": Fraction(1), "ceil": Fraction(0), "round": half}[mode]
    above = {"floor": Fraction(0), "ceil": Fraction(1), "round": half}[mode]
    encoder.fact(inside(y, interval, encoder.context))
    lo, hi = x - number(below, encoder.context), x + number(above, encoder.context)
    encoder.fact(y > lo if mode == "floor" else y >= lo)
    encoder.fact(y < hi if mode == "ceil" else y <= hi)
    _ordered(encoder, mode, x, y, _NOWHERE)
    return y


# --- curves ----------------------------------------------------------------------------------------

#: where floats tell the values of an increasing curve apart: beyond, they are those of its bounds
Rises = tuple[int | None, int | None]
_EVERYWHERE: Rises = (None, None)
_NOWHERE: Rises = (0, 0)
_EXP: Rises = (-700, None)
_SIGMOID: Rises = (-30, 30)
_TANH: Rises = (-15, 15)


def _rises(left: Term, right: Term, rises: Rises) -> Logic:
    """Whether an increasing curve rises between two points: neither is beyond the end on its side."""
    lo, hi = rises
    if rises == _NOWHERE:
        return False
    return and_(True if lo is None else right >= lo, True if hi is None else left <= hi)


def _ordered(encoder: Encoder, name: str, x: Term, y: Term, rises: Rises) -> None:
    """That of two points of an increasing curve the right one is not below, and above where it rises."""
    known = encoder.curves.setdefault(name, [])
    for other_x, other_y in known:
        for (a, b), (c, d) in (((x, y), (other_x, other_y)), ((other_x, other_y), (x, y))):
            encoder.fact(implies(a <= c, b <= d))
            encoder.fact(implies(and_(a < c, _rises(a, c, rises)), b < d))
    known.append((x, y))
    encoder.count_pairs(len(known))


Bounds = Callable[["Encoder", Term, Term], list[Logic]]


def _curve(name: str, bounds: Bounds, rises: Rises = _EVERYWHERE) -> Translate:
    """An increasing curve."""

    def translate(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
        x = args[0].term
        y = encoder.variable(REAL, name)
        encoder.exact = False
        held = inside(x, args[0].interval, encoder.context)
        encoder.fact(implies(held, inside(y, interval, encoder.context)))
        for fact in bounds(encoder, x, y):
            encoder.fact(fact)
        _ordered(encoder, name, x, y, rises)
        return y

    return translate


def _through(x: Term, y: Term, at: int, value: Any) -> list[Logic]:
    """That an increasing curve goes through a point."""
    return [(x > at) == (y > value), (x == at) == (y == value)]


def _above(x: Term, y: Term, bound: int, rises: Rises) -> Logic:
    """That a curve is above its lower bound where floats tell."""
    return implies(x >= rises[0], y > bound)


def _below(x: Term, y: Term, bound: int, rises: Rises) -> Logic:
    return implies(x <= rises[1], y < bound)


def _exp(encoder: Encoder, x: Term, y: Term) -> list[Logic]:
    return [y >= 0, _above(x, y, 0, _EXP), y >= 1 + x, *_through(x, y, 0, 1)]


def _log(encoder: Encoder, x: Term, y: Term) -> list[Logic]:
    return [implies(x > 0, y <= x - 1), *_through(x, y, 1, 0)]


def _sqrt(encoder: Encoder, x: Term, y: Term) -> list[Logic]:
    # of a negative number it is not computed: below 0 it stands for any increasing curve
    return [implies(x >= 0, and_(y >= 0, y * y == x)), implies(x < 0, y < 0)]


def _tanh(encoder: Encoder, x: Term, y: Term) -> list[Logic]:
    return [
        y <= 1, y >= -1, _below(x, y, 1, _TANH), _above(x, y, -1, _TANH), *_through(x, y, 0, 0),
        implies(x > 0, y <= x), implies(x < 0, y >= x),
    ]  # fmt: skip


def _sigmoid(encoder: Encoder, x: Term, y: Term) -> list[Logic]:
    half = number(Fraction(1, 2), encoder.context)
    quarter = number(Fraction(1, 4), encoder.context)
    return [
        y >= 0, y <= 1, _below(x, y, 1, _SIGMOID), _above(x, y, 0, _SIGMOID), *_through(x, y, 0, half),
        implies(x > 0, y <= half + quarter * x), implies(x < 0, y >= half + quarter * x),
    ]  # fmt: skip


def _cos(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    x = args[0].term
    encoder.exact = False
    y = encoder.variable(REAL, "cos")
    one = number(1, encoder.context)
    half = number(Fraction(1, 2), encoder.context)
    encoder.fact(and_(y >= -one, y <= one, y >= one - half * x * x, implies(x == 0, y == one)))
    known = encoder.curves.setdefault("cos", [])
    pi = number(Fraction(314159265, 100000000), encoder.context)  # a little below pi
    for other_x, other_y in known:
        both = and_(x >= 0, x <= pi, other_x >= 0, other_x <= pi)
        encoder.fact(implies(both, and_((x < other_x) == (y > other_y))))
        encoder.fact(implies(x == other_x, y == other_y))
        encoder.fact(implies(x == -other_x, y == other_y))
    known.append((x, y))
    encoder.count_pairs(len(known))
    return y


def _cosine(encoder: Encoder, value: Value, args: list[Known], interval: Interval) -> Term:
    """`length.cosine`: half a wave that falls from 1 at 0 to 0 at `max`."""
    length, most, start, end = (arg.term for arg in args)
    zero, one = number(0, encoder.context), number(1, encoder.context)
    half = number(Fraction(1, 2), encoder.context)
    encoder.exact = False
    x = _min(length / most, one)
    y = encoder.variable(REAL, "wave")
    encoder.fact(and_(y >= 0, y <= 1, implies(x == zero, y == one), implies(x == one, y == zero)))
    # concave up to the middle and convex after it, so the straight line is a bound
    encoder.fact(implies(and_(x > 0, x <= half), and_(y >= one - x, y < one)))
    encoder.fact(implies(and_(x >= half, x < one), and_(y <= one - x, y > zero)))
    known = encoder.curves.setdefault("length.cosine", [])
    for other_x, other_y in known:
        both = and_(x >= 0, other_x >= 0)  # and at most 1
        encoder.fact(implies(both, (x < other_x) == (y > other_y)))
        encoder.fact(implies(x == other_x, y == other_y))
    known.append((x, y))
    encoder.count_pairs(len(known))
    return end + (start - end) * y


EXACT: dict[str, Translate] = {
    "abs": _abs,
    "min": _minimum,
    "max": _maximum,
    "clamp": _clamped,
    "ramp": _ramp,
    "round": _rounding("round"),
    "floor": _rounding("floor"),
    "ceil": _rounding("ceil"),
    "exp": _curve("exp", _exp, _EXP),
    "log": _curve("log", _log),
    "sqrt": _curve("sqrt", _sqrt),
    "tanh": _curve("tanh", _tanh, _TANH),
    "sigmoid": _curve("sigmoid", _sigmoid, _SIGMOID),
    "cos": _cos,
    "length.cosine": _cosine,
    "length.overlong": _overlong,
    "length.target": _target,
}

#: curves that floats take to their bounds
SATURATES = frozenset(("exp", "tanh", "sigmoid"))

#: functions that multiply or divide their arguments
MULTIPLIES = frozenset(("ramp", "length.overlong", "length.target", "length.cosine"))


def relate_calls(encoder: Encoder) -> None:
    """What the library declares of two functions that are given the same."""
    calls = [a for a in encoder.applied if a.key[0] == "call"]
    for one in calls:
        function = one.value.data.function
        for axiom in function.axioms:
            others = [a for a in calls if a.key[1] == axiom.other]
            encoder.count_pairs(len(others))
            for other in others:
                equal = _same_arguments(one, other)
                holds = same(one.result.term, axiom.value)
                there = and_(not_(one.result.null), not_(other.result.null))
                within = inside(other.result.term, axiom.range, encoder.context)
                encoder.fact(implies(and_(equal, there, holds), within))


def relate_folds(encoder: Encoder) -> None:
    """Of one list, there are no more items of a kind than items, and some where their count is not 0."""
    folds = [a for a in encoder.applied if a.key[0] == "fold" and a.value.data.function == "count"]
    for count in folds:
        data = replace(count.value.data, function="any")
        some = ("fold", encoder.keys.of(replace(count.value, data=data)))
        for other in encoder.applied:
            there = and_(not_(count.result.null), not_(other.result.null))
            if other.key[:2] == some and len(other.args) == len(count.args):
                equal = and_(there, *(alike(a, b) for a, b in zip(count.args, other.args, strict=True)))
                encoder.fact(implies(equal, same(count.result.term > 0, other.result.term)))
            elif other.key[:2] == ("call", "len") and other.value.args[0].type == count.value.args[0].type:
                equal = and_(there, alike(count.args[0], other.args[0]))
                encoder.fact(implies(equal, count.result.term <= other.result.term))


def relate_fields(encoder: Encoder) -> None:
    """Of a result of tests, no more passed than there are, and the share is of these.

    The first that fails comes after no more cases than passed, and there is none where all did.
    """
    fields = [a for a in encoder.applied if a.key[0] == "field" and a.value.args[0].type.kind == "result"]
    for one in fields:
        for other in fields:
            encoder.count_pairs(1)
            names = (one.value.data, other.value.data)
            equal = and_(alike(one.args[0], other.args[0]), not_(one.result.null))
            a, b = one.result.term, other.result.term
            if names == ("passed", "total"):
                encoder.fact(implies(equal, a <= b))
                every = same(a, b)
                for third in fields:
                    if third.value.data == "first_failing":
                        same_ = and_(equal, alike(one.args[0], third.args[0]))
                        encoder.fact(implies(same_, same(third.result.null, every)))
            elif names == ("memory", "crashed"):
                encoder.fact(implies(and_(equal, a), b))
            elif one.value.data == "first_failing":
                _relate_first_failing(encoder, one, other)
            elif names == ("share", "total"):
                encoder.fact(implies(and_(equal, b == 0), a == 0))
            elif names == ("share", "passed"):
                encoder.fact(implies(equal, (a > 0) == (b > 0)))
                for third in fields:
                    if third.value.data == "total":
                        same_ = and_(equal, alike(one.args[0], third.args[0]))
                        encoder.fact(implies(same_, a * third.result.term == b))


def _relate_first_failing(encoder: Encoder, first: Applied, other: Applied) -> None:
    """The index of a case that fails is that of one, and the cases before it pass."""
    index, number_ = first.result, other.result.term
    there = and_(alike(first.args[0], other.args[0]), not_(other.result.null))
    some = and_(there, not_(index.null))
    if other.value.data == "passed":
        encoder.fact(implies(some, index.term <= number_))
    elif other.value.data == "total":
        encoder.fact(implies(some, index.term < number_))
    elif other.value.data == "share":
        encoder.fact(implies(and_(some, number_ == 0), index.term == 0))
        encoder.fact(implies(and_(there, number_ > 0), same(index.null, number_ == 1)))


def _same_arguments(one: Applied, other: Applied) -> Logic:
    """Whether what `one` is given `other` is given too, and nothing else but defaults."""
    mine, theirs = one.value.data, other.value.data
    given = dict(zip(theirs.order, other.args, strict=True))
    fixed = dict(theirs.constants)
    parts: list[Logic] = []
    for name, arg in zip(mine.order, one.args, strict=True):
        if name not in given:
            return False
        parts.append(alike(arg, given.pop(name)))
    for name, value in mine.constants:
        if name not in fixed or fixed.pop(name) != value:
            return False
    defaults = {p.name: p.default for p in theirs.function.parameters if not p.required}
    if given or any(defaults.get(name) != value for name, value in fixed.items()):
        return False
    return and_(*parts)
