"""Slots for jobs, and warm walls to run them behind: what every engine shares."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rewardkit.processes import usable_cores, watch
from rewardkit.sandbox.config import SandboxConfig
from rewardkit.sandbox.contract import MIB, Ended, Job, Process, SandboxError
from rewardkit.sandbox.process import RunningJob
from rewardkit.sandbox.wall import Wall

_CLOSED = "the sandbox was closed; open another one to go on"
#: walls that may be starting at once: more only wait for each other's disk
_STARTING = 4
#: slots, unless the user says how many: a script of assertions runs beside the program that it tests
_FEWEST = 2


class Pool:
    """A `Sandbox` over walls that `build` makes. Walls start in the background and are replaced there.

    A wall serves one job at a time. It is ended after `config.jobs_per_wall` jobs, when a job did not end as
    planned, and when it ends by itself because something is left of a job.
    """

    def __init__(self, config: SandboxConfig, build: Callable[[], Wall]) -> None:
        self.config = config
        self.slots = config.slots or max(_FEWEST, usable_cores())
        self.closed = False
        self._build = build
        self._once = config.isolation == "container" and config.engine != "unsafe"
        self._reset()
        watch(self)
        with self._changed:
            self._refill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, jobs: Sequence[Job]) -> list[Process]:
        """See `Sandbox.start`."""
        if len(jobs) > self.slots:
            raise ValueError(f"{len(jobs)} jobs at once, but the sandbox has {self.slots} slots")
        for job in jobs:
            self._check(job)
        self._take_slots(len(jobs))
        started: list[Process] = []
        try:
            for job in jobs:
                wall = self._take_wall()
                started.append(RunningJob(wall, job, self._give_back))
        except BaseException:
            for process in started:
                process.kill()
            self._free(len(jobs) - len(started))
            raise
        return started

    def run(self, job: Job) -> Ended:
        """See `Sandbox.run`."""
        (process,) = self.start([job])
        try:
            return process.wait()
        except BaseException:  # Ctrl-C among them
            process.kill()
            raise

    def close(self) -> None:
        """End every job and every wall; a job in progress ends as if killed."""
        with self._changed:
            self.closed = True
            walls = [*self._ready, *self._busy]
            self._ready.clear()
            self._changed.notify_all()
            threads = list(self._threads)
        for wall in walls:
            wall.end()
        for thread in threads:
            thread.join(timeout=30)

    def forget(self) -> None:
        """Starts anew in a forked child, to which its parent's walls and threads are not its own."""
        for wall in [*self._ready, *self._busy]:
            wall.stream.drop()
        self._reset()

    def _reset(self) -> None:
        self._changed = threading.Condition()  # another process's lock may be held for ever
        self._free_slots = self.slots
        self._queue: deque[object] = deque()  # who waits for slots, first come first
        self._ready: deque[Wall] = deque()
        self._busy: dict[Wall, int] = {}  # wall -> jobs it has had
        self._served: weakref.WeakKeyDictionary[Wall, int] = weakref.WeakKeyDictionary()
        self._starting = 0
        self._threads: set[threading.Thread] = set()
        self._failure: SandboxError | None = None

    def _check(self, job: Job) -> None:
        limits, config = job.limits, self.config
        for name in ("memory", "scratch", "processes"):
            if getattr(limits, name) > getattr(config, name):
                asked, most = getattr(limits, name), getattr(config, name)
                raise SandboxError(
                    f"a program asks for {_amount(asked, name)}, and may have {_amount(most, name)} in this "
                    f"sandbox: set `{name}` of [sandbox], or of the `SandboxConfig`, to {asked} or more, "
                    "or ask for less"
                )
        if sum(len(data) for data in job.files.values()) > limits.scratch:
            raise ValueError(f"a job's files take more than its {limits.scratch} bytes of scratch space")
        for name in job.files:
            parts = name.split("/")
            if "\0" in name or not all(parts) or "." in parts or ".." in parts:
                raise ValueError(f"`{name}` is not a path inside the scratch folder")
        if not job.command or any("\0" in word for word in job.command):
            raise ValueError("a job needs a command, without null characters")

    def _take_slots(self, wanted: int) -> None:
        me = object()
        with self._changed:
            self._queue.append(me)
            try:
                while not self.closed and (self._queue[0] is not me or self._free_slots < wanted):
                    # the system may hand Ctrl-C to any thread; only by waking does this one come to raise it
                    self._changed.wait(timeout=0.1)
                self._check_open()
                self._free_slots -= wanted
            finally:
                self._queue.remove(me)
                self._changed.notify_all()

    def _take_wall(self) -> Wall:
        with self._changed:
            while True:
                self._check_open()
                if self._ready:
                    wall = self._ready.popleft()
                    if wall.stream.ended():
                        threading.Thread(target=wall.end, name="rewardkit-sandbox", daemon=True).start()
                        continue
                    self._busy[wall] = self._served.get(wall, 0) + 1
                    self._refill()
                    return wall
                if self._failure:
                    failure, self._failure = self._failure, None
                    raise failure
                self._refill()
                self._changed.wait(timeout=0.1)

    def _give_back(self, wall: Wall, healthy: bool) -> None:
        with self._changed:
            served = self._served[wall] = self._busy.pop(wall, 0)
            kept = healthy and not self.closed and not self._once and served < self.config.jobs_per_wall
            if kept:
                self._ready.append(wall)
            self._free_slots += 1
            self._refill()
            self._changed.notify_all()
        if not kept:
            wall.end()

    def _free(self, slots: int) -> None:
        with self._changed:
            self._free_slots += slots
            self._changed.notify_all()

    def _check_open(self) -> None:
        if self.closed:
            raise SandboxError(_CLOSED)

    def _refill(self) -> None:
        """Have as many walls as slots; where each is used once, as many that wait."""
        there = len(self._ready) + self._starting + (0 if self._once else len(self._busy))
        for _ in range(min(self.slots - there, _STARTING - self._starting)):
            if self.closed or self._failure:
                return
            thread = threading.Thread(target=self._add_wall, name="rewardkit-sandbox", daemon=True)
            self._threads.add(thread)
            self._starting += 1
            thread.start()

    def _add_wall(self) -> None:
        wall, failure = None, None
        try:
            wall = self._build()
        except SandboxError as error:
            failure = error
        except Exception as error:
            failure = SandboxError(f"the sandbox cannot start: {type(error).__name__}: {error}")
        with self._changed:
            self._threads.discard(threading.current_thread())
            self._starting -= 1
            self._failure = failure
            if wall and not self.closed:
                self._ready.append(wall)
                wall = None
            self._changed.notify_all()
        if wall:
            wall.end()


def _amount(number: int, name: str) -> str:
    if name == "processes":
        return f"{number} processes"
    return f"{number / MIB:,.0f} MiB of {name}" if number >= MIB else f"{number} bytes of {name}"
