"""Columns of a declared type: each value held to it, and an error that names the row and the column."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.runtime.columns import Column, Mask, dtype_of
from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.operations import real
from rewardkit.types.interval import Interval
from rewardkit.types.messages import read_structured
from rewardkit.types.types import Type


def typed_column(
    name: str,
    values: list[Any] | pl.Series,
    type_: Type,
    interval: Interval | None = None,
    declared: str | None = None,
) -> Column:
    """A column of a declared type. NaN is null; an infinity, a wrong type or range is an error.

    `declared` is the input that declares it, for advice; a row's own columns have none.
    """
    try:
        return _typed(values, type_, interval)
    except _MisfitError as misfit:
        help_ = ""
        if declared is not None and misfit.instead:
            help_ = f"; declare `{declared}: {misfit.instead}`" + misfit.remark
        elif declared is None and misfit.instead.endswith("?"):
            help_ = f"; give every row a `{name}`, or leave the column out"
        raise RowsError(f", column `{name}`: {misfit.problem}{help_}", misfit.row) from None


class _MisfitError(Exception):
    """A value that does not fit: where, why, and the type to declare for it to fit."""

    def __init__(self, row: int, problem: str, instead: str = "", remark: str = "") -> None:
        super().__init__(problem)
        self.row, self.problem, self.instead, self.remark = row, problem, instead, remark


def _typed(values: list[Any] | pl.Series, type_: Type, interval: Interval | None) -> Column:
    if type_.kind == "text" and isinstance(values, pl.Series) and values.dtype == pl.String:
        null = values.is_null().to_numpy()
        return _checked(values, null, type_, interval)
    values = values.to_list() if isinstance(values, pl.Series) else values
    n = len(values)
    null = np.zeros(n, np.bool_)
    plain = plain_column(values, type_)
    if plain is not None:
        return _checked(plain, null, type_, interval)
    if type_.kind == "text":
        for i, value in enumerate(values):
            if missing(value):
                null[i] = True
            elif not isinstance(value, str):
                raise _MisfitError(i, f"expected a text, found {described(value)}", _type_of(value))
        if null.any():
            values = [None if missing else value for value, missing in zip(values, null, strict=True)]
        try:
            return _checked(pl.Series(values, dtype=pl.String), null, type_, interval)
        except UnicodeEncodeError:
            row = next(i for i, v in enumerate(values) if v is not None and has_surrogate(v))
            raise _MisfitError(row, "the text holds half of a surrogate pair") from None
    data: NDArray[Any] = (
        np.zeros(n, dtype_of(type_)) if dtype_of(type_) is not object else np.empty(n, object)
    )
    read = _READERS.get(type_.kind)
    for i, value in enumerate(values):
        if missing(value):
            null[i] = True
        elif read is not None:
            data[i] = read(i, value)
        else:
            item, problem = read_structured(value.tolist() if isinstance(value, np.ndarray) else value, type_)
            if problem is not None:
                raise _MisfitError(i, f"not `{type_.required}`: {problem}")
            data[i] = item
    return _checked(data, null, type_, interval)


def plain_column(values: list[Any], type_: Type) -> NDArray[Any] | pl.Series | None:
    """All values at once where each plainly has the type; `None` sends them through one by one."""
    found = set(map(type, values))
    try:
        if type_.kind == "text" and found == {str}:
            return pl.Series(values, dtype=pl.String)
        if type_.kind == "bool" and found == {bool}:
            return np.array(values, np.bool_)
        if type_.kind == "int" and found == {int}:
            return np.array(values, np.int64)
        if type_.kind == "real" and found and found <= {int, float}:
            data = np.array(values, np.float64)
            return data if np.isfinite(data).all() else None
    except (OverflowError, UnicodeEncodeError):
        return None
    return None


def missing(value: Any) -> bool:
    """`None`, NaN, and what pandas has for them."""
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return True
    return type(value).__name__ in ("NAType", "NaTType")


def _checked(data: Any, null: Mask, type_: Type, interval: Interval | None) -> Column:
    n = len(null)
    if null.any() and not type_.optional:
        row = int(np.flatnonzero(null)[0])
        raise _MisfitError(
            row, f"there is no value, and it is `{type_}`", f"{type_}?", " and say what null means"
        )
    if interval is not None:
        for row in np.flatnonzero(~null & _outside(data, interval)).tolist():
            raise _MisfitError(row, f"{data[row]} is outside its range {interval}")
    return Column(data, null, np.zeros(n, np.bool_), np.ones(n, np.bool_))


def _outside(data: NDArray[Any], interval: Interval) -> Mask:
    # the ends of a range of ints are whole, and a large int does not survive as a float
    number: Callable[[Fraction], Any] = int if data.dtype == np.int64 else real
    outside = np.zeros(len(data), np.bool_)
    if interval.lo is not None:
        lo = number(interval.lo)
        outside |= (data <= lo) if interval.lo_open else (data < lo)
    if interval.hi is not None:
        hi = number(interval.hi)
        outside |= (data >= hi) if interval.hi_open else (data > hi)
    return outside


def _read_bool(row: int, value: Any) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise _MisfitError(row, f"expected true or false, found {described(value)}")


def _read_int(row: int, value: Any) -> int:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise _MisfitError(row, f"expected a whole number, found {described(value)}")
    if isinstance(value, float | np.floating) and math.isinf(value):
        raise _MisfitError(row, "an infinity is no number")
    if value != int(value):
        raise _MisfitError(row, f"expected a whole number, found {described(value)}", "real")
    if not -(2**63) <= int(value) < 2**63:
        raise _MisfitError(row, f"{value} does not fit in 64 bits")
    return int(value)


def _read_real(row: int, value: Any) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise _MisfitError(row, f"expected a number, found {described(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise _MisfitError(row, "an infinity is no number")
    return number


_READERS: dict[str, Callable[[int, Any], Any]] = {
    "bool": _read_bool,
    "int": _read_int,
    "real": _read_real,
}


def wrong(name: str, row: int, wanted: str, value: Any) -> RowsError:
    """The error for a value of a row's own column."""
    return RowsError(f", column `{name}`: expected {wanted}, found {described(value)}", row)


def _type_of(value: Any) -> str:
    """The type that an input would need for this value; `""` where there is none."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "int" if isinstance(value, int) else "real"
    return "json" if isinstance(value, dict | list) else ""


def described(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, bool | int | float):
        return f"{value!r}"
    return {dict: "an object", list: "a list", type(None): "null"}.get(
        type(value), f"a {type(value).__name__}"
    )


def has_surrogate(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)
