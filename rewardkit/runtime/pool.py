"""A pool of worker processes with a hard deadline and a memory limit for each task.

No alarms: a worker that does not answer in time is killed, with its process group, and replaced. The
processes are started by `exec`, never forked, so that scripts need no `__main__` guard and the parent may
hold CUDA or threads. Each worker belongs to one thread of the pool, which feeds it and waits for it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import pickle
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rewardkit.diagnostics import RewardError
from rewardkit.processes import usable_cores, watch
from rewardkit.runtime.executors import OnDone, Outcome, Stopped
from rewardkit.runtime.worker import OUT_OF_MEMORY
from rewardkit.runtime.worker_process import WorkerProcess

GIB = 1 << 30

#: tasks sent to a worker at once: enough to hide the sending, few enough to wait behind a slow one
_CHUNK = 32
#: workers that may die, one after the other, before importing a function is given up
_ATTEMPTS = 3

#: the share of its deadline that a task must have computed for to be the cause of its timing out
_COMPUTED = 0.25
#: how a process ends that a task broke: too deep a recursion, mostly
_BROKEN = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")

_CLOSED = "the worker pool was closed; make another one to go on"


@dataclass(eq=False)
class _Job:
    """One call of `run`."""

    path: str
    tasks: Sequence[tuple[Any, ...]]
    deadline: float
    constants: dict[str, Any]
    changed: threading.Condition
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    reported: deque[int] = field(default_factory=deque)  # done, and not yet told to the caller
    pending: deque[int] = field(default_factory=deque)
    failure: BaseException | None = None  # what keeps the whole job from being done
    abandoned: bool = False
    watched: bool = False  # somebody wants to hear of each task

    @property
    def over(self) -> bool:
        return self.failure is not None or len(self.outcomes) == len(self.tasks)


class WorkerPool:
    """Up to `workers` processes (one per usable core by default), each with `memory_bytes` for its tasks.

    Processes start when there is work and stay warm until `close`. The memory limit is per process and
    comes on top of what its imports take. `run` may be called from any thread, and from several at once.
    """

    def __init__(self, workers: int | None = None, memory_bytes: int = 2 * GIB) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"a pool needs at least 1 worker, got {workers}")
        self.workers = workers or usable_cores()
        self.memory_bytes = memory_bytes
        self.closed = False
        self._reset()
        watch(self)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        path: str,
        tasks: Sequence[tuple[Any, ...]],
        deadline: float,
        constants: dict[str, Any] | None = None,
        on_done: OnDone | None = None,
        overdue: str | None = None,
        stop: threading.Event | None = None,
    ) -> list[Outcome]:
        """Calls the function at `path` (`"module:function"`) as `function(*task, **constants)` for each task.

        `deadline` is in seconds, per task, from when its worker turns to it. What a task does wrong
        (raise, take too long, take too much memory, end its process) is its own outcome's `error` and
        no other's. A function that cannot be imported, or a pool that is closed, is a `RewardError`.
        `on_done(index, outcome)` is called in this thread, in order of completion. Once `stop` is set, what
        is under way is killed, and `Stopped` raised.

        `overdue` names another function, which is called in the same way for tasks that exhausted a worker;
        what it gives is their value, and where it fails their error stands.
        """
        outcomes = self._run(path, tasks, deadline, constants, on_done, stop)
        late = [i for i, outcome in enumerate(outcomes) if outcome.exhausted] if overdue else []
        if overdue and late:
            second = self._run(overdue, [tasks[i] for i in late], deadline, constants, None, stop)
            for i, outcome in zip(late, second, strict=True):
                if outcome.error is None:
                    outcomes[i] = replace(outcomes[i], value=outcome.value, error=None)
        return outcomes

    def _run(
        self,
        path: str,
        tasks: Sequence[tuple[Any, ...]],
        deadline: float,
        constants: dict[str, Any] | None,
        on_done: OnDone | None,
        stop: threading.Event | None,
    ) -> list[Outcome]:
        job = _Job(
            path, tasks, deadline, constants or {}, threading.Condition(self._lock), watched=bool(on_done)
        )
        job.pending.extend(range(len(tasks)))
        if not tasks:
            return []
        try:
            with self._lock:
                self._check_open()
                self._jobs.append(job)
                self._grow()
                self._work.notify_all()
            self._wait(job, on_done, stop)
        except BaseException:  # Ctrl-C among them
            self._abandon(job)
            raise
        finally:
            with self._lock, contextlib.suppress(ValueError):
                self._jobs.remove(job)
        return [job.outcomes[index] for index in range(len(tasks))]

    def close(self) -> None:
        """Kills every worker; a `run` in progress raises `RewardError`."""
        with self._lock:
            self.closed = True
            for job in self._jobs:
                job.failure = RewardError(_CLOSED)
                job.changed.notify_all()
            for worker in self._live:
                worker.kill()
            self._work.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout=10)

    @property
    def processes(self) -> list[int]:
        """Process ids of the workers that are running."""
        with self._lock:
            return sorted(worker.process.pid for worker in self._live)

    def forget(self) -> None:
        """Starts anew in a forked child, to which its parent's threads and workers are not its own."""
        for worker in self._live:
            worker.disown()
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._jobs: deque[_Job] = deque()
        self._live: set[WorkerProcess] = set()
        self._threads: set[threading.Thread] = set()
        self._idle = 0

    def _check_open(self) -> None:
        if self.closed:
            raise RewardError(_CLOSED)

    def _grow(self) -> None:
        pending = sum(len(job.pending) for job in self._jobs)
        for _ in range(min(self.workers - len(self._threads), pending - self._idle)):
            thread = threading.Thread(target=self._serve, name="rewardkit-worker", daemon=True)
            thread.start()
            self._threads.add(thread)

    def _wait(self, job: _Job, on_done: OnDone | None, stop: threading.Event | None) -> None:
        while True:
            if stop is not None and stop.is_set():
                raise Stopped
            with self._lock:
                while not job.over and not job.reported:
                    # the system may hand Ctrl-C to any thread; only by waking does this one come to raise it
                    job.changed.wait(timeout=0.1)
                done = [(index, job.outcomes[index]) for index in job.reported]
                job.reported.clear()
                over, failure = job.over, job.failure
            if on_done:
                for index, outcome in done:
                    on_done(index, outcome)
            if failure:
                raise failure
            if over:
                return

    def _abandon(self, job: _Job) -> None:
        with self._lock:
            job.abandoned = True
            job.pending.clear()
            for worker in self._live:
                if worker.job is job:
                    worker.kill()

    def _serve(self) -> None:
        """Feeds one worker, and its replacements, until the pool closes."""
        worker: WorkerProcess | None = None
        try:
            while taken := self._take():
                job, indices = taken
                try:
                    worker = self._loaded(worker, job)
                    self._carry_out(worker, job, indices)
                    self._assign(worker, None)
                except Exception as failure:  # not a task's doing: nothing to import, or unpicklable
                    self._fail(job, failure)
                    if worker:
                        worker.spent = True
                worker = self._kept(worker)
        finally:
            if worker:
                self._discard(worker)
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _take(self) -> tuple[_Job, list[int]] | None:
        """The next few tasks, of each job in turn; waits for some. `None` once the pool is closed."""
        with self._lock:
            while not self.closed:
                for _ in range(len(self._jobs)):
                    job = self._jobs[0]
                    self._jobs.rotate(-1)
                    if job.pending:
                        # ever smaller chunks, so that all workers finish at about the same time
                        size = max(1, min(_CHUNK, len(job.pending) // (2 * self.workers)))
                        return job, [job.pending.popleft() for _ in range(size)]
                self._idle += 1
                self._work.wait()
                self._idle -= 1
            return None

    def _kept(self, worker: WorkerProcess | None) -> WorkerProcess | None:
        """The worker, if it can go on."""
        if worker and not worker.usable():
            self._discard(worker)
            return None
        return worker

    def _loaded(self, worker: WorkerProcess | None, job: _Job) -> WorkerProcess:
        """The worker, or another one, with the job's function. One that dies of importing it, which takes
        memory that others may have just then, is replaced a few times.
        """
        for attempt in itertools.count(1):
            worker = self._kept(worker) or self._start()
            self._assign(worker, job)
            try:
                worker.load(job.path)
                return worker
            except EOFError:
                end = worker.end()
                if attempt >= _ATTEMPTS or job.abandoned:
                    raise RewardError(
                        f"{attempt} worker processes ended ({end}) while loading `{job.path}`; SIGKILL is "
                        "often a lack of memory: use fewer workers, or free some"
                    ) from None
            finally:
                if worker.spent:
                    self._discard(worker)
        raise AssertionError("unreachable")

    def _start(self) -> WorkerProcess:
        with self._lock:  # so that `close` sees every process
            self._check_open()
            try:
                worker = WorkerProcess(self.memory_bytes)
            except OSError as error:  # no process, no memory or no file left
                raise RewardError(
                    f"cannot start a worker process: {error.strerror or error}; use fewer workers"
                ) from error
            self._live.add(worker)
            return worker

    def _assign(self, worker: WorkerProcess, job: _Job | None) -> None:
        with self._lock:
            worker.job = job

    def _carry_out(self, worker: WorkerProcess, job: _Job, indices: list[int]) -> None:
        """Has a worker do some tasks. What it could not start, because it ended, goes back in the queue."""
        left, start = deque(indices), time.monotonic()
        request = pickle.dumps(("run", job.path, [job.tasks[index] for index in indices], job.constants))
        try:
            if not worker.accepts(request, job.deadline):
                self._return(job, left)
                return
            while left and not worker.spent:
                start = time.monotonic()
                value, error, seconds, worker.spent, worker.computed = json.loads(
                    worker.channel.receive(job.deadline)
                )
                outcome = Outcome(value, error, seconds, error == OUT_OF_MEMORY)
                self._settle(job, left.popleft(), outcome)
        except TimeoutError:
            computed = worker.computing()
            worker.kill()  # it is waited for later: one that fills gigabytes takes a while to go
            worker.spent = True
            error, seconds = f"timed out after {job.deadline:g} s", time.monotonic() - start
            outcome = Outcome(None, error, seconds, computed > job.deadline * _COMPUTED)
            self._settle(job, left.popleft(), outcome)
        except (OSError, EOFError, ValueError):
            end = worker.end()
            error, seconds = f"worker died ({end})", time.monotonic() - start
            self._settle(job, left.popleft(), Outcome(None, error, seconds, end in _BROKEN))
        self._return(job, left)

    def _settle(self, job: _Job, index: int, outcome: Outcome) -> None:
        with self._lock:
            job.outcomes[index] = outcome
            if job.watched:
                job.reported.append(index)
            if job.watched or job.over:
                job.changed.notify_all()

    def _return(self, job: _Job, indices: deque[int]) -> None:
        with self._lock:
            if indices and not job.abandoned:
                job.pending.extendleft(reversed(indices))
                self._work.notify_all()

    def _fail(self, job: _Job, failure: BaseException) -> None:
        with self._lock:
            job.failure = job.failure or failure
            job.pending.clear()
            job.changed.notify_all()

    def _discard(self, worker: WorkerProcess) -> None:
        worker.end()
        with self._lock:
            self._live.discard(worker)


def shared_pool() -> WorkerPool:
    """The pool that everything shares which does not bring its own."""
    global _SHARED
    if _SHARED is None or _SHARED.closed:
        _SHARED = WorkerPool()
    return _SHARED


_SHARED: WorkerPool | None = None
