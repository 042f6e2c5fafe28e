"""`length.*`: rewards for how long a completion is, in any unit, as long as all lengths share it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from rewardkit.types.function import Argument, Example, Function, Parameter, Typing, TypingError
from rewardkit.types.interval import (
    NON_NEGATIVE,
    Interval,
    absolute,
    between,
    hull,
    lies,
    multiply,
    negate,
    subtract,
)
from rewardkit.types.types import REAL, UNITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_POSITIVE = Interval(Fraction(0), None, lo_open=True)
_TINY = 1e-290


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
    _, most, start, end = arguments
    _holds(most, 1, "max", _POSITIVE)
    return Typing(REAL, hull(start.interval, end.interval))


def _infer_overlong(arguments: tuple[Argument, ...]) -> Typing:
    _lengths(arguments, 3)
    _, most, buffer = arguments
    _holds(most, 1, "max", _POSITIVE)
    _holds(buffer, 2, "buffer", NON_NEGATIVE)
    highest, lowest = most.interval.hi, buffer.interval.lo
    if highest is not None and lowest is not None and lowest > highest:
        raise TypingError("the buffer is longer than `max`", 2, "it is the stretch just below `max`")
    return Typing(REAL, between(-1, 0))


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
