"""Carrying bytes between the host and a job until it has ended, and ending it at its limits."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Any, NamedTuple

from rewardkit.sandbox.inside import frames
from rewardkit.sandbox.inside.frames import Frames, frame
from rewardkit.sandbox.inside.memory import Meter, family, stored
from rewardkit.sandbox.inside.program import WRITABLE
from rewardkit.sandbox.inside.start import Started

_TICK = 0.01  # seconds until the first look at memory; looks then become rarer
_RAREST = 0.04
_CHUNK = 1 << 16
_FULL = 1 << 20  # bytes waiting for the host, above which the program has to wait
_ENDING = 5.0  # seconds for every process of a job to be gone


class Line(NamedTuple):
    """The wall's end of the stream to the host."""

    reading: int
    writing: int


class Relay:
    """One job's bytes and limits. It never blocks on the program, nor on the host."""

    def __init__(self, line: Line, incoming: Frames, limits: dict[str, Any], mode: str, meter: Meter) -> None:
        self._line, self._incoming, self._limits = line, incoming, limits
        self._mode, self._meter = mode, meter
        self._out = bytearray()  # frames for the host
        self._room = {frames.STDOUT: limits["output"], frames.STDERR: limits["output"]}
        self._status: int | None = None  # how the program ended, as `os.wait` tells it
        self._seen: dict[str, bool] = {}

    def run(self, job: Started, stdin: bytes) -> dict[str, Any]:
        """Until every process of the job is gone. Returns how it ended, for the host."""
        self._job = job
        self._outputs = dict(job.outputs)
        self._waiting = {job.stdin: bytearray(stdin)}  # descriptor -> what the program has not yet read
        self._closing = {job.stdin}  # to be closed once all of it is written
        if job.channel is not None:
            self._waiting[job.channel] = bytearray()
        for descriptor in self._line:
            os.set_blocking(descriptor, False)
        begun = time.monotonic()
        deadline, tick = begun + self._limits["seconds"], _TICK
        look = begun + tick
        self._obey()
        self._close_written()
        while self._status is None:
            now = time.monotonic()
            if now >= deadline and not self._seen:
                self._end("timed_out")
            if now >= look:
                self._look()
                tick = min(1.2 * tick, _RAREST)
                look = now + tick
            self._turn(max(0.0, min(look, deadline if deadline > now else look) - now))
        seconds = time.monotonic() - begun
        self._collect()
        for descriptor in list(self._outputs):
            while descriptor in self._outputs and self._drain(descriptor):
                pass
        if self._meter.was_exceeded():
            self._seen["out_of_memory"] = True
        return {**self._ended(), **self._seen, "seconds": seconds}

    @property
    def unsent(self) -> bytes:
        """Frames that the host is still to get."""
        return bytes(self._out)

    @property
    def abandoned(self) -> bool:
        return "gone" in self._seen

    def _ended(self) -> dict[str, Any]:
        try:
            problem = os.read(self._job.problem, _CHUNK)
        except BlockingIOError:  # something of the job's holds its other end; it is about to be gone
            problem = b""
        return {"status": self._status, "error": problem.decode("utf-8", "replace") or None}

    def _turn(self, timeout: float) -> None:
        """Wait for whatever comes first, and carry it."""
        reading = [] if self._job.ended is None else [self._job.ended]
        if not self.abandoned:
            reading.append(self._line.reading)
        if len(self._out) < _FULL:
            reading += self._outputs
        writing = [descriptor for descriptor, data in self._waiting.items() if data]
        if self._out:
            writing.append(self._line.writing)
        ready, free, _ = select.select(reading, writing, [], timeout)
        for descriptor in ready:
            if descriptor == self._job.ended:
                self._reap()
            elif descriptor == self._line.reading:
                self._read_host()
            elif descriptor in self._outputs:
                self._drain(descriptor)
        for descriptor in free:
            if descriptor == self._line.writing:
                self._tell_host()
            elif descriptor in self._waiting:
                self._feed(descriptor)

    def _reap(self) -> None:
        """Collect what has ended: the program, or what it left behind, which is this process's child then."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._job.process:
                    self._status = ended[1]
        except ChildProcessError:
            pass

    def _read_host(self) -> None:
        try:
            more = os.read(self._line.reading, 1 << 20)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self._out.clear()
            self._end("gone")
            return
        self._incoming.feed(more)
        self._obey()

    def _obey(self) -> None:
        while found := self._incoming.next():
            kind, payload = found
            if kind == frames.KILL:
                self._end("killed")
            elif self._job.channel in self._waiting:
                assert self._job.channel is not None
                if kind == frames.MESSAGE:
                    self._waiting[self._job.channel] += payload
                elif kind == frames.CLOSE:
                    self._closing.add(self._job.channel)
                    self._close_written()

    def _tell_host(self) -> None:
        try:
            del self._out[: os.write(self._line.writing, self._out[: 1 << 18])]
        except BlockingIOError:
            pass
        except OSError:
            self._out.clear()
            self._end("gone")

    def _feed(self, descriptor: int) -> None:
        data = self._waiting[descriptor]
        try:
            del data[: os.write(descriptor, data[:_CHUNK])]
        except BlockingIOError:
            return
        except OSError:  # it reads no more
            data.clear()
            self._closing.add(descriptor)
            if descriptor == self._job.channel:
                self._out += frame(frames.UNREAD)
        self._close_written()

    def _close_written(self) -> None:
        for descriptor in [d for d in self._closing if not self._waiting.get(d, b"")]:
            self._closing.discard(descriptor)
            self._waiting.pop(descriptor, None)
            os.close(descriptor)

    def _drain(self, descriptor: int) -> bool:
        """Take what the program wrote there; whether there may be more."""
        kind = self._outputs[descriptor]
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            del self._outputs[descriptor]
            os.close(descriptor)
            if kind == frames.CHANNEL:
                self._out += frame(kind)
            return False
        if kind in self._room:
            kept = data[: self._room[kind]]
            self._room[kind] -= len(kept)
            if len(kept) < len(data) and "flooded" not in self._seen:
                self._end("flooded")
            data = kept
        if data and not self.abandoned:
            self._out += frame(kind, data)
        return True

    def _look(self) -> None:
        """End the job where it takes more memory than it may, or more processes where no limit binds them."""
        self._reap()
        counted = self._meter.grouped and self._mode == "namespaces"
        processes = [] if counted else family(os.getpid())
        folders = () if self._mode == "unsafe" else WRITABLE
        if self._meter.used(processes, folders) > self._limits["memory"] or self._meter.was_exceeded():
            self._end("out_of_memory")
        elif self._mode == "container" and stored(WRITABLE) > self._limits["scratch"]:
            self._end("overfull")  # its folders were made before the job was known
        elif len(processes) > self._limits["processes"]:
            self._end("crowded")

    def _end(self, why: str) -> None:
        self._seen[why] = True
        self._kill_all()

    def _collect(self) -> None:
        """Every process of the job is gone once this returns: those whose parent has ended have become
        children of this process."""
        limit = time.monotonic() + _ENDING
        while time.monotonic() < limit:
            self._kill_all()
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.001)

    def _kill_all(self) -> None:
        """Every process of the job: all others, where this one is the first of a namespace."""
        first = self._mode != "unsafe" and os.getpid() == 1
        for process in [-1] if first else family(os.getpid()):
            with contextlib.suppress(OSError):  # ended just now
                os.kill(process, signal.SIGKILL)
