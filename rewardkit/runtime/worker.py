"""A worker process: `python -m rewardkit.runtime.worker FD PARENT MEMORY`, started by `pool`.

It answers on the socket it inherits, one message at a time:

- `("load", path)` imports `module:function` (and calls the module's `warm()`, if it has one); the reply is
  `null`, or what went wrong. Imports are therefore done before any deadline runs.
- `("run", path, tasks, constants)` is acknowledged with the seconds of processor time that the process has
  used, and then answered task by task with `[value, error, seconds, last, used]`; `last` says that the
  process ends after this reply.

Requests are pickles, since they come from our own process. Replies are JSON: whatever hostile text
does to a worker, its replies stay data.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import pickle
import resource
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

_HEADER = struct.Struct("!I")
_PR_SET_PDEATHSIG = 1

OUT_OF_MEMORY = "out of memory"


class Channel:
    """Length-prefixed messages over a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._buffer = bytearray()

    def send(self, message: bytes, timeout: float | None = None) -> None:
        self.connection.settimeout(timeout)
        self.connection.sendall(_HEADER.pack(len(message)) + message)

    def receive(self, timeout: float | None = None) -> bytes:
        """The next message. `TimeoutError` after `timeout` seconds, `EOFError` if the other end is gone."""
        limit = None if timeout is None else time.monotonic() + timeout
        header = self._take(_HEADER.size, limit)
        return self._take(_HEADER.unpack(header)[0], limit)

    def close(self) -> None:
        self.connection.close()

    def _take(self, size: int, limit: float | None) -> bytes:
        while len(self._buffer) < size:
            # what has arrived is read even when time is up
            self.connection.settimeout(None if limit is None else max(limit - time.monotonic(), 1e-6))
            part = self.connection.recv(1 << 16)
            if not part:
                raise EOFError
            self._buffer += part
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


#: tasks after which a worker retires: what libraries keep of each adds up
_ENOUGH = 50_000


def main(fd: int, parent: int, memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to handle
    _die_with(parent)
    channel = Channel(socket.socket(fileno=fd))
    functions: dict[str, Callable[..., Any]] = {}
    done = 0
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            request = pickle.loads(channel.receive())
            if request[0] == "load":
                _reply(channel, _load(request[1], functions))
                ceiling = _limit_memory(memory)
            else:
                done += len(request[2])
                _run(channel, functions[request[1]], ceiling if done < _ENOUGH else 0, *request[2:])


def _run(
    channel: Channel,
    function: Callable[..., Any],
    ceiling: int,
    tasks: list[tuple[Any, ...]],
    constants: dict[str, Any],
) -> None:
    _reply(channel, time.process_time())
    for position, task in enumerate(tasks, 1):
        start = time.perf_counter()
        value, error, last = None, None, False
        try:
            value = function(*task, **constants)
            json.dumps(value)
        except MemoryError:
            # what is left of the process may be in any state, so it ends
            value, error, last = None, OUT_OF_MEMORY, True
        except BaseException as raised:  # a task that calls sys.exit fails like any other
            value, error = None, _describe(raised)
        if position == len(tasks):
            # caches that grew over many tasks must not cost a later one its memory
            last = last or _address_space() > ceiling
        _reply(channel, [value, error, time.perf_counter() - start, last, time.process_time()])
        if last:
            os._exit(0)


def _reply(channel: Channel, value: Any) -> None:
    channel.send(json.dumps(value).encode())


def _load(path: str, functions: dict[str, Callable[..., Any]]) -> str | None:
    name, _, attribute = path.partition(":")
    try:
        module = importlib.import_module(name)
        functions[path] = getattr(module, attribute)
        getattr(module, "warm", lambda: None)()
    except BaseException as raised:
        return _describe(raised)
    return None


def _describe(raised: BaseException) -> str:
    text = " ".join(str(raised).split())[:200]
    return f"{type(raised).__name__}: {text}" if text else type(raised).__name__


def _die_with(parent: int) -> None:
    """Ends this process when its parent does, even while it is stuck in C code that holds the GIL.

    Linux sends the signal when the *thread* that started the process ends; the pool starts a worker
    from the thread that serves it until the end, so that is as it should be. Elsewhere a thread looks.
    """
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except AttributeError:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before the request was made
        os._exit(0)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def _limit_memory(allowance: int) -> int:
    """Allows `allowance` bytes on top of what the imports took; returns where to retire: halfway."""
    used = _address_space()
    with contextlib.suppress(ValueError, OSError):  # some systems do not limit it
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = used + allowance
        resource.setrlimit(
            resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard)
        )
    return used + allowance // 2


def _address_space() -> int:
    """Bytes of address space in use (0 where the system does not say)."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
