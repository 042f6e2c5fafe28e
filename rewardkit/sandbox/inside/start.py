"""Starting a job's program: its streams, and the steps from our process to one that may do no more."""

from __future__ import annotations

import fcntl
import os
from typing import Any, NamedTuple

from rewardkit.sandbox.inside import frames, kernel
from rewardkit.sandbox.inside.program import Program, execute, prepare, warm

_PROC = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


class Started(NamedTuple):
    """The program's process, and our ends of its streams."""

    process: int
    ended: int | None  # readable once it has ended, where the kernel can tell
    problem: int  # what kept the process from becoming the program
    outputs: dict[int, bytes]  # descriptor -> the kind of frame for what comes from it
    stdin: int
    channel: int | None


def _pipe(pipe: tuple[int, int]) -> tuple[int, int]:
    """Its ends, numbered above every descriptor that a program gets."""
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in pipe]
    for end in pipe:
        os.close(end)
    return high[0], high[1]


def start(job: dict[str, Any], mode: str, scratch: str, code: bytes) -> Started | Program:
    """In the process that is to run a Python file, that `Program`."""
    pairs = [_pipe(os.pipe()) for _ in range(6 if job["channel"] else 4)]
    problem, stdin, stdout, stderr, *channel = pairs
    theirs = {0: stdin[0], 1: stdout[1], 2: stderr[1]}
    if channel:
        theirs |= {3: channel[0][0], 4: channel[1][1]}
    if mode == "namespaces":
        _own_proc()
    process = os.fork()
    if process == 0:
        return _become(job, mode, scratch, code, theirs, problem[1])
    if mode != "unsafe":
        kernel.no_capabilities()
    for descriptor in (*theirs.values(), problem[1]):
        os.close(descriptor)
    outputs = {stdout[0]: frames.STDOUT, stderr[0]: frames.STDERR}
    if channel:
        outputs[channel[1][0]] = frames.CHANNEL
    for descriptor in (problem[0], stdin[1], *outputs, *[pair[1] for pair in channel[:1]]):
        os.set_blocking(descriptor, False)
    return Started(
        process, _watch(process), problem[0], outputs, stdin[1], channel[0][1] if channel else None
    )


def _watch(process: int) -> int | None:
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):  # not Linux, or before 5.3
        return None


def _become(
    job: dict[str, Any], mode: str, scratch: str, code: bytes, streams: dict[int, int], problem: int
) -> Program:
    """Give up all that the program is not to have, then be it."""
    try:
        if mode != "unsafe":
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # its own /proc/self is its own
        _ending_first()
        if mode == "namespaces":
            kernel.mount("none", "/proc", "", kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | _PROC)
        if mode != "unsafe":
            kernel.no_capabilities()
        prepare(job, streams, problem, mode, scratch, code)
    except BaseException as error:
        os.write(problem, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    os.close(problem)
    if words := warm(job["command"]):
        return Program(words)
    execute(job["command"])
    raise AssertionError("it does not return")


def _own_proc() -> None:
    try:
        kernel.mount("proc", "/proc", "proc", _PROC, "subset=pid")
    except OSError as error:
        if error.errno != 22:
            raise
        kernel.mount("proc", "/proc", "proc", _PROC)  # before Linux 5.8


def _ending_first() -> None:
    """Where memory is short, the kernel is to end the program before any other process."""
    try:
        file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(file, b"1000")
        os.close(file)
    except OSError:
        pass  # not Linux
