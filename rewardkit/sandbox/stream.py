"""The host's end of the line to a wall: bytes there and back, with a deadline."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time


class Stream:
    """A connected socket. `send` and `receive` may be called from two threads at once."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        connection.setblocking(False)

    def send(self, data: bytes, timeout: float) -> None:
        """Send all of it.

        Raises:
            TimeoutError: the wall does not take it within `timeout` seconds.
            EOFError: the wall is gone.
        """
        view, limit = memoryview(data), time.monotonic() + timeout
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, limit - time.monotonic())
            except (OSError, ValueError):
                raise EOFError from None

    def receive(self, timeout: float) -> bytes:
        """What has come, once there is any; raises as `send` does."""
        limit = time.monotonic() + timeout
        while True:
            try:
                data = self._socket.recv(1 << 18)
            except BlockingIOError:
                self._wait(select.POLLIN, limit - time.monotonic())
                continue
            except (OSError, ValueError):
                raise EOFError from None
            if not data:
                raise EOFError
            if found := self._unwrap(data):
                return found

    def ended(self) -> bool:
        """Whether the wall is gone. Asked of one that waits for work, which has nothing to say."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """A thread that waits on the stream finds its end."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def drop(self) -> None:
        """Close this process's copy, which a fork made: the stream goes on for the parent."""
        self._socket.close()

    def _wait(self, event: int, timeout: float) -> None:
        if self._socket.fileno() < 0:
            raise EOFError
        poll = select.poll()
        poll.register(self._socket, event)
        # the system may hand Ctrl-C to any thread; only by waking does this one come to raise it
        if timeout <= 0 or not (poll.poll(min(timeout, 0.1) * 1000) or timeout > 0.1):
            raise TimeoutError

    def _unwrap(self, data: bytes) -> bytes:
        return data


class AttachedStream(Stream):
    """The standard streams of a container, as Docker sends them: pieces with a header each."""

    _HEADER = struct.Struct(">BxxxI")

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self._bytes = bytearray()
        self.errors = b""  # the last that came as standard error

    def _unwrap(self, data: bytes) -> bytes:
        self._bytes += data
        found = bytearray()
        while len(self._bytes) >= self._HEADER.size:
            kind, length = self._HEADER.unpack_from(self._bytes)
            end = self._HEADER.size + length
            if len(self._bytes) < end:
                break
            piece = self._bytes[self._HEADER.size : end]
            if kind == 1:
                found += piece
            else:
                self.errors = (self.errors + bytes(piece))[-4096:]
            del self._bytes[:end]
        return bytes(found)
