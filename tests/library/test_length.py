import math
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from library_calls import call, run_example

from rewardkit.library.length import FUNCTIONS
from rewardkit.types.function import Argument, TypingError
from rewardkit.types.interval import FULL, NON_NEGATIVE, Interval, between, point
from rewardkit.types.types import CHARS, INT, REAL, TEXT, TOKENS, Type

F = {function.name: function for function in FUNCTIONS}
EXAMPLES = [(f, e) for f in FUNCTIONS for e in f.examples]
LENGTHS = st.integers(0, 100_000)
VALUES = st.floats(-10, 10, width=32)


@pytest.mark.parametrize(("function", "example"), EXAMPLES, ids=[e.call for _, e in EXAMPLES])
def test_examples(function, example):
    assert run_example(F, example.call) == pytest.approx(example.value)


@given(st.lists(LENGTHS, min_size=1), st.integers(1, 50_000), VALUES, VALUES)
def test_cosine(lengths, most, start, end):
    n = len(lengths)
    got = call(F["length.cosine"], lengths, [most] * n, [start] * n, [end] * n)
    expected = [end + (start - end) * (1 + math.cos(math.pi * min(x / most, 1))) / 2 for x in lengths]
    assert got == pytest.approx(expected, abs=1e-12)
    assert all(min(start, end) - 1e-12 <= value <= max(start, end) + 1e-12 for value in got)


@given(st.lists(LENGTHS, min_size=1), st.integers(1, 50_000), st.integers(0, 50_000))
def test_overlong(lengths, most, buffer):
    def punish(length):
        if length <= most - buffer:
            return 0.0
        return (most - buffer - length) / buffer if length <= most else -1.0

    n = len(lengths)
    assert call(F["length.overlong"], lengths, [most] * n, [buffer] * n) == [punish(x) for x in lengths]


@given(st.lists(LENGTHS, min_size=1), LENGTHS, st.floats(0, 1))
def test_target(lengths, target, alpha):
    n = len(lengths)
    got = call(F["length.target"], lengths, [target] * n, [alpha] * n)
    assert got == [-alpha * abs(x - target) for x in lengths]


def test_a_missing_length_stays_missing():
    for function in FUNCTIONS:
        others = [[10.0]] * (len(function.parameters) - 1)
        assert np.isnan(call(function, [math.nan], *others)).all()


# --- types -------------------------------------------------------------------------------------------


def argument(type_, interval=FULL):
    return Argument(type_, interval, interval.constant)


def infer(name, *arguments):
    return F[name].infer(arguments)


LENGTH = argument(TOKENS, NON_NEGATIVE)
MOST = argument(TOKENS, point(4096))


def test_ranges():
    half = argument(REAL, point(Fraction(1, 2)))
    assert infer("length.cosine", LENGTH, MOST, argument(INT, point(1)), half).interval == between(
        Fraction(1, 2), 1
    )
    assert infer("length.cosine", LENGTH, MOST, half, argument(REAL)).interval == FULL
    assert infer("length.overlong", LENGTH, MOST, argument(TOKENS, point(10))).interval == between(-1, 0)
    assert infer("length.target", LENGTH, MOST, half).interval == Interval(None, Fraction(0))
    short = argument(TOKENS, between(0, 5000))
    assert infer("length.target", short, MOST, half).interval == between(-2048, 0)
    for name in F:
        assert F[name].result == REAL


@pytest.mark.parametrize("length", [TOKENS, CHARS, INT, REAL, Type("real", unit="seconds")])
def test_any_unit(length):
    lengths = argument(length, NON_NEGATIVE), argument(length, point(9))
    plain = argument(REAL, point(1))
    assert infer("length.cosine", *lengths, plain, plain).type == REAL
    assert infer("length.overlong", *lengths, argument(length, point(1))).type == REAL
    assert infer("length.target", *lengths, plain).type == REAL


PLAIN = argument(REAL, point(1))


@pytest.mark.parametrize(
    ("name", "arguments", "at", "message"),
    [
        ("length.cosine", (LENGTH, argument(CHARS, point(9)), PLAIN, PLAIN), 1, "do not have the same unit"),
        ("length.cosine", (LENGTH, argument(INT, point(9)), PLAIN, PLAIN), 1, "do not have the same unit"),
        ("length.cosine", (LENGTH, MOST, MOST, PLAIN), 2, "expected a plain number"),
        ("length.cosine", (argument(TEXT), MOST, PLAIN, PLAIN), 0, "expected a number"),
        ("length.cosine", (LENGTH, argument(TOKENS, NON_NEGATIVE), PLAIN, PLAIN), 1, "must lie in (0, inf)"),
        ("length.overlong", (LENGTH, MOST, PLAIN), 2, "do not have the same unit"),
        ("length.overlong", (LENGTH, MOST, argument(TOKENS, point(-1))), 2, "must lie in [0, inf)"),
        ("length.overlong", (LENGTH, MOST, argument(TOKENS, point(5000))), 2, "longer than `max`"),
        ("length.target", (LENGTH, PLAIN, PLAIN), 1, "do not have the same unit"),
        ("length.target", (LENGTH, MOST, argument(REAL)), 2, "must lie in [0, inf)"),
    ],
)
def test_what_is_refused(name, arguments, at, message):
    with pytest.raises(TypingError) as refused:
        infer(name, *arguments)
    assert message in refused.value.message and refused.value.argument == at
