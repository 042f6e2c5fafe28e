"""The table that a plan runs over, and the steps that read it: columns, params, constants, items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.compiler import Step
from rewardkit.runtime.columns import Column, dtype_of, full
from rewardkit.runtime.operations import constant


@dataclass
class Table:
    """The rows a plan runs over. `groups` numbers each row's group from 0, where groups were given."""

    n: int
    columns: Mapping[str, Column]
    params: Mapping[str, Any]  # a value, or one per row
    step: float
    groups: NDArray[np.int64] | None = None
    outer: tuple[Column, ...] = ()  # inside a fold: values of the row around each item
    element: Column | None = None
    first: int = 0  # the number of the first row, where the rows are part of a file


def _column(table: Table, step: Step) -> Column:
    return table.columns[step.data]


def _constant(table: Table, step: Step) -> Column:
    return full(constant(step.data), step.type, table.n)


def _param(table: Table, step: Step) -> Column:
    value = table.params[step.data]
    if isinstance(value, np.ndarray):
        column = full(0, step.type, table.n)
        column.data = value
        return column
    return full(value, step.type, table.n)


def _step(table: Table, step: Step) -> Column:
    return full(int(table.step), step.type, table.n)


def _outer(table: Table, step: Step) -> Column:
    column: Column = table.outer[step.data]
    return column


def _element(table: Table, step: Step) -> Column:
    assert table.element is not None
    column, dtype = table.element, dtype_of(step.type)
    if dtype is object:
        return column
    data = np.array([0 if x is None else x for x in column.data], dtype)
    return Column(data, column.null, column.fault, column.done)


SOURCES: dict[str, Callable[[Table, Step], Column]] = {
    "column": _column,
    "constant": _constant,
    "param": _param,
    "step": _step,
    "outer": _outer,
    "element": _element,
}
