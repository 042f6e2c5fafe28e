"""The executor of calls that run programs: as many at a time as the sandbox has slots."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from importlib import import_module
from typing import Any, Self

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.executors import OnDone, Outcome, Stopped
from rewardkit.sandbox import Ended, Job, Process, Sandbox
from rewardkit.types.function import Function


class Programs:
    """Calls in a sandbox, which is opened when the first one comes; `own` says that it closes with this."""

    def __init__(self, open_: Callable[[], Sandbox], own: bool = True) -> None:
        self._open, self._own = open_, own
        self._sandbox: Sandbox | None = None
        self._lock = threading.Lock()

    def run(
        self,
        function: Function,
        tasks: Sequence[tuple[Any, ...]],
        constants: dict[str, Any],
        on_done: OnDone,
        stop: threading.Event,
    ) -> list[Outcome]:
        lent = _Lent(self._opened())
        implementation = _imported(function)
        left = iter(range(len(tasks)))
        taking, given_up = threading.Lock(), threading.Event()
        outcomes: dict[int, Outcome] = {}

        def serve() -> None:
            """One task after the other: no more are begun than there are slots."""
            while not (stop.is_set() or given_up.is_set()):
                with taking:
                    index = next(left, None)
                if index is None:
                    return
                outcome = _call(implementation, lent, tasks[index], constants)
                with taking:
                    outcomes[index] = outcome
                    on_done(index, outcome)

        many = min(lent.slots, len(tasks))
        with ThreadPoolExecutor(many, "rewardkit-programs") as threads:
            waiting: set[Future[None]] = {threads.submit(serve) for _ in range(many)}
            try:
                while waiting:
                    # the system may hand Ctrl-C to any thread; only by waking does this one come to raise it
                    done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_EXCEPTION)
                    for future in done:
                        future.result()
                    if stop.is_set():
                        raise Stopped
            except BaseException:
                given_up.set()
                lent.close()  # so that the threads come back
                raise
        return [outcomes[index] for index in range(len(tasks))]

    def identity(self, function: Function) -> str:
        return ""

    def close(self) -> None:
        with self._lock:
            sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None and self._own:
            sandbox.close()

    def _opened(self) -> Sandbox:
        with self._lock:
            if self._sandbox is None:
                self._sandbox = self._open()
            return self._sandbox


class _Lent:
    """A sandbox as one call of `run` has it: closing it ends what was started here, and nothing else."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.slots = sandbox.slots
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self._started: weakref.WeakSet[Process] = weakref.WeakSet()
        self._ended = False

    def start(self, jobs: Sequence[Job]) -> list[Process]:
        started = self._sandbox.start(jobs)
        with self._lock:
            self._started.update(started)
            ended = self._ended
        if ended:
            for process in started:
                process.kill()
            raise Stopped
        return started

    def run(self, job: Job) -> Ended:
        (process,) = self.start([job])
        return process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._ended, started = True, list(self._started)
        for process in started:
            with suppress(RewardError):  # the sandbox broke under it
                process.kill()


def _imported(function: Function) -> Callable[..., Any]:
    assert isinstance(function.implementation, str)
    module, _, name = function.implementation.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _call(
    implementation: Callable[..., Any], sandbox: Sandbox, task: tuple[Any, ...], constants: dict[str, Any]
) -> Outcome:
    """What is wrong with a row's cases is its own fault; what is wrong with the sandbox stops the run."""
    began = time.perf_counter()
    value, error = None, None
    try:
        value = implementation(sandbox, *task, **constants)
    except RewardError:
        raise
    except ValueError as problem:
        error = str(problem)[:200] or "the cases cannot be read"
    return Outcome(value, error, time.perf_counter() - began)
