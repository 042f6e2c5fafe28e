"""The warm interpreter of a wall: forks a supervisor for each job, and never reads one itself.

It ends, and the wall with it, when its host has gone or anything is left of a job.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import importlib
import os
import shutil
import signal
import sys
from types import ModuleType
from typing import Any

from rewardkit.sandbox.inside import frames, kernel, seccomp
from rewardkit.sandbox.inside.memory import Meter
from rewardkit.sandbox.inside.program import WRITABLE, Program, remember_memory, run_file
from rewardkit.sandbox.inside.relay import Line
from rewardkit.sandbox.inside.supervisor import BROKEN, DONE, supervise

#: what programs often import: they find it loaded
_PRELOADED = """
    abc bisect collections contextlib copy dataclasses datetime decimal enum fractions functools heapq io
    itertools json math operator random re statistics string sys textwrap time traceback types typing
"""
#: bytes above what it had at first, at which a wall's memory counts as not returned
_SLACK = 48 << 20


def serve(mode: str, folder: str | None, environment: dict[str, str]) -> None:
    """Until the host has gone. Does not return; a process that is to run a Python file runs it from here."""
    line = _own_descriptors()
    for name in _PRELOADED.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    os.environ.clear()
    os.environ.update(environment)
    os.environ["HOME"] = os.environ["TMPDIR"] = WRITABLE[0]
    module = ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.path[:] = [entry for entry in sys.path if entry]
    code = seccomp.strict_filter() if mode != "unsafe" else b""
    _forget_ourselves()
    gc.collect()
    gc.disable()
    gc.freeze()
    remember_memory()
    outcome = _loop(line, mode, code, folder)
    if isinstance(outcome, Program):
        # the interpreter is not taken down: to free all that it has loaded takes longer than most programs
        os._exit(run_file(outcome.words, module))
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(outcome)


def _loop(line: Line, mode: str, code: bytes, folder: str | None) -> Program | int:
    if mode == "container":  # the wall is the job's own: this process sees it to its end
        return supervise(line, mode, code, folder, first=True)
    meter, first = Meter(group=mode != "unsafe"), True
    while True:
        try:
            supervisor = kernel.fork_into(kernel.NAMESPACES) if mode == "namespaces" else os.fork()
        except OSError as error:
            frames.write_all(line.writing, frames.frame(frames.READY, f"{error.strerror or error}".encode()))
            return BROKEN
        if supervisor == 0:
            outcome = supervise(line, mode, code, folder, first)
            if isinstance(outcome, Program):
                return outcome
            os._exit(outcome)
        status = _reap(supervisor)
        if status != DONE << 8:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else BROKEN
        if mode == "namespaces" and (_others() or meter.used((), ()) > _SLACK):
            return BROKEN
        first = False


def _reap(wanted: int) -> int:
    while True:
        process, status = os.wait()
        if process == wanted:
            return status


def _others() -> bool:
    """Whether the wall holds any process but this one."""
    own = str(os.getpid())
    return os.getpid() == 1 and any(name.isdigit() and name != own for name in os.listdir("/proc"))


def _own_descriptors() -> Line:
    """The stream to the host, out of the way of a program's standard streams."""
    line = Line(*[fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10) for number in (0, 1)])
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the host says when to end, by closing the stream
    return line


def _forget_ourselves() -> None:
    """A program finds no module of ours: it may import one of the same name."""
    for name in [name for name in sys.modules if name.split(".")[0] == "rewardkit"]:
        del sys.modules[name]


def start(options: dict[str, Any]) -> None:
    """The bootstrap's way in."""
    serve(options["mode"], options["folder"], options["environment"])
