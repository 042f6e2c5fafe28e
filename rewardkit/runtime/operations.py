"""The cheap steps: operators, fields, gates. Each gives a column from its arguments' columns.

A strict operator has no value where an argument has none, and fails where an argument failed.
Guarded ones (`and`, `or`, `??`, `if`, a gated term) are computed as soon as the arguments that
decide them are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.compiler import Step
from rewardkit.runtime.columns import Column, Data, Mask, cast, dtype_of, objects, select, values_of
from rewardkit.types.interval import Interval

#: relative slack within which a value outside a range is rounding, and is clipped to it
ROUNDING = 1e-9

#: a new failure of this step: the rows and why
Failure = tuple[Mask, str]


def evaluate(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    """The step's column as far as its arguments are computed, and what failed in it."""
    return _OPERATIONS[step.op](step, args)


def strict(args: list[Column]) -> tuple[Mask, Mask, Mask]:
    """`done`, `null` and `fault` of an operator that needs all its arguments."""
    done, null, fault = args[0].done, args[0].null, args[0].fault
    for arg in args[1:]:
        done, null, fault = done & arg.done, null | arg.null, fault | arg.fault
    return done, null & done, fault & done


# --- arithmetic ----------------------------------------------------------------------------------


def _arithmetic(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    done, null, fault = strict(args)
    valid = done & ~null
    whole = step.type.kind == "int"
    dtype = np.int64 if whole else np.float64
    operands = [_where(valid, cast(_array(arg), dtype), 1) for arg in args]
    with np.errstate(all="ignore"):
        data = _COMPUTE[step.op](*operands)
        broken = _overflows(step.op, operands, data) if whole else ~np.isfinite(data)
    return _with_failures(data, done, null, fault, broken & valid, "the number is too large")


_COMPUTE: dict[str, Callable[..., NDArray[Any]]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
}


def _overflows(op: str, operands: list[NDArray[Any]], data: NDArray[Any]) -> Mask:
    """Where 64-bit arithmetic wrapped: the float result tells, except near the limit, where exact does."""
    near = _COMPUTE[op](*(operand.astype(np.float64) for operand in operands))
    wrapped: Mask = np.abs(near) >= 2.0**63 * (1 + 1e-9)
    for i in np.flatnonzero((np.abs(near) > 2.0**63 * (1 - 1e-9)) & ~wrapped):
        exact = _EXACT[op](*(int(operand[i]) for operand in operands))
        wrapped[i] = not -(2**63) <= exact < 2**63
    return wrapped


_EXACT: dict[str, Callable[..., int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
}


def scalar_call(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    """A function on numpy arrays (`abs`, `clamp`, `length.cosine`)."""
    done, null, fault = strict(args)
    valid = done & ~null
    constants = dict(step.data.constants)
    whole = step.type.kind == "int"
    exact = whole and all(_array(arg).dtype == np.int64 for arg in args)
    dtype = np.int64 if exact else np.float64
    operands = [_where(valid, cast(_array(arg), dtype), 1) for arg in args]
    with np.errstate(all="ignore"):
        data = step.data.function.implementation(*operands, **constants)
        if exact:  # of all functions that give an int for ints, only `abs` can overflow
            broken = (data < 0) if step.data.function.name == "abs" else np.zeros(len(valid), np.bool_)
        else:
            broken = ~np.isfinite(data) | (whole & ((data < -(2.0**63)) | (data >= 2.0**63)))
        if whole:
            data = np.where(broken, 0, data).astype(np.int64)
    return _with_failures(data, done, null, fault, broken & valid, "the number is too large")


def _with_failures(
    data: Data, done: Mask, null: Mask, fault: Mask, broken: Mask, reason: str
) -> tuple[Column, Failure | None]:
    if not broken.any():
        return Column(data, null, fault, done), None
    return Column(data, null | broken, fault | broken, done), (broken, reason)


def _where(valid: Mask, data: NDArray[Any], instead: Any) -> NDArray[Any]:
    """The data with a harmless number where there is no value."""
    return data if valid.all() else np.where(valid, data, np.asarray(instead, data.dtype))


def _array(column: Column) -> NDArray[Any]:
    assert isinstance(column.data, np.ndarray)
    return column.data


# --- comparisons and logic -------------------------------------------------------------------------


def _comparison(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    done, null, fault = strict(args)
    a, b = args
    if isinstance(a.data, pl.Series) or isinstance(b.data, pl.Series) or a.data.dtype == object:
        data = _equal_objects(a, b)
        if step.op == "ne":
            data = ~data
    else:
        data = _COMPARE[step.op](a.data, b.data)
    return Column(data, null, fault, done), None


_COMPARE: dict[str, Callable[..., Any]] = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


def _equal_objects(a: Column, b: Column) -> Mask:
    if isinstance(a.data, pl.Series) and isinstance(b.data, pl.Series):
        return (a.data == b.data).fill_null(False).to_numpy()
    left, right = objects(a.data), objects(b.data)
    return np.fromiter((x == y for x, y in zip(left, right, strict=True)), np.bool_, len(left))


def _widen(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    (a,) = args
    return Column(cast(_array(a), np.float64), a.null, a.fault, a.done), None


def _not(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    (a,) = args
    return Column(~_array(a), a.null, a.fault, a.done), None


def _and(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    return _logic(args, decides=False)


def _or(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    return _logic(args, decides=True)


def _logic(args: list[Column], decides: bool) -> tuple[Column, Failure | None]:
    """`and` is decided by a false left side, `or` by a true one; a null left side decides as well."""
    a, b = args
    left, right = _array(a).astype(np.bool_), _array(b).astype(np.bool_)
    goes_on = ~a.null & (left != decides)
    data = np.where(goes_on, right, left)
    null, fault = np.where(goes_on, b.null, a.null), np.where(goes_on, b.fault, a.fault)
    return Column(data, null, fault, a.done & (~goes_on | b.done)), None


def _is_null(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    (a,) = args
    return Column(a.null & ~a.fault, a.fault, a.fault, a.done), None


def _failed(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    (a,) = args
    never = np.zeros(len(a), np.bool_)
    return Column(a.fault.copy(), never, never, a.done), None


def _coalesce(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    a, b = args
    data = select(~a.null, a, b, step.type)
    return Column(data, a.null & b.null, a.null & b.fault, a.done & (~a.null | b.done)), None


def _if(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    condition, then, otherwise = args
    return _choose(step, condition, then, otherwise)


def _choose(step: Step, condition: Column, then: Column, otherwise: Column) -> tuple[Column, Failure | None]:
    """`then` where the condition is true, `otherwise` where it is false, nothing where it is null."""
    chosen = _array(condition).astype(np.bool_) & ~condition.null
    data = select(chosen, then, otherwise, step.type)
    null = condition.null | np.where(chosen, then.null, otherwise.null)
    fault = condition.fault | (~condition.null & np.where(chosen, then.fault, otherwise.fault))
    done = condition.done & (condition.null | np.where(chosen, then.done, otherwise.done))
    return Column(data, null, fault, done), None


def _term(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    """A term's number: gated, then held to its declared range."""
    if step.data.gated:
        value, gate, otherwise = args
        column, _ = _choose(step, gate, value, otherwise)
    else:
        (value,) = args
        column = Column(cast(_array(value), _number(step)), value.null, value.fault, value.done)
    if step.data.range is None:
        return column, None
    valid = column.done & ~column.null
    data, outside = hold(_where(valid, _array(column), 0), step.data.range)
    broken = outside & valid
    reason = f"outside its range {step.data.range}"
    return _with_failures(data, column.done, column.null, column.fault, broken, reason)


def _number(step: Step) -> Any:
    return np.int64 if step.type.kind == "int" else np.float64


def hold(data: NDArray[Any], interval: Interval) -> tuple[NDArray[Any], Mask]:
    """The data clipped to the interval where rounding alone put it outside, and where it was not that."""
    outside = np.zeros(len(data), np.bool_)
    for bound, sign in ((interval.lo, -1.0), (interval.hi, 1.0)):
        limit = None if bound is None else real(bound)
        if limit is None or math.isinf(limit):
            continue
        beyond = sign * (data.astype(np.float64) - limit)
        outside |= beyond > ROUNDING * max(abs(limit), 1.0)
        # only what is beyond changes: a large int does not survive the way through a float
        data = np.where((beyond > 0) & ~outside, np.asarray(limit).astype(data.dtype), data)
    return data, outside


def real(value: Fraction) -> float:
    """The nearest float, or an infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


# --- structured values -----------------------------------------------------------------------------


def _field(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    (a,) = args
    items = [None if item is None else getattr(item, step.data) for item in values_of(a)]
    absent = np.fromiter((item is None for item in items), np.bool_, len(items))
    return Column(_typed(items, step), a.null | (absent & a.done), a.fault, a.done), None


def _index(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    done, null, fault = strict(args)
    lists, positions = values_of(args[0]), _array(args[1]).tolist()
    items = [
        xs[i] if xs is not None and not missing and -len(xs) <= i < len(xs) else None
        for xs, i, missing in zip(lists, positions, null.tolist(), strict=True)
    ]
    absent = np.fromiter((item is None for item in items), np.bool_, len(items))
    return Column(_typed(items, step), null | (absent & done), fault, done), None


def _list(step: Step, args: list[Column]) -> tuple[Column, Failure | None]:
    done, null, fault = strict(args)
    parts = [values_of(arg) for arg in args]
    return Column(_packed(list(zip(*parts, strict=True))), null, fault, done), None


def _packed(items: list[Any]) -> NDArray[Any]:
    out = np.empty(len(items), dtype=object)
    for i, item in enumerate(items):
        out[i] = item
    return out


def _typed(items: list[Any], step: Step) -> NDArray[Any]:
    """Items as the step's type stores them."""
    dtype = dtype_of(step.type)
    if dtype is object:
        return _packed(items)
    return np.array([0 if item is None else item for item in items], dtype)


def constant(value: Any) -> Any:
    """A constant as columns hold it."""
    if isinstance(value, tuple):
        return tuple(constant(item) for item in value)
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 and abs(value) < 2**63 else float(value)
    return value


_OPERATIONS: dict[str, Callable[[Step, list[Column]], tuple[Column, Failure | None]]] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "neg"), _arithmetic),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), _comparison),
    "widen": _widen,
    "own": lambda step, args: (args[0], None),
    "not": _not,
    "and": _and,
    "or": _or,
    "is_null": _is_null,
    "failed": _failed,
    "coalesce": _coalesce,
    "if": _if,
    "term": _term,
    "field": _field,
    "index": _index,
    "list": _list,
}
