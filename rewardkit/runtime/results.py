"""What calls gave, into columns: from distinct arguments to rows, held to the declared type and range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.compiler import Step
from rewardkit.diagnostics import RewardError
from rewardkit.runtime.columns import Column, Mask, dtype_of, empty, series_of, values_of
from rewardkit.runtime.executors import Outcome
from rewardkit.runtime.operations import constant, hold
from rewardkit.types.function import Function
from rewardkit.types.interval import FULL
from rewardkit.types.types import Type
from rewardkit.types.values import Call, Message, RunResult

Faults = list[tuple[int, str, float]]  # row, reason, seconds


@dataclass(frozen=True, eq=False)
class Request:
    """A step of an engine to compute on some rows."""

    engine: Any
    number: int
    step: Step
    args: list[Column]
    types: tuple[Type, ...]
    constant: tuple[bool, ...]  # which arguments are constants of the plan
    rows: Mask

    @property
    def function(self) -> Function:
        function: Function = self.step.data.function
        return function

    def tasks(self) -> list[tuple[Any, ...]]:
        """The arguments of each row's call."""
        rows = np.flatnonzero(self.rows)
        columns = [values_of(arg, rows) for arg in self.args]
        return list(zip(*columns, strict=True)) if columns else [()] * len(rows)


@dataclass(frozen=True)
class Result:
    request: Request
    column: Column
    faults: Faults
    seconds: float = 0.0


def scatter(request: Request, places: NDArray[np.intp], outcomes: Sequence[Outcome]) -> Result:
    """Distinct results back to their rows, held to the declared type and range."""
    step, function, rows = request.step, request.function, np.flatnonzero(request.rows)
    checked = [_held(outcome.value, outcome.error, step.type, function) for outcome in outcomes]
    dtype = dtype_of(step.type)
    distinct = np.empty(len(outcomes), dtype)
    for i, (value, _) in enumerate(checked):
        distinct[i] = value if value is not None else (None if dtype is object else 0)
    null = np.array([value is None for value, _ in checked], np.bool_)
    fault = np.array([error is not None for _, error in checked], np.bool_)
    if function.executor == "host" and fault[places].any():
        raise _broken_extern(request, places, checked)
    column = empty(step.type, len(request.rows))
    assert isinstance(column.data, np.ndarray)
    column.data[rows] = distinct[places]
    column.null[rows] = null[places]
    column.fault[rows] = fault[places]
    column.done[rows] = True
    faults: Faults = []
    if fault.any():
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            error = checked[place][1]
            if error is not None:
                faults.append((row, error, outcomes[place].seconds))
    return Result(request, column, faults)


def _broken_extern(
    request: Request, places: NDArray[np.intp], checked: list[tuple[Any, str | None]]
) -> RewardError:
    """What is wrong with the first result that is, and the rows it is for."""
    place = next(i for i in places.tolist() if checked[i][1] is not None)
    engine = request.engine
    rows = np.flatnonzero(request.rows)[places == place] + engine.table.first
    named = f"row {', '.join(map(str, rows[:5]))}{' …' if len(rows) > 5 else ''}"
    if engine.around is not None:
        named = "an item of a list"
    reason = checked[place][1] or "was not called after an earlier call broke the run"
    return RewardError(f"the extern `{request.function.name}`, on {named}: {reason}")


_PYTHON: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "real": (int, float),
    "text": (str,),
    "json": (str,),
    "list": (tuple, list),
    "message": (Message,),
    "call": (Call,),
    "testcase": (str,),
    "result": (RunResult,),
}


def _held(value: Any, error: str | None, type_: Type, function: Function) -> tuple[Any, str | None]:
    """A result as the column stores it, or why it is none."""
    if error is not None:
        return None, error
    if value is None:
        return None, None if function.result.optional else f"gave nothing instead of {type_.required}"
    if not _is(value, type_):
        return None, f"gave {type(value).__name__} instead of {type_.required}"
    if type_.kind == "list":
        return tuple(value), None
    if not type_.is_number:
        return value, None
    try:
        number = np.array([value], dtype_of(type_))
    except OverflowError:
        return None, _TOO_LARGE
    if not np.isfinite(number[0]):
        return None, _TOO_LARGE
    data, outside = hold(number, function.range if function.infer is None else FULL)
    if outside[0]:
        return None, f"gave {value}, outside its range {function.range}"
    return data[0].item(), None


_TOO_LARGE = "the number is too large"


def _is(value: Any, type_: Type) -> bool:
    """Whether a Python value is one of this type."""
    if value is None:
        return type_.optional
    if type_.kind in _PYTHON and not isinstance(value, _PYTHON[type_.kind]):
        return False
    if type_.kind == "list":
        return type_.item is not None and all(_is(item, type_.item) for item in value)
    return not (type_.is_number and isinstance(value, bool))


def select(requests: list[Request]) -> list[Result]:
    """One polars select for calls on the same rows."""
    rows = requests[0].rows
    every = bool(rows.all())
    mask = pl.Series(rows)
    frame: dict[str, pl.Series] = {}
    names: dict[int, str] = {}
    expressions = []
    for k, request in enumerate(requests):
        inputs: list[pl.Expr] = []
        for arg, type_, is_constant in zip(request.args, request.types, request.constant, strict=True):
            if is_constant:
                inputs.append(pl.lit(values_of(arg, np.zeros(1, np.intp))[0]))
                continue
            if id(arg) not in names:
                names[id(arg)] = f"a{len(names)}"
                series = series_of(arg, type_)
                frame[names[id(arg)]] = series if every else series.filter(mask)
            inputs.append(pl.col(names[id(arg)]))
        function = request.function
        constants = {name: constant(value) for name, value in request.step.data.constants}
        assert callable(function.implementation)
        expressions.append(function.implementation(*inputs, **constants).alias(f"r{k}"))
    n = int(rows.sum())
    table = pl.DataFrame(frame) if frame else pl.DataFrame({"_": np.zeros(n, np.bool_)})
    found = table.select(expressions)
    results = []
    for k, request in enumerate(requests):
        series = found.get_column(f"r{k}")
        if len(series) == 1 and n != 1:
            series = series.new_from_index(0, n)
        results.append(_from_series(request, series, rows, every))
    return results


def _from_series(request: Request, series: pl.Series, rows: Mask, every: bool) -> Result:
    """A polars result on some rows as a column, its numbers held to the declared range."""
    type_, function = request.step.type, request.function
    null = series.is_null().to_numpy()
    # no argument was null
    fault = np.zeros(len(null), np.bool_) if function.result.optional else null.copy()
    data: Any
    if type_.kind in ("bool", "int", "real"):
        zero: Any = False if type_.kind == "bool" else 0
        data = series.fill_null(zero).to_numpy().astype(dtype_of(type_), copy=False)
        if type_.kind != "bool" and function.infer is None:
            held, outside = hold(data, function.range)
            broken = (outside | ~np.isfinite(held)) & ~null
            fault, null = fault | broken, null | broken
            data = held.astype(dtype_of(type_), copy=False)
    elif type_.kind == "list":
        data = np.empty(len(series), object)
        for i, items in enumerate(series.to_list()):
            data[i] = None if items is None else tuple(items)
    elif every:
        data = series
    else:
        data = np.empty(len(series), object)
        data[:] = series.to_list()
    if every:
        column = Column(data, null, fault, np.ones(len(null), np.bool_))
    else:
        column = empty(type_, len(rows))
        assert isinstance(column.data, np.ndarray)
        column.data[rows] = data
        column.null[rows], column.fault[rows], column.done[rows] = null, fault, True
    where = np.flatnonzero(rows)[fault]
    reason = "gave nothing, or a number outside its range"
    return Result(request, column, [(int(row), reason, 0.0) for row in where])
