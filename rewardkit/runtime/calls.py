"""A stage of calls: guards first, then distinct arguments, then the cache, then the executor.

Calls of one stage do not depend on each other, so they overlap: each heavy function waits for its executor
in a thread of its own, beside the calls made in this process. Those on polars columns run in one `select`,
so that polars uses every core.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.backends import Backends
from rewardkit.runtime.executors import Outcome
from rewardkit.runtime.host import Externs, Violation, call_host, unbound
from rewardkit.runtime.results import Request, Result, scatter, select
from rewardkit.types.function import Function

#: executors that are waited for, and so worth a thread of their own
HEAVY = ("worker", "sandbox", "endpoint", "model")

Tasks = list[tuple[Any, ...]]
_Work = Callable[[threading.Event], list[Result]]


@dataclass
class Caller:
    """Carries out stages. `allow` sees every request before that, and raises where one may not be made."""

    backends: Backends
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
        heavy: dict[Any, list[Request]] = {}
        light: dict[Any, list[Request]] = {}
        for request in requests:
            if self.allow is not None:
                self.allow(request)
            function, data = request.function, request.step.data
            if function.executor == "columns":
                columns.append(request)
            else:
                calls = heavy if function.executor in HEAVY else light
                calls.setdefault((function.name, data.constants, data.order), []).append(request)

        def here(stop: threading.Event) -> list[Result]:
            results = self._columns(columns)
            for same in light.values():
                results += self._each(same, stop)
            return results

        lanes: list[_Work] = [here] if columns or light else []
        lanes += [partial(self._each, same) for same in heavy.values()]
        return _side_by_side(lanes)

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
            found = select(same)
            # polars runs them together: each is taken to cost the same
            seconds = (time.perf_counter() - began) / len(same)
            for result in found:
                self._spent(result.request.function.name, seconds)
            results += [replace(result, seconds=seconds) for result in found]
        return results

    # --- one distinct argument tuple at a time -------------------------------------------------------

    def _each(self, same: Sequence[Request], stop: threading.Event) -> list[Result]:
        """Functions of Python: distinct arguments only, cached, in this process or by an executor.

        `same` are requests for one function with the same constants, from wherever in the plan.
        """
        function = same[0].function
        began = time.perf_counter()
        distinct: dict[tuple[Any, ...], int] = {}
        places = []
        for request in same:
            tuples = request.tasks()
            numbers = (distinct.setdefault(t, len(distinct)) for t in tuples)
            places.append(np.fromiter(numbers, np.intp, len(tuples)))
        constants = same[0].step.data.constants
        known = self._known.setdefault((function.name, constants), {})
        new = [task for task in distinct if task not in known]
        known.update(zip(new, self._outcomes(function, dict(constants), new, stop), strict=True))
        outcomes = [known[task] for task in distinct]
        results = [scatter(request, place, outcomes) for request, place in zip(same, places, strict=True)]
        seconds = time.perf_counter() - began
        self._spent(function.name, seconds)
        return [replace(result, seconds=seconds / len(same)) for result in results]

    def _outcomes(
        self,
        function: Function,
        constants: dict[str, Any],
        tasks: Tasks,
        stop: threading.Event,
    ) -> Sequence[Outcome]:
        """How each distinct call ended."""
        if function.executor == "host":
            return self._externs(function, tasks)
        if function.executor in HEAVY:
            return self._heavy(function, constants, tasks, stop)
        self._counted(function.name, len(tasks))
        return _in_process(function, constants, tasks)

    def _heavy(
        self,
        function: Function,
        constants: dict[str, Any],
        tasks: Tasks,
        stop: threading.Event,
    ) -> Sequence[Outcome]:
        """By an executor, but for what can be told at once and what the cache knows."""
        executor, cache = self.backends.executor(function), self.backends.cache
        name = f"{function.name} {executor.identity(function)}"
        fast = function.extra.get("fast", _unknown)
        lasting = function.extra.get("lasting", _any)
        known: dict[int, Outcome] = {}
        left: list[int] = []
        keys: list[bytes] = []  # of those left
        for i, task in enumerate(tasks):
            if (value := fast(*task, **constants)) is not None:
                known[i] = Outcome(value, None, 0.0)
                continue
            key = cache.key(name, constants, task)
            if (kept := cache.get(key)) is not None:
                known[i] = Outcome(kept[0], None, 0.0)
                continue
            left.append(i)
            keys.append(key)
        self._counted(function.name, len(left))
        finished = 0

        def done(index: int, outcome: Outcome) -> None:
            nonlocal finished
            finished += 1
            # kept at once: of a run that ends early, nothing is to be done again. A task that exhausted its
            # worker has an error here, whatever is decided on it later: another machine may have more for it
            if outcome.error is None and lasting(outcome.value):
                cache.put(keys[index], outcome.value)
            if self.progress is not None:
                self.progress(function.name, finished, len(left))

        if left:
            outcomes = executor.run(function, [tasks[i] for i in left], constants, done, stop)
            known.update(zip(left, outcomes, strict=True))
        return [known[i] for i in range(len(tasks))]

    def _externs(self, function: Function, tasks: Tasks) -> Sequence[Outcome]:
        """Calls of a function of the host, in order. What it raises, and what it may not give, is an error
        of the run (`scatter` names the rows)."""
        if tasks and function.name not in self.externs:
            raise unbound(function.name)
        outcomes: list[Outcome] = []
        for done, task in enumerate(tasks):
            began = time.perf_counter()
            self._counted(function.name, 1)
            try:
                value = call_host(function, self.externs[function.name], task)
                outcomes.append(Outcome(value, None, time.perf_counter() - began))
            except RewardError:
                raise
            except Exception as error:
                reason = str(error) if isinstance(error, Violation) else _reason(error)
                outcomes.append(Outcome(None, reason, time.perf_counter() - began))
                return outcomes + [Outcome(None, _AFTER, 0.0)] * (len(tasks) - done - 1)
            if self.progress:
                self.progress(function.name, done + 1, len(tasks))
        return outcomes

    def _counted(self, name: str, calls: int) -> None:
        with self._lock:
            self.counts[name] = self.counts.get(name, 0) + calls

    def _spent(self, name: str, seconds: float) -> None:
        with self._lock:
            self.timings[name] = self.timings.get(name, 0.0) + seconds


def _any(value: Any) -> bool:
    return True


def _unknown(*task: Any, **constants: Any) -> None:
    return None


def _side_by_side(lanes: Sequence[_Work]) -> list[Result]:
    """What several pieces of work give that do not depend on each other.

    Ctrl-C, or the failure of one, stops the others before it is raised: none is left running.
    """
    stop = threading.Event()
    if len(lanes) == 1:
        return lanes[0](stop)
    with ThreadPoolExecutor(max(len(lanes), 1), thread_name_prefix="rewardkit-calls") as threads:
        futures: list[Future[list[Result]]] = [threads.submit(lane, stop) for lane in lanes]
        try:
            waiting = set(futures)
            while waiting:
                # the system may hand Ctrl-C to any thread; only by waking does this one come to raise it
                done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
        except BaseException:
            stop.set()
            raise
    return [result for future in futures for result in future.result()]


def _in_process(function: Function, constants: dict[str, Any], tasks: Tasks) -> Sequence[Outcome]:
    assert callable(function.implementation)
    batch = function.executor == "batch"
    if batch:
        try:
            values = function.implementation(tasks, **constants)
            return [Outcome(value, None, 0.0) for _, value in zip(tasks, values, strict=True)]
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
            out.append(Outcome(value, None, 0.0))
        except Exception as error:
            told = str(error) if isinstance(error, ValueError) else ""  # written for whoever reads the fault
            out.append(Outcome(None, told[:300] or _reason(error), time.perf_counter() - began))
    return out


def _reason(error: BaseException) -> str:
    try:
        text = str(error).strip().split("\n")[0][:200]
    except Exception:  # an exception of the host's own kind
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


#: the reason of calls that were not made, because one before them broke the run
_AFTER = ""
