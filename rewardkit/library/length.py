"""`length.*`: rewards for how long a completion is, in any unit, as long as all lengths share it."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from rewardkit.types.function import Argument, Example, Function, Parameter, Typing, TypingError
from rewardkit.types.interval import (
    NON_NEGATIVE,
    UNIT,
    Interval,
    absolute,
    add,
    between,
    hull,
    lies,
    multiply,
    negate,
    point,
    subtract,
)
from rewardkit.types.types import REAL, UNITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_POSITIVE = Interval(Fraction(0), None, lo_open=True)
_TINY = 1e-290
_ROUNDING = Fraction(1, 10**14)


def _cosine(length: Reals, max: Reals, start: Reals, end: Reals) -> Reals:
    import numpy as np

    progress = np.minimum(length / max, 1.0)
    return end + 0.5 * (start - end) * (1.0 + np.cos(progress * np.pi))


def _overlong(length: Reals, max: Reals, buffer: Reals) -> Reals:
    import numpy as np

    # a buffer of 0 makes the slope a step behind `max`
    share = (length - (max - buffer)) / np.maximum(buffer, _TINY)
    return 0.0 - np.clip(share, 0.0, 1.0)


def _target(length: Reals, target: Reals, alpha: Reals) -> Reals:
    import numpy as np

    return 0.0 - alpha * np.abs(length - target)


# --- types -------------------------------------------------------------------------------------------


def _lengths(arguments: tuple[Argument, ...], count: int) -> None:
    """The first `count` arguments are lengths of one unit, and the others plain numbers."""
    unit = arguments[0].type.unit
    for position, argument in enumerate(arguments):
        if not argument.type.is_number:
            raise TypingError(f"expected a number, found `{argument.type.required}`", position)
        if position < count and argument.type.unit != unit:
            raise TypingError(
                f"`{arguments[0].type.required}` and `{argument.type.required}` do not have the same unit",
                position,
                "write all lengths in one unit",
            )
        if position >= count and argument.type.unit is not None:
            raise TypingError(f"expected a plain number, found `{argument.type.required}`", position)


def _holds(argument: Argument, position: int, name: str, within: Interval) -> None:
    if not argument.interval.within(within):
        suffix = UNITS.get(argument.type.unit or "", "")
        raise TypingError(
            f"`{name}` must lie in {within}, and this {lies(argument.interval, suffix)}", position
        )


def _infer_cosine(arguments: tuple[Argument, ...]) -> Typing:
    _lengths(arguments, 2)
    length, most, start, end = arguments
    _holds(most, 1, "max", _POSITIVE)
    share = _wave(length.interval, most.interval)
    # a mean of both ends, weighed by the wave: its extremes are at the ends of all three
    mixed = [
        add(end.interval, multiply(point(at), subtract(start.interval, end.interval)))
        if start.interval.constant is not None and end.interval.constant is not None
        else add(multiply(point(at), start.interval), multiply(point(1 - at), end.interval))
        for at in (share.lo, share.hi)
        if at is not None
    ]
    return Typing(REAL, hull(*mixed))


def _wave(length: Interval, most: Interval) -> Interval:
    """Of `(1 + cos(pi * min(length / max, 1))) / 2`, which falls from 1 to 0 over lengths up to `max`."""
    if length.lo is None or length.lo < 0:
        return UNIT
    least, end = length.lo, length.hi
    highest = Fraction(1) if most.hi is None else _wave_at(least / most.hi, up=True)
    lowest = Fraction(0) if end is None or not most.lo else _wave_at(end / most.lo, up=False)
    return between(lowest, highest)


def _wave_at(share: Fraction, up: bool) -> Fraction:
    exact = {Fraction(0): Fraction(1), Fraction(1, 2): Fraction(1, 2)}
    if share >= 1 or share in exact:
        return exact.get(share, Fraction(0))
    wave = Fraction(0.5 * (1 + math.cos(float(share) * math.pi)))
    return min(max(wave + (_ROUNDING if up else -_ROUNDING), Fraction(0)), Fraction(1))


def _infer_overlong(arguments: tuple[Argument, ...]) -> Typing:
    _lengths(arguments, 3)
    length, most, buffer = arguments
    _holds(most, 1, "max", _POSITIVE)
    _holds(buffer, 2, "buffer", NON_NEGATIVE)
    highest, lowest = most.interval.hi, buffer.interval.lo
    if highest is not None and lowest is not None and lowest > highest:
        raise TypingError("the buffer is longer than `max`", 2, "it is the stretch just below `max`")
    # it falls as the length grows, rises with `max`, and falls as the buffer grows
    worst = _overlong_at(length.interval.hi, most.interval.lo, buffer.interval.hi)
    best = _overlong_at(length.interval.lo, most.interval.hi, buffer.interval.lo)
    return Typing(REAL, between(-1 if worst is None else worst, 0 if best is None else best))


def _overlong_at(length: Fraction | None, most: Fraction | None, buffer: Fraction | None) -> Fraction | None:
    if length is None or most is None or buffer is None:
        return None
    if buffer == 0:
        return Fraction(-1 if length > most else 0)
    return -min(max((length - (most - buffer)) / buffer, Fraction(0)), Fraction(1))


def _infer_target(arguments: tuple[Argument, ...]) -> Typing:
    _lengths(arguments, 2)
    length, target, alpha = arguments
    _holds(alpha, 2, "alpha", NON_NEGATIVE)
    away = absolute(subtract(length.interval, target.interval))
    return Typing(REAL, negate(multiply(alpha.interval, away)))


# --- declarations ------------------------------------------------------------------------------------

_LENGTHS = (Parameter("length", REAL), Parameter("max", REAL))

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "length.cosine",
        (*_LENGTHS, Parameter("start", REAL), Parameter("end", REAL)),
        REAL, "from `start` at length 0 to `end` at `max`, along half a cosine wave, and `end` beyond",
        "scalar", _cosine, infer=_infer_cosine,
        doc="`end + (start - end) * (1 + cos(pi * min(length / max, 1))) / 2`, from Yeo et al. (2025), "
        "\"Demystifying Long Chain-of-Thought Reasoning\", appendix C.1. TRL's `get_cosine_scaled_reward` "
        "is `if correct then length.cosine(n, max, start: 1, end: 0.5) else length.cosine(n, max, start: "
        "-1, end: -0.5)`.",
        examples=(
            Example("length.cosine(50tok, 100tok, start: 1, end: 0)", 0.5),
            Example("length.cosine(200tok, 100tok, start: 1, end: 0.5)", 0.5),
        ),
    ),
    Function(
        "length.overlong",
        (*_LENGTHS, Parameter("buffer", REAL)),
        REAL, "0 up to `max - buffer`, then down in a straight line to -1 at `max`, and -1 beyond",
        "scalar", _overlong, infer=_infer_overlong,
        doc="The soft overlong punishment of DAPO (Yu et al. 2025), equation 13. With a buffer of 0 it is "
        "0 up to `max` and -1 beyond.",
        examples=(
            Example("length.overlong(90tok, 100tok, 20tok)", -0.5),
            Example("length.overlong(500tok, 100tok, 20tok)", -1.0),
        ),
    ),
    Function(
        "length.target",
        (Parameter("length", REAL), Parameter("target", REAL), Parameter("alpha", REAL)),
        REAL, "`-alpha` for each unit of length away from `target`, on either side",
        "scalar", _target, infer=_infer_target,
        doc="`-alpha * abs(length - target)`, the length part of L1 (Aggarwal and Welleck 2025), "
        "LCPO-Exact, where `alpha` is 0.0003 per token. It has no lowest value: clamp it for a term with a "
        "range.",
        examples=(Example("length.target(900tok, 1000tok, alpha: 0.01)", -1.0),),
    ),
)  # fmt: skip
