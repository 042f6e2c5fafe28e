"""The functions without a namespace: arithmetic on numbers of any unit, and `len` and `failed`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from rewardkit.types.function import Argument, Example, Function, Parameter, Typing, TypingError
from rewardkit.types.interval import (
    FULL,
    NON_NEGATIVE,
    UNIT,
    Interval,
    absolute,
    bare,
    between,
    intersect,
    lies,
    maximum,
    minimum,
    rounded,
)
from rewardkit.types.types import BOOL, CHARS, INT, REAL, Type


def _numbers(arguments: tuple[Argument, ...]) -> Type:
    """The common type of numbers of one unit: `int` where all are, else `real`."""
    first = arguments[0].type
    for position, argument in enumerate(arguments):
        if not argument.type.is_number:
            raise TypingError(f"expected a number, found `{argument.type.required}`", position)
        if argument.type.unit != first.unit:
            raise TypingError(
                f"`{first.required}` and `{argument.type.required}` do not have the same unit", position
            )
    kind = "int" if all(a.type.kind == "int" for a in arguments) else "real"
    return Type(kind, unit=first.unit)


def _plain(arguments: tuple[Argument, ...]) -> None:
    if _numbers(arguments).unit is not None:
        raise TypingError(
            f"expected a plain number, found `{arguments[0].type.required}`",
            0,
            "divide by an amount of the same unit first",
        )


# --- bounds of functions that are not rational --------------------------------------------------


def _outward(f: Callable[[float], float], value: Fraction, up: bool) -> Fraction | None:
    """A rational bound on `f(value)`, a few ulps outside; `None` where it is beyond the floats."""
    try:
        argument = float(value)
        if Fraction(argument) != value:  # the argument was rounded: step outside it as well
            argument = math.nextafter(argument, math.inf if up else -math.inf)
        result = f(argument)
    except (OverflowError, ValueError):
        return None
    if not math.isfinite(result):
        return None
    for _ in range(4):
        result = math.nextafter(result, math.inf if up else -math.inf)
    return Fraction(result) if math.isfinite(result) else None


def _monotone(
    f: Callable[[float], float], exact: Mapping[int, int | Fraction], a: Interval, into: Interval
) -> Interval:
    """The interval of an increasing function, exact at the arguments in `exact`."""

    def bound(value: Fraction | None, up: bool) -> Fraction | None:
        if value is None:
            return None
        if value.denominator == 1 and value.numerator in exact:
            return Fraction(exact[value.numerator])
        return _outward(f, value, up)

    return intersect(between(bound(a.lo, False), bound(a.hi, True)), into)


_PI = Fraction(math.nextafter(math.pi, 0))  # below it


def _infer_exp(arguments: tuple[Argument, ...]) -> Typing:
    _plain(arguments)
    return Typing(REAL, _monotone(math.exp, {0: 1}, arguments[0].interval, NON_NEGATIVE))


def _infer_log(arguments: tuple[Argument, ...]) -> Typing:
    _plain(arguments)
    a = arguments[0].interval
    if not a.within(Interval(Fraction(0), None, lo_open=True)):
        raise TypingError(
            f"`log` wants a number above 0, and this {lies(a)}", 0, "add a constant, or test `> 0` first"
        )
    lower = None if a.lo == 0 else a.lo
    return Typing(REAL, _monotone(math.log, {1: 0}, Interval(lower, a.hi), FULL))


def _infer_sqrt(arguments: tuple[Argument, ...]) -> Typing:
    _plain(arguments)
    a = arguments[0].interval
    if not a.within(NON_NEGATIVE):
        raise TypingError(
            f"`sqrt` wants a number that is not negative, and this {lies(a)}", 0, "use `max(x, 0)`"
        )
    return Typing(REAL, _monotone(math.sqrt, {n * n: n for n in range(101)}, a, NON_NEGATIVE))


def _infer_tanh(arguments: tuple[Argument, ...]) -> Typing:
    _plain(arguments)
    return Typing(REAL, _monotone(math.tanh, {0: 0}, arguments[0].interval, between(-1, 1)))


def _infer_sigmoid(arguments: tuple[Argument, ...]) -> Typing:
    _plain(arguments)
    return Typing(
        REAL,
        _monotone(lambda x: 0.5 + 0.5 * math.tanh(x / 2), {0: Fraction(1, 2)}, arguments[0].interval, UNIT),
    )


def _infer_cos(arguments: tuple[Argument, ...]) -> Typing:
    _plain(arguments)
    return Typing(REAL, cosine(arguments[0].interval))


def cosine(a: Interval) -> Interval:
    """The interval of `cos`: falling from 0 to pi, rising from there to 2 pi; `[-1, 1]` over more."""
    a = absolute(a)  # an even function
    assert a.lo is not None
    ends: tuple[Fraction | None, Fraction | None] = (None, None)
    if a.hi is not None and a.hi <= _PI:
        # through a rising function, so that an argument that is rounded is stepped to the right side
        lowest, highest = _outward(_cos_of_minus, -a.hi, False), _outward(_cos_of_minus, -a.lo, True)
        ends = Fraction(1) if a.hi == 0 else lowest, Fraction(1) if a.lo == 0 else highest
    elif a.hi is not None and a.lo >= _PI and a.hi <= 2 * _PI:
        ends = _outward(math.cos, a.lo, False), _outward(math.cos, a.hi, True)
    return intersect(between(*ends), between(-1, 1))


def _cos_of_minus(x: float) -> float:
    return math.cos(-x)


# --- exact functions ------------------------------------------------------------------------------


def _infer_abs(arguments: tuple[Argument, ...]) -> Typing:
    return Typing(_numbers(arguments), absolute(arguments[0].interval))


def _infer_min(arguments: tuple[Argument, ...]) -> Typing:
    kind = _numbers(arguments)
    interval = arguments[0].interval
    for argument in arguments[1:]:
        interval = minimum(interval, argument.interval)
    return Typing(kind, interval)


def _infer_max(arguments: tuple[Argument, ...]) -> Typing:
    kind = _numbers(arguments)
    interval = arguments[0].interval
    for argument in arguments[1:]:
        interval = maximum(interval, argument.interval)
    return Typing(kind, interval)


def _infer_clamp(arguments: tuple[Argument, ...]) -> Typing:
    kind = _numbers(arguments)
    x, lo, hi = (argument.interval for argument in arguments)
    if lo.lo is not None and hi.hi is not None and lo.lo > hi.hi:
        raise TypingError("the lower end is above the upper end", 1, "write `clamp(x, lowest, highest)`")
    return Typing(kind, minimum(maximum(x, lo), hi))


def _infer_rounding(mode: str) -> Callable[[tuple[Argument, ...]], Typing]:
    def infer(arguments: tuple[Argument, ...]) -> Typing:
        kind = _numbers(arguments)
        return Typing(Type("int", unit=kind.unit), rounded(arguments[0].interval, mode))

    return infer


def _infer_ramp(arguments: tuple[Argument, ...]) -> Typing:
    _numbers(arguments)
    x, start, end = (argument.interval for argument in arguments)
    if start.hi is None or end.lo is None or start.hi >= end.lo:
        raise TypingError(
            f"`ramp` wants a start below its end, and they are {bare(start)} and {bare(end)}",
            2,
            "write `ramp(step, first, last)`; to fall instead of rise, `1 - ramp(…)`",
        )
    # it rises with `x`, and falls as either end grows
    lowest = _ramp_at(x.lo, start.hi, end.hi) if end.hi is not None else Fraction(0)
    highest = _ramp_at(x.hi, start.lo, end.lo) if start.lo is not None else Fraction(1)
    return Typing(REAL, between(0 if x.lo is None else lowest, 1 if x.hi is None else highest))


def _ramp_at(x: Fraction | None, start: Fraction, end: Fraction) -> Fraction:
    return Fraction(0) if x is None else min(max((x - start) / (end - start), Fraction(0)), Fraction(1))


def _infer_len(arguments: tuple[Argument, ...]) -> Typing:
    kind = arguments[0].type.kind
    if kind == "text":
        return Typing(CHARS, NON_NEGATIVE)
    if kind != "list":
        raise TypingError(f"`len` wants a list or a text, found `{arguments[0].type.required}`", 0)
    return Typing(INT, NON_NEGATIVE)


def _np() -> Any:
    import numpy

    return numpy


def _minimum(*values: Any) -> Any:
    np = _np()
    out = values[0]
    for value in values[1:]:
        out = np.minimum(out, value)
    return out


def _maximum(*values: Any) -> Any:
    np = _np()
    out = values[0]
    for value in values[1:]:
        out = np.maximum(out, value)
    return out


def _clamp(x: Any, lo: Any, hi: Any) -> Any:
    return _minimum(_maximum(x, lo), hi)


def _ramp(x: Any, start: Any, end: Any) -> Any:
    return _clamp((x - start) / (end - start), 0.0, 1.0)


def _rounding(name: str) -> Callable[[Any], Any]:
    def apply(x: Any) -> Any:
        np = _np()
        return x if np.issubdtype(x.dtype, np.integer) else getattr(np, name)(x)

    return apply


def _sigmoid(x: Any) -> Any:
    # through tanh: no overflow at either end
    return 0.5 + 0.5 * _np().tanh(x / 2)


def _ufunc(name: str) -> Callable[[Any], Any]:
    return lambda x: getattr(_np(), name)(x)


def _scalar(
    name: str,
    parameters: str,
    summary: str,
    infer: Callable[[tuple[Argument, ...]], Typing],
    implementation: Callable[..., Any],
    example: tuple[str, Any],
    *,
    variadic: bool = False,
    fails: str = "never",
) -> Function:
    return Function(
        name,
        tuple(Parameter(p, REAL) for p in parameters.split()),
        REAL,
        summary,
        "scalar",
        implementation,
        infer=infer,
        variadic=variadic,
        faults=fails != "never",
        fails=fails,
        examples=(Example(*example),),
    )


FUNCTIONS: tuple[Function, ...] = (
    _scalar(
        "abs", "x", "the size of a number, without its sign", _infer_abs, _ufunc("abs"), ("abs(-3)", 3),
        fails="beyond 64 bits",
    ),
    _scalar(
        "min", "x y", "the smallest of its arguments", _infer_min, _minimum,
        ("min(3, 1, 2)", 1), variadic=True,
    ),
    _scalar(
        "max", "x y", "the largest of its arguments", _infer_max, _maximum,
        ("max(3, 1, 2)", 3), variadic=True,
    ),
    _scalar(
        "clamp", "x lo hi", "`x`, or the nearer end where it is outside", _infer_clamp, _clamp,
        ("clamp(5, 0, 1)", 1),
    ),
    _scalar(
        "round", "x", "the nearest whole number, halves to even", _infer_rounding("round"), _rounding("rint"),
        ("round(2.5)", 2), fails="beyond 64 bits",
    ),
    _scalar(
        "floor", "x", "the whole number at or below", _infer_rounding("floor"), _rounding("floor"),
        ("floor(2.5)", 2), fails="beyond 64 bits",
    ),
    _scalar(
        "ceil", "x", "the whole number at or above", _infer_rounding("ceil"), _rounding("ceil"),
        ("ceil(2.5)", 3), fails="beyond 64 bits",
    ),
    _scalar("sqrt", "x", "the square root", _infer_sqrt, _ufunc("sqrt"), ("sqrt(9)", 3.0)),
    _scalar(
        "exp", "x", "e to the power of `x`", _infer_exp, _ufunc("exp"),
        ("exp(0)", 1.0), fails="beyond the reals of 64 bits",
    ),
    _scalar("log", "x", "the natural logarithm", _infer_log, _ufunc("log"), ("log(1)", 0.0)),
    _scalar("cos", "x", "the cosine of an angle in radians", _infer_cos, _ufunc("cos"), ("cos(0)", 1.0)),
    _scalar("tanh", "x", "the hyperbolic tangent", _infer_tanh, _ufunc("tanh"), ("tanh(0)", 0.0)),
    _scalar("sigmoid", "x", "`1 / (1 + exp(-x))`", _infer_sigmoid, _sigmoid, ("sigmoid(0)", 0.5)),
    _scalar(
        "ramp", "x start end", "0 up to `start`, 1 from `end` on, a straight line between",
        _infer_ramp, _ramp,
        ("ramp(5, 0, 10)", 0.5),
    ),
    Function(
        "len", (Parameter("x", REAL),), INT, "how many items a list has, or characters a text",
        "inline", len, infer=_infer_len, examples=(Example('len("abc")', 3),),
    ),
    Function(
        "failed", (Parameter("x", REAL),), BOOL, "whether computing `x` failed, as opposed to giving null",
        "scalar", _ufunc("isnan"),
    ),
)  # fmt: skip
