"""Runs a plan over a table: passes over the cheap steps, stages of calls between them.

A pass computes every cheap step as far as its arguments are there, then works out, from the roots
down and through the guards, which rows of which calls are wanted. Those calls are one stage. When
nothing wanted is missing, the plan is done. What no use reaches is never called.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.compiler import FoldStep, Plan, Step
from rewardkit.runtime import operations
from rewardkit.runtime.aggregates import rank, reduce_segments
from rewardkit.runtime.calls import Caller
from rewardkit.runtime.columns import Column, Mask, dtype_of, empty, full, merge, take, values_of
from rewardkit.runtime.results import Request, Result
from rewardkit.runtime.sources import SOURCES
from rewardkit.runtime.sources import Table as Table

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fault:
    row: int
    name: str  # the let or term that could not be computed
    function: str
    reason: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Given:
    """A step whose value is known beforehand on some rows (tests mock it, a witness fixes it).

    Of a call that is `strict` it is what a mock of the function would be.
    """

    rows: Mask
    column: Column
    strict: bool = False


@dataclass(frozen=True, eq=False)
class CallMock:
    """What every call of a function gives on some rows, in folds too.

    Like any call it is null where an argument is null, and fails where one has failed.
    """

    function: str
    rows: Mask
    value: Any


@dataclass
class Engine:
    """One run of one plan over one table; `alive` leaves out rows that are skipped.

    Where a step is `given`, nothing below it is wanted. A call that is mocked is not made, and its arguments
    are wanted all the same, unless it is mocked as null: whether they are null decides what it gives.
    """

    plan: Plan
    table: Table
    caller: Caller
    given: Mapping[int, Given] = field(default_factory=dict)
    mocks: Sequence[CallMock] = ()
    columns: list[Column] = field(default_factory=list)
    alive: Mask = field(default_factory=lambda: np.ones(0, np.bool_))
    failures: dict[int, list[tuple[Mask, str]]] = field(default_factory=dict)
    call_faults: list[tuple[int, int, str, float]] = field(default_factory=list)  # step, row, reason, s
    answers: dict[int, Given] = field(default_factory=dict)  # calls that mocks answer
    wanted: list[Mask | None] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)  # step -> time spent in its calls
    around: tuple[Engine, int] | None = None  # inside a fold: the engine around it, and the fold's step
    _settled: bool = True  # which rows are skipped is known, so that aggregates may count
    _stale: set[int] = field(default_factory=set)  # steps with an argument that has changed
    _foldings: dict[int, list[Folding]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.alive = np.ones(self.table.n, np.bool_)
        self.columns = [empty(step.type, self.table.n) for step in self.plan.steps]
        self.wanted = [None] * len(self.plan.steps)
        self._stale = set(range(len(self.plan.steps)))
        self._take_mocks()
        for number, given in self.given.items():
            step = self.plan.steps[number]
            self.columns[number] = merge(given.rows, given.column, self.columns[number], step.type)

    def _take_mocks(self) -> None:
        """The calls that mocks answer; of two mocks on a row the later one does, and what is given of one
        call counts more."""
        known = {number: given for number, given in self.given.items() if not given.strict}
        for number, step in enumerate(self.plan.steps):
            mocks = self._mocks_of(number, step)
            if not mocks:
                continue
            column, rows = empty(step.type, self.table.n), np.zeros(self.table.n, np.bool_)
            for mock in mocks:
                column, rows = merge(mock.rows, mock.column, column, step.type), rows | mock.rows
            self.answers[number] = Given(rows & ~column.null, column)
            # a mocked null is null whatever the arguments are
            absent = rows & column.null
            if number in known:
                before = known[number]
                column = merge(before.rows, before.column, column, step.type)
                absent = absent | before.rows
            if absent.any():
                known[number] = Given(absent, column)
        self.given = known

    def _mocks_of(self, number: int, step: Step) -> list[Given]:
        name, n = step.data.function.name if step.op == "call" else None, self.table.n
        found = [Given(m.rows, full(m.value, step.type, n)) for m in self.mocks if m.function == name]
        given = self.given.get(number)
        return [*found, given] if given is not None and given.strict else found

    # --- the loop --------------------------------------------------------------------------------

    def leave_out(self, skip: int) -> Mask:
        """Skip the rows where the step is true. Before this no aggregate has counted anything."""
        self._settled = False
        self.run({skip: np.ones(self.table.n, np.bool_)})
        skipped = _holds(self.columns[skip], "true")
        self.alive, self._settled = ~skipped, True
        self._stale.update(n for n, step in enumerate(self.plan.steps) if step.op == "aggregate")
        return skipped

    def run(self, roots: Mapping[int, Mask]) -> None:
        """Compute the root steps on the rows that each wants."""
        self.forward()
        while True:
            self.want(roots)
            advanced = self.forward()
            requests = self.missing(range(len(self.plan.steps)))
            if not requests and not advanced:
                return
            # what was wanted stays wanted: a chain of calls need not look at the whole plan each time
            while requests:
                for result in self.caller.stage(requests):
                    result.request.engine.take_in(result)
                requests = self.missing(self.forward())

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
            found.append(Fault(row, step.owner, step.data.function.name, reason, seconds))
        for foldings in self._foldings.values():
            for folding in foldings:
                found += folding.faults()
        return sorted(found, key=lambda fault: (fault.row, fault.name, fault.function))

    def engines(self) -> Iterator[Engine]:
        """This engine and those that run the folds in it."""
        yield self
        for foldings in self._foldings.values():
            for folding in foldings:
                yield from folding.engine.engines()

    # --- forward: compute what can be computed ---------------------------------------------------

    def forward(self) -> list[int]:
        """Advance every step that has an argument that changed, arguments first; which steps those were."""
        readers = self.plan.readers
        queue = sorted(self._stale)
        advanced = []
        while queue:
            number = heapq.heappop(queue)
            self._stale.discard(number)
            advanced.append(number)
            if not self._advance(number, self.plan.steps[number]):
                continue
            for reader in readers[number]:
                if reader not in self._stale:
                    self._stale.add(reader)
                    heapq.heappush(queue, reader)
        return advanced

    def _advance(self, number: int, step: Step) -> bool:
        """Compute a step as far as it can be; whether that may have told something new."""
        if number not in self.given:
            return self._compute(number, step)
        given = self.given[number]
        if not self.columns[number].done.all():
            self._compute(number, step)
            self.columns[number] = merge(given.rows, given.column, self.columns[number], step.type)
            self.failures[number] = [(bad & ~given.rows, why) for bad, why in self.failures.get(number, [])]
        return True

    def _compute(self, number: int, step: Step) -> bool:
        if self.columns[number].done.all():
            return False
        args = [self.columns[arg] for arg in step.args]
        if step.op in SOURCES:
            self.columns[number] = SOURCES[step.op](self.table, step)
        elif step.op == "aggregate":
            if not self._settled:
                return False
            self._aggregate(number, step, args)
        elif step.op == "fold":
            self._call_of_null(number, args[:1])
            for folding in self._foldings.get(number, ()):
                self._fold(number, step, folding, args)
        elif step.op == "call" and not is_cheap(step):
            null = self._call_of_null(number, args)
            return self._answer(number, step, args) or null
        else:
            self._operate(number, step, args)
        return True

    def _operate(self, number: int, step: Step, args: list[Column]) -> None:
        began = time.perf_counter()
        compute = operations.scalar_call if step.op == "call" else operations.evaluate
        column, failure = compute(step, args)
        self.columns[number] = column
        self.failures.pop(number, None)
        if failure is not None:
            self.failures[number] = [failure]
        if step.op == "call":
            self._answer(number, step, args)
            name = step.data.function.name
            self.timings[name] = self.timings.get(name, 0.0) + time.perf_counter() - began

    def _call_of_null(self, number: int, args: list[Column]) -> bool:
        """A call given null is null, and one given a fault is a fault: neither is made."""
        if not args:
            return False
        column = self.columns[number]
        done, null, fault = operations.strict(args)
        rows = done & null & ~column.done
        if rows.any():
            # new arrays: other columns may share the old ones
            self.columns[number] = Column(
                column.data, column.null | rows, column.fault | (rows & fault), column.done | rows
            )
        return bool(rows.any())

    def _answer(self, number: int, step: Step, args: list[Column]) -> bool:
        """A mocked call gives what the mock says, where it would be made; whether that is new."""
        if number not in self.answers:
            return False
        answer, before = self.answers[number], self.columns[number]
        rows = answer.rows if is_cheap(step) else answer.rows & ~before.done
        for arg in args:
            rows = rows & arg.done & ~arg.null
        self.columns[number] = merge(rows, answer.column, before, step.type)
        self.failures[number] = [(bad & ~rows, why) for bad, why in self.failures.get(number, [])]
        return bool(rows.any())

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
            counts &= _holds(where, "true")
        if value is not None:
            ready &= value.done | (ready & ~counts)
            broken |= counts & value.fault
            counts &= ~value.null
        # a group is ready once all its rows are
        waiting = np.bincount(segments[self.alive & ~ready], minlength=n) > 0
        rows = counts & ~waiting[segments]
        done = self.alive & ~waiting[segments]
        if data.function == "rank":
            assert value is not None
            out = np.zeros(self.table.n)
            out[rows] = rank(np.asarray(value.data)[rows], segments[rows])
            null = done & ~rows
            self.columns[number] = Column(out, null, done & broken & null, done)
            return
        values = np.asarray(value.data)[rows] if value is not None else np.ones(int(rows.sum()), np.int64)
        result, none, overflow = reduce_segments(data.function, values, segments[rows], n)
        # failed values are left out like nulls; where they leave nothing, that is their failure
        failed = none & (np.bincount(segments[broken & self.alive], minlength=n) > 0)
        self.columns[number] = Column(
            result[segments].astype(dtype_of(step.type)),
            done & (none | overflow)[segments],
            done & (failed | overflow)[segments],
            done,
        )
        self.failures[number] = [(done & overflow[segments], "the number is too large")]

    def _segments(self, scope: str) -> tuple[NDArray[np.int64], int]:
        if scope == "group":
            assert self.table.groups is not None
            return self.table.groups, int(self.table.groups.max(initial=-1)) + 1
        return np.zeros(self.table.n, np.int64), 1

    # --- backward: what is wanted ------------------------------------------------------------------

    def want(self, roots: Mapping[int, Mask]) -> None:
        """Work out which rows of each step some root reaches."""
        wanted: list[Mask | None] = [None] * len(self.plan.steps)

        def reach(number: int, rows: Mask) -> None:
            before = wanted[number]
            wanted[number] = rows if before is None else before | rows

        for number, rows in roots.items():
            reach(number, rows)
        for number in range(len(self.plan.steps) - 1, -1, -1):
            reached = wanted[number]
            step = self.plan.steps[number]
            if reached is None or not step.args:
                continue
            if number in self.given:
                reached = reached & ~self.given[number].rows
            if step.op == "fold":
                reach(step.args[0], reached)
                self._open(number, step, reached)
                for folding in self._foldings[number]:
                    for arg, rows in zip(step.args[1:], folding.wants(self.table.n), strict=True):
                        reach(arg, rows)
                    if folding.engine._stale:
                        self._stale.add(number)
                continue
            if step.op == "aggregate":
                reached = self._whole_groups(step, reached)
            for arg, guard in zip(step.args, step.guards, strict=True):
                reach(
                    arg, reached if guard is None else reached & _holds(self.columns[guard.step], guard.holds)
                )
        self.wanted = wanted

    def _whole_groups(self, step: Step, rows: Mask) -> Mask:
        """An aggregate reaches its argument on every row of a group in which any row reaches it."""
        segments, n = self._segments(step.data.scope)
        reached = np.bincount(segments[rows], minlength=n) > 0
        return self.alive & reached[segments]

    def missing(self, numbers: Iterable[int]) -> list[Request]:
        """The calls among these steps that are wanted, not made, and have all their arguments."""
        requests = []
        for number in numbers:
            step, rows = self.plan.steps[number], self.wanted[number]
            if rows is None:
                continue
            if step.op == "fold":
                for folding in self._foldings.get(number, ()):
                    inner = folding.engine
                    requests += inner.missing(range(len(inner.plan.steps)))
            if step.op != "call" or is_cheap(step):
                continue
            args = [self.columns[arg] for arg in step.args]
            pending = rows & ~self.columns[number].done
            for arg in args:
                pending &= arg.done
            if pending.any():
                constant = tuple(self.plan.steps[arg].op == "constant" for arg in step.args)
                types = tuple(self.plan.steps[arg].type for arg in step.args)
                requests.append(Request(self, number, step, args, types, constant, pending))
        return requests

    def take_in(self, result: Result) -> None:
        """Keep a call's results on the rows it was asked for."""
        request, found = result.request, result.column
        number, rows = request.number, request.rows
        self.columns[number] = merge(rows, found, self.columns[number], request.step.type)
        self.call_faults += [(number, row, reason, seconds) for row, reason, seconds in result.faults]
        self._stale.update(self.plan.readers[number])
        engine: Engine = self
        while engine.around is not None:
            engine, number = engine.around
            engine._stale.add(number)
        engine.seconds[number] = engine.seconds.get(number, 0.0) + result.seconds

    # --- folds over lists ------------------------------------------------------------------------

    def _open(self, number: int, step: Step, wanted: Mask) -> None:
        """Start folding the rows that are wanted now and have their list."""
        foldings = self._foldings.setdefault(number, [])
        lists = self.columns[step.args[0]]
        rows = wanted & lists.done & ~lists.null
        for folding in foldings:
            rows[folding.rows] = False
        if rows.any():
            foldings.append(Folding.over(self, number, step, np.flatnonzero(rows)))
            self._stale.add(number)

    def _fold(self, number: int, step: Step, folding: Folding, args: list[Column]) -> None:
        """Take over what a fold has come to."""
        rows, found, overflow = folding.advance(args[1:])
        column = empty(step.type, self.table.n)
        assert isinstance(column.data, np.ndarray)
        chosen = column.done
        chosen[rows] = True
        column.data[rows] = found.data
        column.null[rows], column.fault[rows] = found.null, found.fault
        self.columns[number] = merge(chosen, column, self.columns[number], step.type)
        if overflow.any():
            broken = np.zeros(self.table.n, np.bool_)
            broken[rows[overflow]] = True
            self.failures.setdefault(number, []).append((broken, "the number is too large"))


@dataclass(eq=False)
class Folding:
    """A fold on some rows of a table: the body runs in an engine of its own, with one row per item."""

    fold: FoldStep
    engine: Engine
    rows: NDArray[np.intp]
    place: NDArray[np.intp]  # of each item: its row's position in `rows`
    open: Mask  # of each row: whether its result is still to come

    @classmethod
    def over(cls, around: Engine, number: int, step: Step, rows: NDArray[np.intp]) -> Folding:
        lists = values_of(around.columns[step.args[0]], rows)
        sizes = np.array([len(items) for items in lists], np.intp)
        items: NDArray[Any] = np.empty(int(sizes.sum()), object)
        for i, item in enumerate(item for xs in lists for item in xs):
            items[i] = item
        absent = np.fromiter((item is None for item in items), np.bool_, len(items))
        element = Column(items, absent, np.zeros_like(absent), np.ones_like(absent))
        table = Table(len(items), {}, {}, around.table.step, element=element)
        place = np.repeat(np.arange(len(rows)), sizes)
        engine = Engine(
            step.data.body,
            table,
            around.caller,
            mocks=[CallMock(m.function, m.rows[rows][place], m.value) for m in around.mocks],
            timings=around.timings,
            around=(around, number),
        )
        folding = cls(step.data, engine, rows, place, np.ones(len(rows), np.bool_))
        folding.read([around.columns[arg] for arg in step.args[1:]])
        engine.forward()
        return folding

    def read(self, captures: list[Column]) -> None:
        """Take over what has become known of the row around."""
        parent, known = self.rows[self.place], self.engine.table.outer
        self.engine.table.outer = tuple(
            known[i] if known and known[i].done.all() else take(column, parent)
            for i, column in enumerate(captures)
        )
        self.engine._stale.update(n for n, s in enumerate(self.fold.body.steps) if s.op == "outer")

    def _items(self) -> tuple[Mask, Mask, Mask]:
        """Of each item: whether it is known if it counts, whether it does, and whether that failed."""
        if self.fold.where is None:
            every = np.ones(len(self.place), np.bool_)
            return every, every, np.zeros_like(every)
        where = self.engine.columns[self.fold.where]
        return where.done, _holds(where, "true"), where.fault

    def wants(self, n: int) -> list[Mask]:
        """The rows on which the body reaches each value of the row around."""
        _, counts, _ = self._items()
        roots = {self.fold.value: counts}
        if self.fold.where is not None:
            roots[self.fold.where] = np.ones_like(counts)
        self.engine.want(roots)
        steps = self.fold.body.steps
        reached = {s.data: self.engine.wanted[i] for i, s in enumerate(steps) if s.op == "outer"}
        out = []
        for position in range(len(self.engine.table.outer)):
            rows, items = np.zeros(n, np.bool_), reached.get(position)
            if items is not None:
                rows[self.rows[self.place[items]]] = True
            out.append(rows)
        return out

    def advance(self, captures: list[Column]) -> tuple[NDArray[np.intp], Column, Mask]:
        """The rows whose items are all done now, their results, and where those are too large."""
        self.read(captures)
        self.engine.forward()
        value = self.engine.columns[self.fold.value]
        known, counts, broken = self._items()
        n = len(self.rows)
        waiting = np.bincount(self.place[~(known & (~counts | value.done))], minlength=n) > 0
        # unlike another row's in an aggregate, a failed item is this row's failure
        failed = np.bincount(self.place[broken | (counts & value.fault)], minlength=n) > 0
        counts = counts & ~value.null & ~waiting[self.place]
        data = np.asarray(value.data)[counts]
        result, none, overflow = reduce_segments(self.fold.function, data, self.place[counts], n)
        ready = self.open & ~waiting
        self.open &= waiting
        overflow &= ~failed
        null, fault = none | failed | overflow, failed | overflow
        column = Column(result[ready], null[ready], fault[ready], ready[ready])
        return self.rows[ready], column, overflow[ready]

    def faults(self) -> list[Fault]:
        parent = self.rows[self.place]
        return [
            Fault(int(parent[f.row]), f.name, f.function, f.reason, f.seconds) for f in self.engine.faults()
        ]


def is_cheap(step: Step) -> bool:
    """A function on numpy arrays is computed like an operator."""
    return bool(step.data.function.executor == "scalar")


def _holds(column: Column, holds: str) -> Mask:
    """The rows on which a guard is known to hold."""
    if holds == "missing":
        return column.done & column.null
    truth = np.asarray(column.data, np.bool_)
    return column.done & ~column.null & (truth if holds == "true" else ~truth)
