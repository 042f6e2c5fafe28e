"""Runs a plan over a table: passes over the cheap steps, stages of calls between them.

A pass computes every cheap step as far as its arguments are there, then works out, from the roots
down and through the guards, which rows of which calls are wanted. Those calls are one stage. When
nothing wanted is missing, the plan is done. What no use reaches is never called.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.compiler import Plan, Step
from rewardkit.runtime import operations
from rewardkit.runtime.aggregates import rank, reduce_segments
from rewardkit.runtime.calls import Caller, Request
from rewardkit.runtime.columns import Column, Mask, empty, full, take, values_of

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fault:
    row: int
    name: str  # the let or term that could not be computed
    function: str
    reason: str
    seconds: float


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


@dataclass
class Engine:
    """One run of one plan over one table; `alive` leaves out rows that are skipped."""

    plan: Plan
    table: Table
    caller: Caller
    columns: list[Column] = field(default_factory=list)
    alive: Mask = field(default_factory=lambda: np.ones(0, np.bool_))
    failures: dict[int, list[tuple[Mask, str]]] = field(default_factory=dict)
    call_faults: list[tuple[int, int, str, float]] = field(default_factory=list)  # step, row, reason, s
    wanted: list[Mask | None] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)  # step -> time spent in its calls

    def __post_init__(self) -> None:
        self.alive = np.ones(self.table.n, np.bool_)
        self.columns = [empty(step.type, self.table.n) for step in self.plan.steps]
        self.wanted = [None] * len(self.plan.steps)

    # --- the loop --------------------------------------------------------------------------------

    def run(self, roots: Mapping[int, Mask]) -> None:
        """Compute the root steps on the rows that each wants."""
        while True:
            for number, step in enumerate(self.plan.steps):
                self._advance(number, step)
            self._want(roots)
            requests = self._missing()
            if not requests:
                return
            for result in self.caller.stage(requests):
                self._take_in(result.request, result.column, result.faults)
                self.seconds[result.request.number] = (
                    self.seconds.get(result.request.number, 0.0) + result.seconds
                )

    def faults(self) -> list[Fault]:
        """What failed on rows where it was wanted, in row order."""
        found = []
        for number, failures in self.failures.items():
            step, wanted = self.plan.steps[number], self.wanted[number]
            if wanted is None:
                continue
            label = step.data.function.name if step.op == "call" else ""
            for broken, reason in failures:
                found += [
                    Fault(int(row), step.owner, label, reason, 0.0) for row in np.flatnonzero(broken & wanted)
                ]
        for number, row, reason, seconds in self.call_faults:
            step = self.plan.steps[number]
            label = step.data.function.name if step.op == "call" else step.data.function
            found.append(Fault(row, step.owner, label, reason, seconds))
        return sorted(found, key=lambda fault: (fault.row, fault.name, fault.function))

    # --- forward: compute what can be computed ---------------------------------------------------

    def _advance(self, number: int, step: Step) -> None:
        column = self.columns[number]
        if column.done.all():
            return
        if step.op in _SOURCES:
            self.columns[number] = _SOURCES[step.op](self, step)
            return
        args = [self.columns[arg] for arg in step.args]
        if step.op == "aggregate":
            self._aggregate(number, step, args)
        elif step.op == "fold" or (step.op == "call" and not is_cheap(step)):
            self._call_of_null(column, step, args)
        else:
            self._operate(number, step, args)

    def _operate(self, number: int, step: Step, args: list[Column]) -> None:
        began = time.perf_counter()
        compute = operations.scalar_call if step.op == "call" else operations.evaluate
        column, failure = compute(step, args)
        self.columns[number] = column
        self.failures.pop(number, None)
        if failure is not None:
            self.failures[number] = [failure]
        if step.op == "call":
            name = step.data.function.name
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - began

    def _call_of_null(self, column: Column, step: Step, args: list[Column]) -> None:
        """A call given null is null, and one given a fault is a fault: neither is made."""
        strict = args[:1] if step.op == "fold" else args
        if not strict:
            return
        done, null, fault = operations.strict(strict)
        rows = done & null & ~column.done
        if rows.any():
            column.null |= rows
            column.fault |= rows & fault
            column.done |= rows

    def _aggregate(self, number: int, step: Step, args: list[Column]) -> None:
        data = step.data
        segments, n = self._segments(data.scope)
        value = args[0] if data.has_value else None
        where = args[-1] if data.has_where else None
        counts = self.alive.copy()  # rows that the aggregate looks at
        ready = np.ones(self.table.n, np.bool_)
        broken = np.zeros(self.table.n, np.bool_)
        if where is not None:
            ready &= where.done
            broken |= where.fault
            counts &= ~where.null & np.asarray(where.data, np.bool_)
        if value is not None:
            ready &= value.done | (ready & ~counts)
            broken |= counts & value.fault
            counts &= ~value.null
        # a group is ready once all its rows are
        waiting = np.bincount(segments[self.alive & ~ready], minlength=n) > 0
        rows = counts & ~waiting[segments]
        column = self.columns[number]
        done = self.alive & ~waiting[segments]
        if data.function == "rank":
            assert value is not None
            out = np.zeros(self.table.n)
            out[rows] = rank(np.asarray(value.data)[rows], segments[rows])
            null = done & ~rows
            fault = done & broken
            self.columns[number] = Column(out, null, fault & null, done)
            return
        values = np.asarray(value.data)[rows] if value is not None else np.ones(int(rows.sum()), np.int64)
        result, none = reduce_segments(data.function, values, segments[rows], n)
        failed_somewhere = np.bincount(segments[broken & self.alive], minlength=n) > 0
        fault = done & (none & failed_somewhere)[segments]
        null = done & none[segments]
        spread = result[segments]
        if data.function == "sum":
            overflow = done & (none[segments] | ~np.isfinite(spread.astype(np.float64)))
            null, fault = overflow, overflow
            self.failures[number] = [(overflow, "the number is too large")] if overflow.any() else []
        if step.type.kind == "real":
            spread = spread.astype(np.float64)
        elif step.type.kind == "int":
            spread = spread.astype(np.int64)
        column.data, column.null, column.fault, column.done = spread, null, fault, done

    def _segments(self, scope: str) -> tuple[NDArray[np.int64], int]:
        if scope == "group":
            assert self.table.groups is not None
            return self.table.groups, int(self.table.groups.max(initial=-1)) + 1
        return np.zeros(self.table.n, np.int64), 1

    # --- backward: what is wanted ------------------------------------------------------------------

    def _want(self, roots: Mapping[int, Mask]) -> None:
        wanted: list[Mask | None] = [None] * len(self.plan.steps)
        for number, rows in roots.items():
            wanted[number] = rows if wanted[number] is None else wanted[number] | rows
        for number in range(len(self.plan.steps) - 1, -1, -1):
            rows = wanted[number]
            step = self.plan.steps[number]
            if rows is None or not step.args:
                continue
            if step.op == "aggregate":
                rows = self._whole_groups(step, rows)
            for arg, guard in zip(step.args, step.guards, strict=True):
                reached = rows
                if guard is not None:
                    reached = rows & self._holds(self.columns[guard.step], guard.holds)
                before = wanted[arg]
                wanted[arg] = reached if before is None else before | reached
        self.wanted = wanted

    def _whole_groups(self, step: Step, rows: Mask) -> Mask:
        """An aggregate reaches its argument on every row of a group in which any row reaches it."""
        segments, n = self._segments(step.data.scope)
        reached = np.bincount(segments[rows], minlength=n) > 0
        return self.alive & reached[segments]

    @staticmethod
    def _holds(column: Column, holds: str) -> Mask:
        if holds == "missing":
            return column.done & column.null
        truth = np.asarray(column.data, np.bool_)
        return column.done & ~column.null & (truth if holds == "true" else ~truth)

    def _missing(self) -> list[Request]:
        """The calls that are wanted, not made, and have all their arguments."""
        requests = []
        for number, step in enumerate(self.plan.steps):
            rows = self.wanted[number]
            if rows is None or not (step.op == "fold" or (step.op == "call" and not is_cheap(step))):
                continue
            args = [self.columns[arg] for arg in step.args]
            pending = rows & ~self.columns[number].done
            for arg in args:
                pending &= arg.done
            if pending.any():
                run_fold = self._fold if step.op == "fold" else None
                constant = tuple(self.plan.steps[arg].op == "constant" for arg in step.args)
                types = tuple(self.plan.steps[arg].type for arg in step.args)
                requests.append(Request(number, step, args, types, constant, pending, run_fold))
        return requests

    def _take_in(self, request: Request, result: Column, faults: list[tuple[int, str, float]]) -> None:
        """Keep a call's results on the rows it was asked for."""
        column, rows = self.columns[request.number], request.rows
        if rows.all():
            self.columns[request.number] = result
        else:
            column.data = operations.select(rows, result, column, request.step.type)
            column.null = np.where(rows, result.null, column.null)
            column.fault = np.where(rows, result.fault, column.fault)
            column.done = column.done | rows
        self.call_faults += [(request.number, row, reason, seconds) for row, reason, seconds in faults]

    # --- folds over lists ------------------------------------------------------------------------

    def _fold(self, request: Request) -> tuple[Column, list[tuple[int, str, float]]]:
        """Run the body with one row per item, and reduce per row."""
        step, n = request.step, self.table.n
        rows = np.flatnonzero(request.rows)
        lists = values_of(request.args[0], rows)
        sizes = np.array([len(items) for items in lists], np.int64)
        parent = np.repeat(rows, sizes)
        items: NDArray[Any] = np.empty(len(parent), object)
        position = 0
        for xs in lists:
            for x in xs:
                items[position] = x
                position += 1
        absent = np.fromiter((x is None for x in items), np.bool_, len(items))
        fold = step.data
        element = Column(items, absent, np.zeros(len(items), np.bool_), np.ones(len(items), np.bool_))
        table = Table(
            len(parent),
            {},
            {},
            self.table.step,
            outer=tuple(take(arg, parent) for arg in request.args[1:]),
            element=element,
        )
        inner = Engine(fold.body, table, self.caller)
        everything = np.ones(len(parent), np.bool_)
        if fold.where is not None:
            inner.run({fold.where: everything})
            where = inner.columns[fold.where]
            everything = ~where.null & np.asarray(where.data, np.bool_)
        inner.run({fold.value: everything})
        for name, seconds in inner.timings.items():
            self.timings[name] = self.timings.get(name, 0.0) + seconds
        value = inner.columns[fold.value]
        counts = everything & ~value.null
        index = np.zeros(n, np.int64)
        index[rows] = np.arange(len(rows))
        data = np.asarray(value.data)[counts]
        if data.dtype == object:  # `count(x.name for …)`: only how many there are matters
            data = np.ones(len(data), np.int64)
        result, none = reduce_segments(fold.function, data, index[parent[counts]], len(rows))
        column = empty(step.type, n)
        column.data[rows] = result  # type: ignore[index]
        column.null[rows] = none
        column.done[rows] = True
        faults = [(int(parent[f.row]), f"{f.function}: {f.reason}", f.seconds) for f in inner.faults()]
        for row, _, _ in faults:
            column.fault[row] = column.null[row] = True
        return column, faults


def is_cheap(step: Step) -> bool:
    """A function on numpy arrays is computed like an operator."""
    return bool(step.data.function.executor == "scalar")


def _column(engine: Engine, step: Step) -> Column:
    return engine.table.columns[step.data]


def _constant(engine: Engine, step: Step) -> Column:
    return full(operations.constant(step.data), step.type, engine.table.n)


def _param(engine: Engine, step: Step) -> Column:
    value = engine.table.params[step.data]
    if isinstance(value, np.ndarray):
        column = full(0, step.type, engine.table.n)
        column.data = value
        return column
    return full(value, step.type, engine.table.n)


def _step(engine: Engine, step: Step) -> Column:
    return full(int(engine.table.step), step.type, engine.table.n)


def _outer(engine: Engine, step: Step) -> Column:
    return engine.table.outer[step.data]


def _element(engine: Engine, step: Step) -> Column:
    assert engine.table.element is not None
    column, kind = engine.table.element, step.type.kind
    if kind in ("bool", "int", "real"):
        dtype: Any = {"bool": np.bool_, "int": np.int64}.get(kind, np.float64)
        data = np.array([0 if x is None else x for x in column.data], dtype=dtype)
        return Column(data, column.null, column.fault, column.done)
    return column


_SOURCES: dict[str, Callable[[Engine, Step], Column]] = {
    "column": _column,
    "constant": _constant,
    "param": _param,
    "step": _step,
    "outer": _outer,
    "element": _element,
}
