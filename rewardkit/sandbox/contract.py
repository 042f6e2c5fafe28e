"""What every engine keeps: a job runs behind a wall, starts clean, and ends within its limits.

A job sees a read-only system, its own files in an empty scratch folder (its working directory), and
nothing of other jobs, of the host, or of a network. What the program does (crash, take too long, write
too much) is told in `Ended`; only an engine that cannot do its part raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rewardkit.diagnostics import RewardError

MIB = 1 << 20


class SandboxError(RewardError):
    """The engine failed, not the program; the message says what to do."""


@dataclass(frozen=True)
class Limits:
    """What one job may use. Memory and scratch are of the whole job, whatever it starts."""

    seconds: float = 10.0  # wall time, from when the program starts
    memory: int = 512 * MIB  # bytes of all its processes together
    output: int = 1 * MIB  # bytes of standard output, and again of standard error and of each answer
    scratch: int = 64 * MIB  # bytes in the scratch folder
    file: int = 16 * MIB  # bytes of one file
    processes: int = 32


@dataclass(frozen=True)
class Job:
    """A program to run: `command` (looked up inside) in a scratch folder that holds `files`.

    A command that begins with `python3` and names a file runs in a warm interpreter, as `python3 -I FILE`
    would: `__main__`, `sys.argv` and exit codes are as there.

    With `channel`, the program talks with its caller in messages: it reads them from the descriptor that
    the environment variable `REWARDKIT_IN` names and writes them to that of `REWARDKIT_OUT`, each message a
    length (4 bytes, big-endian) and as many bytes. Whatever runs in the job can write there: what comes out
    of a channel is a claim of the program's, never a verdict.
    """

    command: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)
    stdin: bytes = b""
    channel: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True)
class Ended:
    """How a job ended. `code` is its exit code, or `None` where a signal, or a limit, ended it."""

    code: int | None
    signal: int | None = None
    timed_out: bool = False
    out_of_memory: bool = False
    flooded: bool = False  # more output than it may write
    stdout: bytes = b""
    stderr: bytes = b""
    seconds: float = 0.0  # wall time of the program

    @property
    def ok(self) -> bool:
        """Whether it came to its own end with exit code 0."""
        return self.code == 0


class Process(Protocol):
    """A job that runs. Used from one thread, but for `kill`."""

    def request(self, message: bytes, timeout: float) -> bytes:
        """Send a message over the channel and wait for the answer.

        Raises:
            TimeoutError: no answer within `timeout` seconds.
            EOFError: the program closed the channel, or ended.
            ValueError: the answer is longer than `limits.output`.
        """
        ...

    def send(self, message: bytes) -> None:
        """Send a message without waiting. Raises `EOFError` where the program no longer reads."""
        ...

    def receive(self, timeout: float) -> bytes:
        """The next message of the program's; raises as `request` does."""
        ...

    def wait(self) -> Ended:
        """Close the channel and wait for the end, within the job's limits."""
        ...

    def kill(self) -> Ended:
        """End it now, with everything it started. Safe to call twice, and from another thread."""
        ...


class Sandbox(Protocol):
    """An engine. Its methods may be called from several threads at once."""

    #: jobs that run at once
    slots: int

    def start(self, jobs: Sequence[Job]) -> list[Process]:
        """Start jobs that are to run side by side, once a slot is free for each: at most `slots` of them.

        Each must be ended, by `wait` or `kill`, for its slot to come free.

        Raises:
            SandboxError: the engine is not there, or broke.
        """
        ...

    def run(self, job: Job) -> Ended:
        """Start one job and wait for its end."""
        ...

    def close(self) -> None:
        """End every job and leave no process, container or file behind."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
