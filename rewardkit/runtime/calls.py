"""A stage of calls: guards first, then distinct arguments, then the cache, then the executor.

Calls of one stage do not depend on each other. Those of this process run in a thread beside the ones
for worker processes; those on polars columns run in one `select`, so that polars uses every core.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.compiler import Step
from rewardkit.diagnostics import RewardError
from rewardkit.runtime.cache import Cache
from rewardkit.runtime.columns import Column, Mask, dtype_of, empty, series_of, values_of
from rewardkit.runtime.host import Externs, Violation, call_host, unbound
from rewardkit.runtime.operations import constant, hold
from rewardkit.types.function import Function
from rewardkit.types.interval import FULL
from rewardkit.types.types import Type
from rewardkit.types.values import Call, Message, RunResult

Faults = list[tuple[int, str, float]]  # row, reason, seconds
Outcome = tuple[Any, str | None, float]  # of one call: value, error, seconds


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


@dataclass(frozen=True)
class Result:
    request: Request
    column: Column
    faults: Faults
    seconds: float = 0.0


@dataclass
class Caller:
    """Carries out stages. `pool` is made when the first call for a worker process comes.

    `allow` sees every request before it is carried out, and raises where the call may not be made.
    """

    pool: Callable[[], Any]
    cache: Cache
    progress: Callable[[str, int, int], None] | None = None
    externs: Externs = field(default_factory=dict)
    allow: Callable[[Request], None] | None = None
    timings: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)  # function -> calls made
    _known: dict[Any, dict[tuple[Any, ...], Outcome]] = field(default_factory=dict)  # calls of this run
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stage(self, requests: Sequence[Request]) -> list[Result]:
        """The results of independent calls, in no particular order."""
        columns: list[Request] = []
        outside: dict[Any, list[Request]] = {}
        inside: dict[Any, list[Request]] = {}
        for request in requests:
            if self.allow is not None:
                self.allow(request)
            function, data = request.function, request.step.data
            if function.executor == "columns":
                columns.append(request)
            else:
                calls = outside if function.executor == "worker" else inside
                calls.setdefault((function.name, data.constants, data.order), []).append(request)
        if not outside:
            return self._inside(columns, inside)
        with ThreadPoolExecutor(1) as thread:
            beside = thread.submit(self._inside, columns, inside)
            # workers are waited for in the caller's own thread: it is the one that Ctrl-C reaches
            results = [result for same in outside.values() for result in self._each(same)]
            return beside.result() + results

    def _inside(self, columns: list[Request], inside: dict[Any, list[Request]]) -> list[Result]:
        results = self._columns(columns)
        for same in inside.values():
            results += self._each(same)
        return results

    # --- polars columns ----------------------------------------------------------------------------

    def _columns(self, requests: Sequence[Request]) -> list[Result]:
        """Functions that are polars expressions: those on the same rows in one select."""
        by_rows: dict[tuple[int, bytes], list[Request]] = {}
        for request in requests:
            key = id(request.engine), np.packbits(request.rows).tobytes()
            by_rows.setdefault(key, []).append(request)
        results: list[Result] = []
        for same in by_rows.values():
            began = time.perf_counter()
            found = _select(same)
            # polars runs them together: each is taken to cost the same
            seconds = (time.perf_counter() - began) / len(same)
            for result in found:
                self._spent(result.request.function.name, seconds)
            results += [replace(result, seconds=seconds) for result in found]
        return results

    # --- one distinct argument tuple at a time -------------------------------------------------------

    def _each(self, same: Sequence[Request]) -> list[Result]:
        """Functions of Python: distinct arguments only, cached, in this process or a worker.

        `same` are requests for one function with the same constants, from wherever in the plan.
        """
        function = same[0].function
        began = time.perf_counter()
        distinct: dict[tuple[Any, ...], int] = {}
        places = []
        for request in same:
            rows = np.flatnonzero(request.rows)
            columns = [values_of(arg, rows) for arg in request.args]
            tuples = zip(*columns, strict=True) if columns else iter([()] * len(rows))
            numbers = (distinct.setdefault(t, len(distinct)) for t in tuples)
            places.append(np.fromiter(numbers, np.intp, len(rows)))
        constants = same[0].step.data.constants
        known = self._known.setdefault((function.name, constants), {})
        new = [task for task in distinct if task not in known]
        known.update(zip(new, self._outcomes(function, dict(constants), new), strict=True))
        outcomes = [known[task] for task in distinct]
        results = [_scatter(request, place, outcomes) for request, place in zip(same, places, strict=True)]
        seconds = time.perf_counter() - began
        self._spent(function.name, seconds)
        return [replace(result, seconds=seconds / len(same)) for result in results]

    def _outcomes(
        self, function: Function, constants: dict[str, Any], tasks: list[tuple[Any, ...]]
    ) -> list[Outcome]:
        """How each distinct call ended; what the cache knows is not called."""
        if function.executor == "unbuilt":
            raise RewardError(
                f"`{function.name}` is not there in this version of rewardkit; a test gives it a `mock`"
            )
        if function.executor == "host":
            return self._externs(function, tasks)
        if function.executor != "worker":
            with self._lock:
                self.counts[function.name] = self.counts.get(function.name, 0) + len(tasks)
            return _in_process(function, constants, tasks)
        fast = function.extra.get("fast")
        keys = [self.cache.key(function.name, constants, task) for task in tasks]
        known: dict[int, Outcome] = {}
        for i, (task, key) in enumerate(zip(tasks, keys, strict=True)):
            kept = self.cache.get(key)
            if kept is None and fast is not None and (found := fast(*task, **constants)) is not None:
                kept = (found,)
            if kept is not None:
                known[i] = (kept[0], None, 0.0)
        open_ = [i for i in range(len(tasks)) if i not in known]
        if open_:
            with self._lock:
                self.counts[function.name] = self.counts.get(function.name, 0) + len(open_)
            finished = 0

            def tick(_: int, __: Any) -> None:
                nonlocal finished
                finished += 1
                if self.progress:
                    self.progress(function.name, finished, len(open_))

            outcomes = self.pool().run(
                function.implementation,
                [tasks[i] for i in open_],
                function.deadline,
                constants,
                tick,
                function.extra.get("overdue"),
            )
            for i, outcome in zip(open_, outcomes, strict=True):
                known[i] = (outcome.value, outcome.error, outcome.seconds)
                if outcome.error is None:
                    self.cache.put(keys[i], outcome.value)
        return [known[i] for i in range(len(tasks))]

    def _externs(self, function: Function, tasks: list[tuple[Any, ...]]) -> list[Outcome]:
        """Calls of a function of the host, in order. What it raises, and what it may not give, is an error
        of the run (`_scatter` names the rows)."""
        if tasks and function.name not in self.externs:
            raise unbound(function.name)
        outcomes: list[Outcome] = []
        for done, task in enumerate(tasks):
            began = time.perf_counter()
            self.counts[function.name] = self.counts.get(function.name, 0) + 1
            try:
                value = call_host(function, self.externs[function.name], task)
                outcomes.append((value, None, time.perf_counter() - began))
            except RewardError:
                raise
            except Exception as error:
                reason = str(error) if isinstance(error, Violation) else _reason(error)
                outcomes.append((None, reason, time.perf_counter() - began))
                return outcomes + [(None, _AFTER, 0.0)] * (len(tasks) - done - 1)
            if self.progress:
                self.progress(function.name, done + 1, len(tasks))
        return outcomes

    def _spent(self, name: str, seconds: float) -> None:
        with self._lock:
            self.timings[name] = self.timings.get(name, 0.0) + seconds


def _in_process(function: Function, constants: dict[str, Any], tasks: list[tuple[Any, ...]]) -> list[Outcome]:
    assert callable(function.implementation)
    batch = function.executor == "batch"
    began = time.perf_counter()
    if batch:
        try:
            values = function.implementation(tasks, **constants)
            return [(value, None, 0.0) for _, value in zip(tasks, values, strict=True)]
        except Exception:
            pass  # below, one by one, it shows which of them it was
    out: list[Outcome] = []
    for task in tasks:
        began = time.perf_counter()
        try:
            if batch:
                (value,) = function.implementation([task], **constants)
            else:
                value = function.implementation(*task, **constants)
            out.append((value, None, 0.0))
        except Exception as error:
            out.append((None, _reason(error), time.perf_counter() - began))
    return out


def _reason(error: BaseException) -> str:
    try:
        text = str(error).strip().split("\n")[0][:200]
    except Exception:  # an exception of the host's own kind
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


# --- results into columns --------------------------------------------------------------------------


def _scatter(request: Request, places: NDArray[np.intp], outcomes: list[Outcome]) -> Result:
    """Distinct results back to their rows, held to the declared type and range."""
    step, function, rows = request.step, request.function, np.flatnonzero(request.rows)
    checked = [_held(value, error, step.type, function) for value, error, _ in outcomes]
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
                faults.append((row, error, outcomes[place][2]))
    return Result(request, column, faults)


#: the reason of calls that were not made, because one before them broke the run
_AFTER = ""


def _broken_extern(
    request: Request, places: NDArray[np.intp], checked: list[tuple[Any, str | None]]
) -> RewardError:
    """What is wrong with the first result that is, and the rows it is for."""
    place = next(i for i in places.tolist() if checked[i][1] is not None)
    rows = np.flatnonzero(request.rows)[places == place]
    engine, named = request.engine, f"row {', '.join(map(str, rows[:5]))}{' …' if len(rows) > 5 else ''}"
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


def _select(requests: list[Request]) -> list[Result]:
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
