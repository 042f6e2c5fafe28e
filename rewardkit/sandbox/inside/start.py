"""Starting a job's processes: the first one of its namespaces, which holds it, and the program."""

from __future__ import annotations

import fcntl
import os
import signal
from typing import Any, NamedTuple

from rewardkit.sandbox.inside import frames, kernel
from rewardkit.sandbox.inside.program import Program, execute, prepare, warm


class Started(NamedTuple):
    """The process that holds the job, and our ends of its streams."""

    process: int
    status: int
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
    pairs = [_pipe(os.pipe()) for _ in range(6 if job["channel"] else 4)]
    status, stdin, stdout, stderr, *channel = pairs
    theirs = {0: stdin[0], 1: stdout[1], 2: stderr[1]}
    if channel:
        theirs |= {3: channel[0][0], 4: channel[1][1]}
    process = os.fork()
    if process == 0:
        return _hold(job, mode, scratch, code, theirs, status[1])
    for descriptor in (*theirs.values(), status[1]):
        os.close(descriptor)
    outputs = {stdout[0]: frames.STDOUT, stderr[0]: frames.STDERR}
    if channel:
        outputs[channel[1][0]] = frames.CHANNEL
    for descriptor in (status[0], stdin[1], *outputs, *[pair[1] for pair in channel[:1]]):
        os.set_blocking(descriptor, False)
    return Started(process, status[0], outputs, stdin[1], channel[0][1] if channel else None)


def _hold(
    job: dict[str, Any], mode: str, scratch: str, code: bytes, streams: dict[int, int], status: int
) -> Program:
    """The first process of a job's namespace: starts the program, collects the dead, tells how it ended."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if mode != "unsafe":
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if mode == "namespaces":
            _own_proc()
        else:
            _ending_first()
        if mode != "unsafe":
            kernel.no_capabilities()
        program = os.fork()
        if program == 0:
            prepare(job, streams, mode, scratch, code)
    except BaseException as error:
        os.write(status, f"{type(error).__name__}: {error}".encode())
        os._exit(1)
    if program == 0:
        if words := warm(job["command"]):
            return Program(words)
        execute(job["command"])
    kernel.close_all_but({status})
    while True:
        dead, result = os.wait()
        if dead == program:
            os.write(status, b"=%d" % result)
            os._exit(0)


def _own_proc() -> None:
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    try:
        kernel.mount("proc", "/proc", "proc", flags, "subset=pid")
    except OSError as error:
        if error.errno != 22:
            raise
        kernel.mount("proc", "/proc", "proc", flags)  # before Linux 5.8
    _ending_first()
    kernel.mount("none", "/proc", "", kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | flags)


def _ending_first() -> None:
    """Where memory is short, the kernel is to end this process before any other."""
    try:
        file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(file, b"1000")
        os.close(file)
    except OSError:
        pass  # not Linux
