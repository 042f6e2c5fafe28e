"""Values as z3 terms with a flag for null and one for failure, and logic that folds constants."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import z3

from rewardkit.types.interval import FULL, Interval

#: a z3 condition, or a plain truth value where it is known
Logic: TypeAlias = Any
#: a z3 real, bool, or number of a text or structured value
Term: TypeAlias = Any


@dataclass(frozen=True, eq=False)
class Known:
    """A value on one row. `fault` implies `null`; `term` means nothing where it is null.

    `interval` holds for every row, whatever gate guards the value: unlike the checker's, which may
    rest on what a gate says.
    """

    term: Term
    null: Logic = False
    fault: Logic = False
    interval: Interval = FULL


def not_(a: Logic) -> Logic:
    return (not a) if isinstance(a, bool) else z3.Not(a)


def and_(*parts: Logic) -> Logic:
    if any(part is False for part in parts):
        return False
    rest = [part for part in parts if part is not True]
    if not rest:
        return True
    return rest[0] if len(rest) == 1 else z3.And(*rest)


def or_(*parts: Logic) -> Logic:
    if any(part is True for part in parts):
        return True
    rest = [part for part in parts if part is not False]
    if not rest:
        return False
    return rest[0] if len(rest) == 1 else z3.Or(*rest)


def implies(a: Logic, b: Logic) -> Logic:
    return or_(not_(a), b)


def either(condition: Logic, then: Term, otherwise: Term) -> Term:
    """`then` where the condition holds; folds plain truth values."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    if then is otherwise:
        return then
    if isinstance(then, bool) or isinstance(otherwise, bool):
        return or_(and_(condition, then), and_(not_(condition), otherwise))
    return then if then.eq(otherwise) else z3.If(condition, then, otherwise)


def same(a: Term, b: Term) -> Logic:
    """Whether two terms are equal; folds plain truth values and identical terms."""
    if isinstance(a, bool):
        return b if a else not_(b)
    if isinstance(b, bool):
        return a if b else not_(a)
    return True if a.eq(b) else a == b


def alike(a: Known, b: Known) -> Logic:
    """Whether two values are the same, null included."""
    return and_(same(a.null, b.null), or_(a.null, same(a.term, b.term)))


def number(value: Fraction | int, context: z3.Context) -> Term:
    value = Fraction(value)
    return z3.RatVal(value.numerator, value.denominator, context)


def inside(term: Term, interval: Interval, context: z3.Context) -> Logic:
    parts = []
    if interval.lo is not None:
        lo = number(interval.lo, context)
        parts.append(term > lo if interval.lo_open else term >= lo)
    if interval.hi is not None:
        hi = number(interval.hi, context)
        parts.append(term < hi if interval.hi_open else term <= hi)
    return and_(*parts)
