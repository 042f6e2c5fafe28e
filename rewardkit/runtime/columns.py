"""A column of N values at run time: its data, where it has none, and where computing it failed.

Numbers and bools are numpy arrays, texts polars series or object arrays, structured values object
arrays. Arithmetic is numpy and not polars, because a fault is not a null, integers must not wrap,
and sums must give the same bits on every call (docs/decisions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.types.types import Type

Mask = NDArray[np.bool_]
Data = NDArray[Any] | pl.Series

_DTYPES: dict[str, Any] = {"bool": np.bool_, "int": np.int64, "real": np.float64}


@dataclass
class Column:
    """N values. `null` marks rows without a value, `fault` those among them where computing failed,

    `done` the rows that have been computed at all; elsewhere the data means nothing.
    """

    data: Data
    null: Mask
    fault: Mask
    done: Mask

    def __len__(self) -> int:
        return len(self.null)


def dtype_of(type_: Type) -> Any:
    return _DTYPES.get(type_.kind, object)


def empty(type_: Type, n: int) -> Column:
    """N rows of which none is computed."""
    dtype = dtype_of(type_)
    data = np.full(n, None, dtype=object) if dtype is object else np.zeros(n, dtype=dtype)
    return Column(data, np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.zeros(n, np.bool_))


def full(value: Any, type_: Type, n: int) -> Column:
    """One value on every row; `None` is null."""
    column = empty(type_, n)
    column.done[:] = True
    if value is None:
        column.null[:] = True
    elif isinstance(column.data, np.ndarray) and column.data.dtype == object:
        column.data = filled(value, n)
    else:
        column.data = np.full(n, value, dtype=dtype_of(type_))
    return column


def column_of(values: Sequence[Any], type_: Type) -> Column:
    """Plain Python values as a column; `None` is null."""
    column = empty(type_, len(values))
    assert isinstance(column.data, np.ndarray)
    for i, value in enumerate(values):
        column.null[i] = value is None
        if value is not None:
            column.data[i] = value
    column.done[:] = True
    return column


def filled(value: Any, n: int) -> NDArray[Any]:
    """An object array that holds one value (a tuple, say) N times."""
    data = np.empty(n, dtype=object)
    for i in range(n):
        data[i] = value
    return data


def values_of(column: Column, rows: NDArray[np.intp] | None = None) -> list[Any]:
    """Plain Python values of some rows (all by default); `None` where null."""
    data, null = column.data, column.null
    if rows is not None:
        data, null = (data.gather(rows) if isinstance(data, pl.Series) else data[rows]), null[rows]
    out: list[Any] = data.to_list() if isinstance(data, pl.Series) else data.tolist()
    if null.any():
        for i in np.flatnonzero(null):
            out[i] = None
    return out


def series_of(column: Column, type_: Type) -> pl.Series:
    """The column for polars, null where it has no value."""
    if isinstance(column.data, pl.Series):
        return column.data
    dtype = {"bool": pl.Boolean, "int": pl.Int64, "real": pl.Float64, "text": pl.String}.get(type_.kind)
    if dtype is None:
        return pl.Series(values_of(column), dtype=pl.Object)
    if column.data.dtype == object:
        return pl.Series(values_of(column), dtype=dtype)
    series = pl.Series(column.data, dtype=dtype)
    if column.null.any():
        series = series.zip_with(
            pl.Series(~column.null), pl.Series([None], dtype=dtype).new_from_index(0, len(series))
        )
    return series


def take(column: Column, rows: NDArray[np.intp]) -> Column:
    """The column at these rows, in this order."""
    data = column.data.gather(rows) if isinstance(column.data, pl.Series) else column.data[rows]
    return Column(data, column.null[rows], column.fault[rows], column.done[rows])


def select(chosen: Mask, a: Column, b: Column, type_: Type) -> Data:
    """The data of `a` where `chosen`, of `b` elsewhere, as `type_`."""
    dtype = dtype_of(type_)
    if dtype is object:
        if isinstance(a.data, pl.Series) and isinstance(b.data, pl.Series):
            return a.data.zip_with(pl.Series(chosen), b.data)
        return np.where(chosen, objects(a.data), objects(b.data))
    assert isinstance(a.data, np.ndarray) and isinstance(b.data, np.ndarray)
    return np.where(chosen, cast(a.data, dtype), cast(b.data, dtype))


def merge(chosen: Mask, a: Column, b: Column, type_: Type) -> Column:
    """`a` where `chosen`, `b` elsewhere: rows of `a` that have been computed since."""
    if chosen.all():
        return a
    null, fault = np.where(chosen, a.null, b.null), np.where(chosen, a.fault, b.fault)
    return Column(select(chosen, a, b, type_), null, fault, np.where(chosen, a.done, b.done))


def objects(data: Data) -> NDArray[Any]:
    """The data as an object array (tuples stay single items)."""
    if isinstance(data, np.ndarray) and data.dtype == object:
        return data
    out = np.empty(len(data), dtype=object)
    out[:] = data.to_list() if isinstance(data, pl.Series) else data.tolist()
    return out


def cast(data: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Numbers as another number type; a null constant's placeholder becomes 0."""
    return np.zeros(len(data), dtype) if data.dtype == object else data.astype(dtype, copy=False)
