"""One job: its namespaces and scratch folder, and seeing it from its start to its end.

The supervisor is forked for the job before it is read, and ends with it.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import struct
import tempfile
from typing import Any

from rewardkit.sandbox.inside import frames, kernel
from rewardkit.sandbox.inside.frames import Frames, frame
from rewardkit.sandbox.inside.memory import Meter
from rewardkit.sandbox.inside.program import WRITABLE, Program
from rewardkit.sandbox.inside.relay import Line, Relay
from rewardkit.sandbox.inside.start import start

#: exit codes of a supervisor: ready for another, its host has gone, something is not as it should be
DONE, GONE, BROKEN = 0, 10, 11

_ID = 1000  # the user and group that a program sees itself as
#: and what they are in the wall: in new namespaces they have no name at first
_USER, _GROUP = os.geteuid(), os.getegid()


def supervise(line: Line, mode: str, code: bytes, folder: str | None, first: bool) -> Program | int:
    """Prepare, take one job, see it to its end. Returns a supervisor's exit code; in the process that is to
    run a Python file, that `Program`. The first of a wall tells the host that it is ready."""
    for descriptor in line:
        os.set_blocking(descriptor, True)
    try:
        meter = _prepare(mode)
    except OSError as error:
        frames.write_all(line.writing, frame(frames.READY, f"{error.strerror or error}".encode()))
        return BROKEN
    if first:
        frames.write_all(line.writing, frame(frames.READY))
    incoming = Frames()
    if (payload := _await(line, incoming, frames.JOB)) is None:
        return GONE
    job, stdin, files = _unpack(payload)
    del payload
    scratch = tempfile.mkdtemp(dir=folder) if mode == "unsafe" else WRITABLE[0]
    try:
        relay = Relay(line, incoming, job["limits"], mode, meter)
        if mode == "namespaces":
            _own_folder(scratch, job["limits"]["scratch"], 16384)
            _own_folder(WRITABLE[1], job["limits"]["scratch"], 1024)
        _write(scratch, files)
        started = start(job, mode, scratch, code)
        if isinstance(started, Program):
            return started
        del files
        end = relay.run(started, stdin)
    except OSError as error:
        end = {"status": None, "error": f"{error.strerror or error}"}
    if mode == "unsafe":
        _remove(scratch)
    os.set_blocking(line.reading, True)
    os.set_blocking(line.writing, True)
    if relay.abandoned:
        return GONE
    try:
        frames.write_all(line.writing, relay.unsent + frame(frames.END, json.dumps(end).encode()))
    except OSError:
        return GONE
    return DONE if _await(line, incoming, frames.NEXT) is not None else GONE


def _prepare(mode: str) -> Meter:
    """All that can be made ready before the job is known."""
    meter = Meter(group=mode != "unsafe")
    if mode == "namespaces":
        _settle()
    elif kernel.LINUX:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    if mode != "unsafe":
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    return meter


def _await(line: Line, incoming: Frames, wanted: bytes) -> bytes | None:
    """The payload of the next frame of a kind; others are dropped. `None` where the host has gone. No byte
    past the frame is read: it is another supervisor's."""
    while True:
        while found := incoming.next():
            if found[0] == wanted:
                return found[1]
        try:
            more = os.read(line.reading, min(incoming.missing, 1 << 20))
        except OSError:
            return None
        if not more:
            return None
        incoming.feed(more)


def _unpack(payload: bytes) -> tuple[dict[str, Any], bytes, list[tuple[str, bytes]]]:
    length = struct.unpack_from(">I", payload)[0]
    job = json.loads(payload[4 : 4 + length])
    at = 4 + length + job["stdin"]
    stdin, files = payload[4 + length : at], []
    for name, size in job["files"]:
        files.append((name, payload[at : at + size]))
        at += size
    return job, stdin, files


def _settle() -> None:
    """Make new namespaces a job's: one user, nothing to write on, no other process to be seen."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_ID} {_USER} 1"),
        ("gid_map", f"{_ID} {_GROUP} 1"),
    ):
        _put(f"/proc/self/{name}", text.encode(), os.O_WRONLY)
    kernel.LIBC.sethostname(b"sandbox", 7)
    kernel.everything_read_only()
    if os.path.isdir("/sys"):
        kernel.mount("none", "/sys", "tmpfs", kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV, "size=0")
    kernel.no_bounding_set()


def _own_folder(path: str, size: int, files: int) -> None:
    if os.path.isdir(path):
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("none", path, "tmpfs", flags, f"size={size},nr_inodes={files},mode=755")


def _write(scratch: str, files: list[tuple[str, bytes]]) -> None:
    for name, data in files:
        path = os.path.join(scratch, name)
        if "/" in name:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        _put(path, data, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def _put(path: str, data: bytes, flags: int) -> None:
    file = os.open(path, flags, 0o644)
    try:
        frames.write_all(file, data)
    finally:
        os.close(file)


def _remove(folder: str) -> None:
    """A folder, whatever rights a program gave to what is in it."""
    for path, names, _ in os.walk(folder):
        for name in names:
            inner = os.path.join(path, name)
            if not os.path.islink(inner):
                os.chmod(inner, stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
