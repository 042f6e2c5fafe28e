"""What the wall promises, each tried on this machine by a program that attempts the contrary."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rewardkit.sandbox.contract import MIB, Ended, Job, Limits, Sandbox

_LIMITS = Limits(seconds=20, memory=128 * MIB, scratch=16 * MIB)


@dataclass(frozen=True)
class Promise:
    """`text` holds where `kept` says so of how the program ended."""

    text: str
    program: str
    kept: Callable[[Ended], bool]
    limits: Limits = _LIMITS


@dataclass(frozen=True)
class Finding:
    promise: str
    kept: bool
    ended: Ended  # by which it shows


def _says(expected: str) -> Callable[[Ended], bool]:
    return lambda ended: ended.stdout.decode("utf-8", "replace").strip() == expected


def _or_ended(kept: Callable[[Ended], bool]) -> Callable[[Ended], bool]:
    """A wall that is used once is made before the job is known: it ends one that goes beyond its limits."""
    return lambda ended: kept(ended) or ended.signal == signal.SIGKILL


_REFUSED = """
def refused(attempt):
    try:
        attempt()
    except OSError:
        return True
    return False
"""

PROMISES = (
    Promise(
        "a program has no network",
        _REFUSED
        + """
import socket
families = socket.AF_INET, socket.AF_INET6, 16, 17, 40
print(all(refused(lambda: socket.socket(family)) for family in families))
""",
        _says("True"),
    ),
    Promise(
        "the system is read-only",
        _REFUSED
        + """
folders = "/", "/usr", "/etc", "/var/tmp", "/run", "/dev"
print(all(refused(lambda: open(f"{folder}/left", "w")) for folder in folders))
""",
        _says("True"),
    ),
    Promise(
        "it sees no process but its own",
        """
import os
print(len([name for name in os.listdir("/proc") if name.isdigit()]))
""",
        _says("2"),
    ),
    Promise(
        "it has no capabilities, and can get none",
        """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
sets = "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"
print(all(int(status[name], 16) == 0 for name in sets), status["NoNewPrivs"].strip())
""",
        _says("True 1"),
    ),
    Promise(
        "it is under a filter of system calls",
        """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(status["Seccomp"].strip())
""",
        _says("2"),
    ),
    Promise(
        "it makes no namespace and mounts nothing",
        """
import ctypes
libc = ctypes.CDLL(None)
print(libc.unshare(0x10000000), libc.mount(b"none", b"/tmp", b"tmpfs", 0, None), libc.syscall(435, 0, 0))
""",
        _says("-1 -1 -1"),
    ),
    Promise(
        "it cannot reach the process that watches it",
        _REFUSED
        + """
names = "mem", "environ", "maps"
print(all(refused(lambda: open(f"/proc/1/{name}", "rb").read(1)) for name in names))
""",
        _says("True"),
    ),
    Promise(
        "its descriptors are its own",
        """
import os
print(len(os.listdir("/proc/self/fd")) - 1)
""",
        _says("3"),
    ),
    Promise(
        "its processes together stay within its memory",
        """
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(40 << 20)
        for i in range(0, len(held), 4096):
            held[i] = 1
        time.sleep(30)
time.sleep(30)
""",
        lambda ended: ended.out_of_memory,
    ),
    Promise(
        "its files stay within its scratch space",
        """
written = 0
try:
    for i in range(64):
        written += open(f"part{i}", "wb", 0).write(bytes(1 << 20))
except OSError:
    pass
print(written <= 16 << 20)
""",
        _or_ended(_says("True")),
    ),
    Promise(
        "it has no more processes than it may",
        """
import os, time
count = 0
try:
    while count < 200:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        count += 1
except OSError:
    pass
print(count <= 32)
""",
        _or_ended(_says("True")),
    ),
    Promise(
        "its output is bounded",
        "while True: print('x' * 1000)",
        lambda ended: ended.flooded,
    ),
    Promise(
        "it ends at its deadline, whatever it does",
        """
import os, signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        _or_ended(lambda ended: ended.timed_out),
        Limits(seconds=1.0, memory=256 * MIB),
    ),
    Promise(
        "a daemon ends with its program",
        """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
print("left")
""",
        lambda ended: b"left" in ended.stdout and ended.seconds < 15,
    ),
    # the last, after the others had their chance to leave something
    Promise(
        "the scratch folder is its own, and empty",
        """
import os
print(os.getcwd(), os.listdir("."), os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else [])
""",
        _says("/tmp ['main.py'] []"),
    ),
)


def tried(sandbox: Sandbox) -> Iterator[Finding]:
    """Each promise in turn."""
    for promise in PROMISES:
        job = Job(("python3", "main.py"), {"main.py": promise.program.encode()}, limits=promise.limits)
        ended = sandbox.run(job)
        yield Finding(promise.text, promise.kept(ended), ended)
