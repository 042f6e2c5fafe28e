"""What the library really makes of constants: its own value, where looking costs nothing.

Only functions that compute, are light and run in this process; what reads a row, and what fails, is not.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isfinite
from typing import Any

from rewardkit.checker.spec import Spec, TermData, TermSpec, Value
from rewardkit.types.interval import point
from rewardkit.types.levels import Level
from rewardkit.types.types import REAL

#: parts of an expression, and characters of its texts, that are looked at
_MOST_PARTS = 60
_MOST_TEXT = 4_000
_EXECUTORS = ("scalar", "columns", "batch", "inline")
_READS = ("column", "param", "step", "aggregate", "fold", "element", "term", "parameter")

UNKNOWN = object()


def is_light(call: Value) -> bool:
    """Whether a call can be computed here and now."""
    function = call.data.function
    return function.purity == "pure" and function.cost == "light" and function.executor in _EXECUTORS


def is_constant(value: Value) -> bool:
    """Whether an expression is made of constants and light functions only."""
    if value.level > Level.CONSTANT:
        return False
    stack, parts, text = [value], 0, 0
    while stack:
        part = stack.pop()
        parts += 1
        if part.op == "constant" and isinstance(part.data, str):
            text += len(part.data)
        if part.op == "call":
            text += sum(len(given) for _, given in part.data.constants if isinstance(given, str))
        if parts > _MOST_PARTS or text > _MOST_TEXT or part.op in _READS:
            return False
        if part.op == "call" and not is_light(part):
            return False
        stack.extend(part.args)
    return True


def compute(spec: Spec, value: Value) -> Any:
    """The value of a constant expression as the spec runs; `UNKNOWN` where it fails."""
    import numpy as np

    from rewardkit.diagnostics import RewardError
    from rewardkit.runtime.columns import values_of
    from rewardkit.runtime.reward import Reward
    from rewardkit.runtime.rows import Rows

    one = Value("constant", (), REAL, value.span, point(1), data=Fraction(1))
    term = Value("term", (one,), REAL, value.span, point(1), data=TermData("one", None, False))
    alone = replace(
        spec, inputs={}, lets={"computed": value}, terms={"one": TermSpec("one", term, value.span)},
        weights=(("one", one),), reward_range=None, skips=(), masks=(), advantage=None, tests=(), claims=(),
        columns=frozenset(),
    )  # fmt: skip
    try:
        reward = Reward(alone)
        rows = Rows([{"prompt": "", "completion": ""}], {})
        run = reward.evaluate(rows, group=[0], step=0, uses={"computed": np.ones(1, np.bool_)})
    except (RewardError, ValueError, OverflowError):
        return UNKNOWN
    if run.engine.faults():
        return UNKNOWN
    found = values_of(run.engine.columns[reward.plan.lets["computed"]])[0]
    return UNKNOWN if isinstance(found, float) and not isfinite(found) else found


def call_of(spec: Spec, call: Value, given: list[Any]) -> Any:
    """What a light function gives for these arguments; `UNKNOWN` where it fails."""
    if any(isinstance(value, str) and len(value) > _MOST_TEXT for value in given):
        return UNKNOWN
    args = tuple(
        Value("constant", (), arg.type.required, arg.span, data=data)
        for arg, data in zip(call.args, given, strict=True)
    )
    return compute(spec, replace(call, args=args, level=Level.CONSTANT, path=None))
