"""One job that runs behind a wall, as the host sees it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import threading
import time
from collections.abc import Callable

from rewardkit.sandbox.contract import Ended, Job, SandboxError
from rewardkit.sandbox.inside import frames
from rewardkit.sandbox.inside.frames import Frames, frame
from rewardkit.sandbox.wall import Wall, explain

#: seconds past a job's own deadline, or past a request to end, after which its wall is ended
_GRACE = 2.0
_LENGTH = struct.Struct(">I")


def encode(job: Job) -> bytes:
    """The frame that starts a job."""
    limits = {name: getattr(job.limits, name) for name in job.limits.__dataclass_fields__}
    header = json.dumps(
        {
            "command": job.command,
            "files": [(name, len(data)) for name, data in job.files.items()],
            "stdin": len(job.stdin),
            "channel": job.channel,
            "limits": limits,
        }
    ).encode()
    return frame(frames.JOB, b"".join((_LENGTH.pack(len(header)), header, job.stdin, *job.files.values())))


class RunningJob:
    """Its end gives the wall back: `on_end(wall, healthy)`."""

    def __init__(self, wall: Wall, job: Job, on_end: Callable[[Wall, bool], None]) -> None:
        self._wall, self._job, self._on_end = wall, job, on_end
        self._reading, self._sending = threading.RLock(), threading.Lock()
        self._incoming, self._answers = Frames(), bytearray()
        self._written = {frames.STDOUT: bytearray(), frames.STDERR: bytearray()}
        self._closed = self._unread = False  # what the program did with its ends of the channel
        self._ended: Ended | None = None
        self._failure: SandboxError | None = None
        self._begun = time.monotonic()
        self._limit = self._begun + job.limits.seconds + _GRACE
        self._send(encode(job))

    def request(self, message: bytes, timeout: float) -> bytes:
        limit = time.monotonic() + timeout
        self.send(message)
        return self.receive(limit - time.monotonic())

    def send(self, message: bytes) -> None:
        if self._unread or self._ended or self._failure:
            raise EOFError("the program reads no more")
        self._send(frame(frames.MESSAGE, _LENGTH.pack(len(message)) + message))

    def receive(self, timeout: float) -> bytes:
        limit = time.monotonic() + timeout
        with self._reading:
            while True:
                if (answer := self._answer()) is not None:
                    return answer
                if self._closed or self._ended or self._failure:
                    raise EOFError("the program closed its channel, or ended")
                if not self._read(limit - time.monotonic()):
                    raise TimeoutError(f"no answer within {timeout:g} s")

    def wait(self) -> Ended:
        with self._reading:
            if not self._ended and not self._failure:
                self._send(frame(frames.CLOSE))
            while not self._ended and not self._failure:
                self._answers.clear()
                self._read(_GRACE)
            return self._result()

    def kill(self) -> Ended:
        self._send(frame(frames.KILL))
        if self._reading.acquire(timeout=_GRACE):
            self._limit = min(self._limit, time.monotonic() + _GRACE)
            self._reading.release()
        else:
            self._wall.end()  # another thread waits for an answer, and the wall does not end the job
        return self.wait()

    def _result(self) -> Ended:
        if self._failure:
            raise self._failure
        assert self._ended is not None
        return self._ended

    def _answer(self) -> bytes | None:
        """The next whole message of the program's."""
        if len(self._answers) < _LENGTH.size:
            return None
        length = _LENGTH.unpack_from(self._answers)[0]
        if length > self._job.limits.output:
            raise ValueError(f"an answer of {length} bytes; at most {self._job.limits.output} are read")
        end = _LENGTH.size + length
        if len(self._answers) < end:
            return None
        answer = bytes(self._answers[_LENGTH.size : end])
        del self._answers[:end]
        return answer

    def _send(self, data: bytes) -> None:
        with self._sending:
            if self._ended or self._failure:
                return
            with contextlib.suppress(TimeoutError, EOFError):  # reading finds out what became of it
                self._wall.stream.send(data, max(_GRACE, self._limit - time.monotonic()))

    def _read(self, timeout: float) -> bool:
        """Take in what comes next; whether anything did within `timeout` seconds."""
        now = time.monotonic()
        if now >= self._limit:
            self._overdue()
            return True
        try:
            self._incoming.feed(self._wall.stream.receive(max(0.0, min(timeout, self._limit - now))))
        except TimeoutError:
            return False
        except EOFError:
            self._lost()
            return True
        while not self._ended and (found := self._incoming.next()):
            self._take(*found)
        return True

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind in self._written:
            self._written[kind] += payload
        elif kind == frames.CHANNEL:
            self._answers += payload
            self._closed = self._closed or not payload
        elif kind == frames.UNREAD:
            self._unread = True
        elif kind == frames.END:
            self._finish(json.loads(payload))

    def _finish(self, end: dict[str, object]) -> None:
        if error := end.get("error"):
            self._close(None, failure=SandboxError(explain(str(error))))
            return
        status = end["status"]
        code = os.waitstatus_to_exitcode(status) if isinstance(status, int) else -int(signal.SIGKILL)
        cut = bool(end.get("timed_out") or end.get("flooded"))
        # a Python that ran out of its memory says so in its last line; that it may lie harms itself alone
        short = code == 1 and bytes(self._written[frames.STDERR]).rstrip().endswith(b"MemoryError")
        ended = Ended(
            code=code if code >= 0 and not cut else None,
            signal=-code if code < 0 else None,
            timed_out=bool(end.get("timed_out")),
            out_of_memory=bool(end.get("out_of_memory")) or short,
            flooded=bool(end.get("flooded")),
            stdout=bytes(self._written[frames.STDOUT]),
            stderr=bytes(self._written[frames.STDERR]),
            seconds=float(str(end["seconds"])),
        )
        self._close(ended, healthy=True)

    def _overdue(self) -> None:
        """The wall did not end the job in time: it goes, with the job."""
        self._gone(timed_out=True)

    def _lost(self) -> None:
        """The wall ended under the job: by the job's doing, unless the engine says otherwise."""
        why, _, advice = self._wall.why().partition(":")
        if why == "engine":
            self._close(None, failure=SandboxError(advice.strip()))
        else:
            self._gone(out_of_memory=why == "memory")

    def _gone(self, timed_out: bool = False, out_of_memory: bool = False) -> None:
        written = {kind: bytes(data) for kind, data in self._written.items()}
        self._close(
            Ended(
                code=None,
                signal=int(signal.SIGKILL),
                timed_out=timed_out,
                out_of_memory=out_of_memory,
                stdout=written[frames.STDOUT],
                stderr=written[frames.STDERR],
                seconds=time.monotonic() - self._begun,
            )
        )

    def _close(self, ended: Ended | None, healthy: bool = False, failure: SandboxError | None = None) -> None:
        with self._sending:
            if healthy:
                try:
                    self._wall.stream.send(frame(frames.NEXT), _GRACE)
                except (TimeoutError, EOFError):
                    healthy = False
            self._ended, self._failure = ended, failure
        self._on_end(self._wall, healthy)
