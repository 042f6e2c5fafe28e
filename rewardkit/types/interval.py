"""Exact intervals over the rationals: what the checker knows about a number's size.

`None` as a bound means unbounded on that side. Every operation is sound: the result holds every
value the operation can give, with bounds that are exact rationals, never floats.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

Bound = Fraction | None


@dataclass(frozen=True)
class Interval:
    """`[lo, hi]`, open on a side where `lo_open` or `hi_open` is set (unbounded sides are open)."""

    lo: Bound = None
    hi: Bound = None
    lo_open: bool = False
    hi_open: bool = False

    def __str__(self) -> str:
        left = "(" if self.lo is None or self.lo_open else "["
        right = ")" if self.hi is None or self.hi_open else "]"
        lo = "-inf" if self.lo is None else show(self.lo)
        hi = "inf" if self.hi is None else show(self.hi)
        return f"{left}{lo}, {hi}{right}"

    @property
    def empty(self) -> bool:
        if self.lo is None or self.hi is None:
            return False
        return self.lo > self.hi or (self.lo == self.hi and (self.lo_open or self.hi_open))

    @property
    def constant(self) -> Fraction | None:
        """The only value, where there is only one."""
        return self.lo if self.lo is not None and self.lo == self.hi and not self.empty else None

    def contains(self, value: Fraction) -> bool:
        above = self.lo is None or value > self.lo or (value == self.lo and not self.lo_open)
        below = self.hi is None or value < self.hi or (value == self.hi and not self.hi_open)
        return above and below

    def within(self, other: Interval) -> bool:
        """Whether every value of this interval is one of `other`."""
        if self.empty:
            return True
        return _lower_fits(self, other) and _lower_fits(negate(self), negate(other))


FULL = Interval()
UNIT = Interval(Fraction(0), Fraction(1))
NON_NEGATIVE = Interval(Fraction(0), None)


def between(lo: Fraction | int | None, hi: Fraction | int | None) -> Interval:
    """`[lo, hi]` with closed finite ends."""
    return Interval(None if lo is None else Fraction(lo), None if hi is None else Fraction(hi))


def point(value: Fraction | int) -> Interval:
    return between(value, value)


def show(value: Fraction) -> str:
    """A rational as a spec would write it: `0.2`, `4096`, `1/3` where no short decimal is exact."""
    if value.denominator == 1:
        return str(value.numerator)
    try:
        decimal = repr(float(value))
    except OverflowError:
        decimal = "0"
    return decimal if Fraction(decimal) == value else f"{value.numerator}/{value.denominator}"


def bare(interval: Interval, unit: str = "") -> str:
    """As a message shows it: `5` where there is one value, else `[0tok, 1tok]`, in a unit's suffix."""
    if interval.constant is not None:
        return show(interval.constant) + unit
    left, right = str(interval).split(", ")
    ends = (
        left + unit * (interval.lo is not None),
        right[:-1] + unit * (interval.hi is not None) + right[-1],
    )
    return ", ".join(ends)


def lies(interval: Interval, unit: str = "") -> str:
    """`is 5`, `lies in [0, 1]`."""
    return f"{'is' if interval.constant is not None else 'lies in'} {bare(interval, unit)}"


def _lower_fits(inner: Interval, outer: Interval) -> bool:
    if outer.lo is None:
        return True
    if inner.lo is None or inner.lo < outer.lo:
        return False
    return inner.lo > outer.lo or inner.lo_open or not outer.lo_open


def negate(a: Interval) -> Interval:
    return Interval(None if a.hi is None else -a.hi, None if a.lo is None else -a.lo, a.hi_open, a.lo_open)


def add(a: Interval, b: Interval) -> Interval:
    lo = None if a.lo is None or b.lo is None else a.lo + b.lo
    hi = None if a.hi is None or b.hi is None else a.hi + b.hi
    return Interval(lo, hi, a.lo_open or b.lo_open, a.hi_open or b.hi_open)


def subtract(a: Interval, b: Interval) -> Interval:
    return add(a, negate(b))


def multiply(a: Interval, b: Interval) -> Interval:
    if a.constant == 0 or b.constant == 0:
        return point(0)
    ends = [_corner(x, y) for x in _ends(a) for y in _ends(b)]
    return _hull_of_corners(ends)


def divide(a: Interval, b: Interval) -> Interval:
    """`a / b`. Unbounded where `b` holds 0 (the checker refuses that anyway)."""
    if b.contains(Fraction(0)) or b.empty:
        return FULL
    return multiply(a, _reciprocal(b))


def hull(a: Interval, b: Interval) -> Interval:
    """The smallest interval that holds both."""
    if a.empty:
        return b
    if b.empty:
        return a
    lo, lo_open = _least((a.lo, a.lo_open), (b.lo, b.lo_open))
    hi, hi_open = _greatest((a.hi, a.hi_open), (b.hi, b.hi_open))
    return Interval(lo, hi, lo_open, hi_open)


def intersect(a: Interval, b: Interval) -> Interval:
    lo, lo_open = _tighter_lower((a.lo, a.lo_open), (b.lo, b.lo_open))
    flipped = _tighter_lower(
        (None if a.hi is None else -a.hi, a.hi_open), (None if b.hi is None else -b.hi, b.hi_open)
    )
    hi = None if flipped[0] is None else -flipped[0]
    return Interval(lo, hi, lo_open, flipped[1])


def minimum(a: Interval, b: Interval) -> Interval:
    """The interval of `min(x, y)`."""
    lo, lo_open = _least((a.lo, a.lo_open), (b.lo, b.lo_open))
    flipped = _tighter_lower(
        (None if a.hi is None else -a.hi, a.hi_open), (None if b.hi is None else -b.hi, b.hi_open)
    )
    return Interval(lo, None if flipped[0] is None else -flipped[0], lo_open, flipped[1])


def maximum(a: Interval, b: Interval) -> Interval:
    """The interval of `max(x, y)`."""
    return negate(minimum(negate(a), negate(b)))


def absolute(a: Interval) -> Interval:
    if a.lo is not None and a.lo >= 0:
        return a
    if a.hi is not None and a.hi <= 0:
        return negate(a)
    return intersect(hull(a, negate(a)), NON_NEGATIVE)


def whole(a: Interval) -> Interval:
    """The integers of `a`: open or fractional ends move to the next whole number inside."""
    lo = None if a.lo is None else Fraction(-((-a.lo) // 1))
    hi = None if a.hi is None else Fraction(a.hi // 1)
    if lo is not None and a.lo_open and lo == a.lo:
        lo += 1
    if hi is not None and a.hi_open and hi == a.hi:
        hi -= 1
    return Interval(lo, hi)


def rounded(a: Interval, mode: str) -> Interval:
    """Of `round`, `floor` or `ceil` (all monotone, so the ends decide; open ends are kept closed)."""
    steps: dict[str, Callable[[Fraction], int]] = {
        "floor": lambda x: x // 1,
        "ceil": lambda x: -((-x) // 1),
        "round": round,
    }
    step = steps[mode]
    return Interval(
        None if a.lo is None else Fraction(step(a.lo)), None if a.hi is None else Fraction(step(a.hi))
    )


def coarse(a: Interval) -> Interval:
    """The same interval, or a slightly larger one where its ends have grown long.

    Keeps exact arithmetic cheap on hostile specs: ends beyond what a float holds become unbounded,
    ends with very long numerators or denominators are rounded outwards.
    """
    lo, hi = _shorten(a.lo, up=False), _shorten(a.hi, up=True)
    if lo is a.lo and hi is a.hi:
        return a
    return Interval(
        lo, hi, a.lo_open if lo is a.lo else lo is not None, a.hi_open if hi is a.hi else hi is not None
    )


_LONG, _HUGE = 2048, 1100  # bits


def _shorten(value: Bound, up: bool) -> Bound:
    if value is None:
        return None
    over, under = value.numerator.bit_length(), value.denominator.bit_length()
    if over - under > _HUGE:
        return None
    if max(over, under) <= _LONG:
        return value
    if under - over > _HUGE:
        return Fraction(int(up) if value > 0 else -int(not up), 2**_HUGE) if value else value
    scale = 2 ** (256 + max(0, under - over))
    scaled = value * scale
    return Fraction(-((-scaled) // 1) if up else scaled // 1, scale)


# An end as (value, sign of infinity or 0, open): products need to tell +inf from -inf.
_End = tuple[Fraction | None, int, bool]


def _ends(a: Interval) -> tuple[_End, _End]:
    lower: _End = (a.lo, -1 if a.lo is None else 0, a.lo_open or a.lo is None)
    upper: _End = (a.hi, 1 if a.hi is None else 0, a.hi_open or a.hi is None)
    return lower, upper


def _corner(x: _End, y: _End) -> _End:
    (xv, xi, xo), (yv, yi, yo) = x, y
    if xi or yi:
        sign = (xi or _sign(xv)) * (yi or _sign(yv))
        # 0 * inf: the closed 0 is reached, so the corner is 0 itself.
        if sign == 0:
            return Fraction(0), 0, (xo if xv == 0 else False) or (yo if yv == 0 else False)
        return None, sign, True
    assert xv is not None and yv is not None
    product = xv * yv
    if product == 0:
        # 0 is reached as soon as one factor reaches 0, whatever the other does
        reached = (xv == 0 and not xo) or (yv == 0 and not yo)
        return product, 0, not reached
    return product, 0, xo or yo


def _sign(value: Fraction | None) -> int:
    assert value is not None
    return (value > 0) - (value < 0)


def _hull_of_corners(corners: list[_End]) -> Interval:
    lo: tuple[Bound, bool] | None = None
    hi: tuple[Bound, bool] | None = None
    for value, infinite, opened in corners:
        low_end: tuple[Bound, bool] = (None, True) if infinite < 0 else (value, opened)
        high_end: tuple[Bound, bool] = (None, True) if infinite > 0 else (value, opened)
        if infinite <= 0:
            lo = low_end if lo is None else _least(lo, low_end)
        if infinite >= 0:
            hi = high_end if hi is None else _greatest(hi, high_end)
    # every corner infinite on one side: the other side is unbounded as well
    lo = lo or (None, True)
    hi = hi or (None, True)
    return Interval(lo[0], hi[0], lo[1] and lo[0] is not None, hi[1] and hi[0] is not None)


def _reciprocal(b: Interval) -> Interval:
    """`1 / b` for an interval that does not hold 0."""

    def flip(value: Bound, opened: bool) -> tuple[Bound, bool]:
        if value is None:
            return Fraction(0), True
        return (None, True) if value == 0 else (1 / value, opened)

    lo, lo_open = flip(b.hi, b.hi_open)
    hi, hi_open = flip(b.lo, b.lo_open)
    return Interval(lo, hi, lo_open and lo is not None, hi_open and hi is not None)


def _least(a: tuple[Bound, bool], b: tuple[Bound, bool]) -> tuple[Bound, bool]:
    if a[0] is None or b[0] is None:
        return None, False
    if a[0] == b[0]:
        return a[0], a[1] and b[1]
    return a if a[0] < b[0] else b


def _greatest(a: tuple[Bound, bool], b: tuple[Bound, bool]) -> tuple[Bound, bool]:
    value, opened = _least((None if a[0] is None else -a[0], a[1]), (None if b[0] is None else -b[0], b[1]))
    return None if value is None else -value, opened


def _tighter_lower(a: tuple[Bound, bool], b: tuple[Bound, bool]) -> tuple[Bound, bool]:
    if a[0] is None:
        return b
    if b[0] is None:
        return a
    if a[0] == b[0]:
        return a[0], a[1] or b[1]
    return a if a[0] > b[0] else b
