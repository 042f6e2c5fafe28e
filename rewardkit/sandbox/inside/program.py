"""The last steps before a program runs, and running it: in the process that becomes the program."""

from __future__ import annotations

import atexit
import gc
import math
import os
import resource
import signal
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from rewardkit.sandbox.inside import kernel, landlock, seccomp

MIB = 1 << 20
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
#: where a program may write, and it is a job's own
WRITABLE = ("/tmp", "/dev/shm")


class Program(NamedTuple):
    """A Python file that is to run in this very interpreter, once its callers have returned."""

    words: list[str]


def warm(command: list[str]) -> list[str] | None:
    """The file and its arguments, where the command is `python3 [-I] FILE …`."""
    words = command[2:] if command[1:2] == ["-I"] else command[1:]
    return words if command[0] == "python3" and words and not words[0].startswith("-") else None


def prepare(
    job: dict[str, Any], streams: dict[int, int], kept: int, mode: str, scratch: str, code: bytes
) -> None:
    """Become a process that may do no more than a program of a job may. The descriptor `kept` stays open."""
    os.setsid()
    for number, descriptor in streams.items():
        os.dup2(descriptor, number)  # each is numbered above all of them
    if os.environ["HOME"] != scratch:
        os.environ["HOME"] = os.environ["TMPDIR"] = scratch
    if job["channel"]:
        os.environ["REWARDKIT_IN"], os.environ["REWARDKIT_OUT"] = "3", "4"
    os.chdir(scratch)
    kernel.close_all_but({*streams, kept})
    python = warm(job["command"]) is not None
    signal.signal(signal.SIGINT, signal.default_int_handler if python else signal.SIG_DFL)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if not python:  # what Python ignores, other programs expect to die of
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    _limit(job["limits"], python, mode)
    if (
        mode == "unsafe" and kernel.LINUX
    ):  # no wall, but what it does to "every process" is not to end the machine
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        landlock.restrict_signals()
    elif mode != "unsafe":
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        landlock.restrict(WRITABLE, DEVICES)
        seccomp.install(code)


def _limit(limits: dict[str, Any], python: bool, mode: str) -> None:
    # other commands start with nothing, but threads' stacks count, of which Node.js has some
    data = limits["memory"] + (_private if python else 256 * MIB)
    wanted = {
        resource.RLIMIT_CPU: math.ceil(limits["seconds"] * (os.cpu_count() or 1)) + 1,
        resource.RLIMIT_FSIZE: limits["file"],
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_DATA: data,
    }
    if hasattr(resource, "RLIMIT_MEMLOCK"):
        wanted[resource.RLIMIT_MEMLOCK] = 1 << 16
    if python:  # others, such as Node.js, reserve addresses that they never use
        wanted[resource.RLIMIT_AS] = 2 * data + (1 << 30)
    if mode == "namespaces":  # elsewhere all of a user's processes count together
        wanted[resource.RLIMIT_NPROC] = limits["processes"] + 1  # and the one that watches it
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    if python:  # deep recursion in C code is then an error in Python before it is a crash
        _, hard = resource.getrlimit(resource.RLIMIT_STACK)
        most = 64 * MIB if hard == resource.RLIM_INFINITY else min(64 * MIB, hard)
        resource.setrlimit(resource.RLIMIT_STACK, (most, hard))


def remember_memory() -> None:
    """Note the private memory of this warm interpreter: a program's own comes on top."""
    global _private
    if kernel.LINUX:
        _private = int(read_file("/proc/self/statm").split()[5]) * resource.getpagesize()


_private = 64 * MIB


def read_file(path: str) -> bytes:
    """By system calls alone: a warm interpreter's every new object copies pages."""
    file = os.open(path, os.O_RDONLY)
    try:
        data = b""
        while more := os.read(file, 1 << 20):
            data += more
        return data
    finally:
        os.close(file)


def execute(command: list[str]) -> None:
    """Turn into another program; does not return."""
    try:
        os.execvpe(command[0], command, os.environ)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(126 if isinstance(error, PermissionError) else 127)


def run_file(words: list[str], module: ModuleType) -> int:
    """Run a Python file as `python3 -I FILE …` does, and give back its exit code."""
    sys.argv[:] = words
    try:
        source = read_file(words[0])
    except OSError as error:
        sys.stderr.write(f"python3: can't open file '{words[0]}': [Errno {error.errno}] {error.strerror}\n")
        return 2
    gc.enable()
    sys.modules["__main__"] = module
    module.__dict__["__file__"] = words[0]
    code = _ended_by(_execute, source, words[0], module)
    if "threading" in sys.modules:  # threads that the program left are waited for
        _ended_by(sys.modules["threading"]._shutdown)
    _ended_by(atexit._run_exitfuncs)
    failed = _flush()
    module.__dict__.clear()  # closes, and so writes out, the files that it left open
    if code is None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return code or failed


def _execute(source: bytes, path: str, module: ModuleType) -> None:
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)


def _ended_by(function: Callable[..., Any], *arguments: Any) -> int | None:
    """The exit code that a call's end stands for; `None` where it was interrupted."""
    try:
        function(*arguments)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        trace = error.__traceback__
        while trace and trace.tb_frame.f_globals is globals():  # our own lines
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return None if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _flush() -> int:
    """What the program printed goes out; the exit code where it cannot, or 0."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except BaseException:
        return 120
    return 0
