"""Intervals: whatever their members do, the result holds it; and simple results are exact."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.library.core import FUNCTIONS
from rewardkit.types.function import Argument, TypingError
from rewardkit.types.interval import (
    FULL,
    NON_NEGATIVE,
    UNIT,
    Interval,
    absolute,
    add,
    between,
    coarse,
    divide,
    hull,
    intersect,
    maximum,
    minimum,
    multiply,
    negate,
    point,
    rounded,
    show,
    subtract,
    whole,
)
from rewardkit.types.types import REAL

NUMBERS = st.one_of(
    st.integers(-3, 3).map(Fraction),
    st.fractions(-10, 10, max_denominator=8),
    st.sampled_from([Fraction(10) ** 30, -(Fraction(10) ** 30), Fraction(1, 10**30)]),
)


@st.composite
def members(draw):
    """An interval with a member of it, often at or near an end."""
    x = draw(NUMBERS)
    below, above = (draw(st.sampled_from([0, 0, Fraction(1, 10**9), 1, 5, None])) for _ in range(2))
    lo = None if below is None else x - below
    hi = None if above is None else x + above
    return Interval(lo, hi, bool(below) and draw(st.booleans()), bool(above) and draw(st.booleans())), x


BINARY = {
    "add": (add, lambda x, y: x + y),
    "subtract": (subtract, lambda x, y: x - y),
    "multiply": (multiply, lambda x, y: x * y),
    "minimum": (minimum, min),
    "maximum": (maximum, max),
}


@pytest.mark.parametrize("name", BINARY)
@given(members(), members())
def test_what_two_members_give_is_a_member(name, first, second):
    operation, exact = BINARY[name]
    (a, x), (b, y) = first, second
    assert a.contains(x) and b.contains(y)
    assert operation(a, b).contains(exact(x, y)), (str(a), str(b), x, y)


@given(members(), members())
def test_quotients(first, second):
    (a, x), (b, y) = first, second
    assume(y != 0)
    assert divide(a, b).contains(x / y), (str(a), str(b), x, y)


@given(members())
def test_what_a_member_gives_is_a_member(first):
    a, x = first
    assert negate(a).contains(-x)
    assert absolute(a).contains(abs(x))
    for mode, function in (("round", round), ("floor", math.floor), ("ceil", math.ceil)):
        assert rounded(a, mode).contains(Fraction(function(x))), mode
    if x.denominator == 1:
        assert whole(a).contains(x)
    assert coarse(a).contains(x)


@given(members(), members())
def test_hull_and_intersection(first, second):
    (a, x), (b, y) = first, second
    assert hull(a, b).contains(x) and hull(a, b).contains(y)
    assert a.within(hull(a, b)) and b.within(hull(a, b))
    assert intersect(a, b).contains(x) == b.contains(x)
    assert intersect(a, b).within(a) and intersect(a, b).within(b)
    assert intersect(a, b).empty <= (not b.contains(x))
    if a.within(b):
        assert b.contains(x)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (add(UNIT, between(2, 3)), "[2, 4]"),
        (add(Interval(Fraction(0), Fraction(1), True), UNIT), "(0, 2]"),
        (add(NON_NEGATIVE, between(None, 0)), "(-inf, inf)"),
        (multiply(between(-2, 3), between(-5, 7)), "[-15, 21]"),
        (multiply(NON_NEGATIVE, NON_NEGATIVE), "[0, inf)"),
        (multiply(NON_NEGATIVE, between(-1, 1)), "(-inf, inf)"),
        (multiply(point(0), FULL), "[0, 0]"),
        (multiply(Interval(Fraction(0), Fraction(1), True), NON_NEGATIVE), "[0, inf)"),
        (multiply(Interval(Fraction(0), None, True), Interval(Fraction(0), None, True)), "(0, inf)"),
        (divide(UNIT, between(2, 4)), "[0, 0.5]"),
        (divide(point(1), Interval(Fraction(0), Fraction(2), True)), "[0.5, inf)"),
        (divide(UNIT, between(1, None)), "[0, 1]"),
        (divide(point(1), between(1, None)), "(0, 1]"),
        (divide(UNIT, UNIT), "(-inf, inf)"),
        (subtract(UNIT, UNIT), "[-1, 1]"),
        (absolute(between(-3, 2)), "[0, 3]"),
        (absolute(between(-3, -2)), "[2, 3]"),
        (absolute(FULL), "[0, inf)"),
        (minimum(UNIT, FULL), "(-inf, 1]"),
        (maximum(UNIT, FULL), "[0, inf)"),
        (minimum(Interval(Fraction(0), Fraction(1), hi_open=True), between(0, 1)), "[0, 1)"),
        (hull(point(0), Interval(Fraction(2), Fraction(3), hi_open=True)), "[0, 3)"),
        (intersect(between(0, 5), Interval(Fraction(1), Fraction(9), True)), "(1, 5]"),
        (whole(Interval(Fraction(1, 2), Fraction(3), hi_open=True)), "[1, 2]"),
        (rounded(Interval(Fraction(1, 2), Fraction(5, 2)), "round"), "[0, 2]"),
        (point(Fraction(1, 3)), "[1/3, 1/3]"),
    ],
)
def test_exact(found, shown):
    assert str(found) == shown


def test_empty_and_constant():
    assert Interval(Fraction(1), Fraction(0)).empty
    assert Interval(Fraction(1), Fraction(1), lo_open=True).empty
    assert not point(1).empty and point(1).constant == 1 and UNIT.constant is None
    assert Interval(Fraction(2), Fraction(1)).within(point(7))
    assert not NON_NEGATIVE.within(Interval(Fraction(0), None, True))
    assert show(Fraction(1, 10)) == "0.1"


@given(
    st.integers(-(2**3000), 2**3000),
    st.integers(1, 2**3000),
    st.booleans(),
    st.sampled_from([0, 1, Fraction(1, 2**2500)]),
)
def test_coarse_ends_are_short_and_outside(numerator, denominator, opened, width):
    x = Fraction(numerator, denominator)
    a = Interval(x, x + width, bool(width) and opened, False)
    b = coarse(a)
    assert a.within(b)
    for end in (b.lo, b.hi):
        assert end is None or max(end.numerator.bit_length(), end.denominator.bit_length()) <= 4096
    assert coarse(b).within(coarse(coarse(b)))


def test_coarse_keeps_short_ends_and_drops_those_no_float_holds():
    assert coarse(UNIT) is UNIT
    assert coarse(between(0, 2**1200)) == between(0, None)
    tiny = coarse(between(Fraction(1, 3**2000), 1))
    assert tiny.lo is not None and 0 <= tiny.lo <= Fraction(1, 3**2000)


# --- functions whose bounds are not rational ------------------------------------------------------------

IRRATIONAL = {
    "exp": (math.exp, -700, 700),
    "log": (math.log, 1e-9, 1e300),
    "sqrt": (math.sqrt, 0, 1e300),
    "tanh": (math.tanh, -1e3, 1e3),
    "sigmoid": (lambda x: 0.5 + 0.5 * math.tanh(x / 2), -1e3, 1e3),
    "cos": (math.cos, -1e3, 1e3),
}
INFER = {function.name: function.infer for function in FUNCTIONS}


@pytest.mark.parametrize("name", IRRATIONAL)
@given(st.data())
def test_bounds_hold_what_floats_give(name, data):
    function, least, most = IRRATIONAL[name]
    numbers = st.floats(least, most) | st.sampled_from([float(max(least, -1)), 0.5, 1.0])
    lo, x, hi = sorted(data.draw(st.tuples(numbers, numbers, numbers)))
    a = Interval(Fraction(lo), None if data.draw(st.booleans()) else Fraction(hi))
    if data.draw(st.booleans()) and name not in ("log", "sqrt"):
        a = Interval(None, a.hi)
    bound = INFER[name]((Argument(REAL, a),)).interval
    assert bound.contains(Fraction(function(x))), (str(a), x)


@pytest.mark.parametrize(
    ("name", "argument", "shown"),
    [
        ("exp", FULL, "[0, inf)"),
        ("exp", between(None, 0), "[0, 1]"),
        ("exp", between(0, None), "[1, inf)"),
        ("log", between(1, None), "[0, inf)"),
        ("log", Interval(Fraction(0), Fraction(1), True), "(-inf, 0]"),
        ("sqrt", between(4, 9), "[2, 3]"),
        ("sqrt", NON_NEGATIVE, "[0, inf)"),
        ("tanh", FULL, "[-1, 1]"),
        ("tanh", NON_NEGATIVE, "[0, 1]"),
        ("sigmoid", FULL, "[0, 1]"),
        ("cos", FULL, "[-1, 1]"),
        ("exp", between(0, 10**6), "[1, inf)"),
    ],
)
def test_bounds_are_exact_where_they_can_be(name, argument, shown):
    assert str(INFER[name]((Argument(REAL, argument),)).interval) == shown


@pytest.mark.parametrize(
    ("name", "argument"), [("log", NON_NEGATIVE), ("log", FULL), ("sqrt", between(-1, 1))]
)
def test_arguments_out_of_the_domain(name, argument):
    with pytest.raises(TypingError):
        INFER[name]((Argument(REAL, argument),))


@given(members(), members(), members())
def test_clamp(first, second, third):
    (a, x), (b, lo), (c, hi) = first, second, third
    assume(not (b.lo is not None and c.hi is not None and b.lo > c.hi))
    bound = INFER["clamp"](tuple(Argument(REAL, i) for i in (a, b, c))).interval
    assert bound.contains(min(max(x, lo), hi))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_std_lies_within_its_bound(values):
    spec, _ = check(Source("spec", "input x: real in [0, 1]\nlet d = std(x) over group\nterm t = d ?? 0"))
    bound = spec.lets["d"].interval
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    assert bound.lo == 0 and deviation <= float(bound.hi) < 0.7072
