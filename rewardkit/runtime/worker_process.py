"""A worker process, as the pool sees it: `worker` is what runs in it."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.worker import Channel

#: seconds for a process to start and import what it runs; generous, as a busy node may be slow
_START = 300.0


class WorkerProcess:
    """A worker process, seen from the thread that it belongs to; only `kill` may come from another."""

    def __init__(self, memory_bytes: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            numbers = (theirs.fileno(), os.getpid(), memory_bytes)
            self.process = subprocess.Popen(
                # -P: a file in the working directory must not stand in for a module
                [sys.executable, "-P", "-m", "rewardkit.runtime.worker", *map(str, numbers)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # away from the terminal's Ctrl-C, and killed with what it started
                env=_environment(),
            )
        self.channel = Channel(ours)
        self.job: object | None = None  # what it works at, so that this can be given up
        self.spent = False  # ended, or about to
        self.computed = 0.0  # seconds of processor time, when it last answered
        self._loaded: set[str] = set()
        self._used = False
        self._lock = threading.Lock()

    def load(self, path: str) -> None:
        """Imports a function; its time is nobody's deadline. `EOFError` if the process dies of it."""
        if path in self._loaded:
            return
        try:
            self.channel.send(pickle.dumps(("load", path)), _START)
            error = json.loads(self.channel.receive(_START))
        except TimeoutError:
            self.spent = True
            raise RewardError(
                f"a worker process did not load `{path}` within {_START:g} s; use fewer workers "
                "or a machine that is less busy"
            ) from None
        except OSError:
            raise EOFError from None
        if error:
            self.spent = True
            raise RewardError(f"cannot load `{path}`: {error}; install what is missing where workers run")
        self._loaded.add(path)

    def accepts(self, request: bytes, deadline: float) -> bool:
        """Whether the worker takes a request. One that died or was stopped while idle does not, which is no
        task's fault; one that fails at its first request does so because of it (`OSError`, `EOFError`).
        """
        try:
            self.channel.send(request, deadline)
            self.computed = json.loads(self.channel.receive(deadline))
        except (OSError, EOFError):
            self.spent = True
            if not self._used:
                raise
            return False
        self._used = True
        return True

    def computing(self) -> float:
        """Seconds of processor time since it last answered; 0 where the system does not say."""
        try:
            with open(f"/proc/{self.process.pid}/stat", "rb") as stat:
                user, system = stat.read().rpartition(b")")[2].split()[11:13]
            return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") - self.computed
        except (OSError, ValueError):
            return 0.0

    def usable(self) -> bool:
        """Whether it waits for work; one that took too long, or was killed while idle, does not."""
        with self._lock:
            return not self.spent and self.process.poll() is None

    def kill(self) -> None:
        with self._lock:
            self._kill()

    def end(self) -> str:
        """Kills the process, if it still runs, and says how it ended."""
        self.spent = True
        with self._lock:
            self._kill()
            code = self.process.wait()
        self.channel.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def disown(self) -> None:
        """In a forked child: the process is the parent's, not to be killed, waited for or spoken to."""
        self.channel.close()
        self.process.returncode = 0

    def _kill(self) -> None:
        if self.process.returncode is None:  # not yet waited for, so the number is still its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _environment() -> dict[str, str]:
    """What a worker runs under: our import path, the same hashes everywhere, one thread per library."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    return {
        **os.environ,
        **dict.fromkeys(threads, "1"),
        "PYTHONPATH": os.pathsep.join(entry or os.getcwd() for entry in sys.path),
        "PYTHONHASHSEED": "0",  # sympy's order of terms, and so its verdict at the margin, may depend on it
        "PYTHONWARNINGS": "ignore",
    }
