"""What goes over the line between the host and a wall: a kind, a length, as many bytes."""

from __future__ import annotations

import os
import struct

#: host to wall: a job; bytes of the channel, and its end; end the job; the job's end was seen
JOB, MESSAGE, CLOSE, KILL, NEXT = b"J", b"M", b"Z", b"K", b"N"
#: wall to host: it waits for work; what the program writes (of the channel, nothing: it closed it); it reads
#: no more messages; how it ended
READY, STDOUT, STDERR, CHANNEL, UNREAD, END = b"R", b"O", b"E", b"C", b"U", b"X"

HEADER = struct.Struct(">cI")


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    return HEADER.pack(kind, len(payload)) + payload


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, more: bytes) -> None:
        self._bytes += more

    @property
    def missing(self) -> int:
        """Bytes without which the next frame is not whole."""
        if len(self._bytes) < HEADER.size:
            return HEADER.size - len(self._bytes)
        return max(0, HEADER.size + int(HEADER.unpack_from(self._bytes)[1]) - len(self._bytes))

    def next(self) -> tuple[bytes, bytes] | None:
        """The next frame's kind and payload, once all of it is there."""
        if len(self._bytes) < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self._bytes)
        end = HEADER.size + length
        if len(self._bytes) < end:
            return None
        payload = bytes(self._bytes[HEADER.size : end])
        del self._bytes[:end]
        return kind, payload


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
