"""The system calls that Python has no name for, through ctypes: Linux on x86_64 and aarch64."""

from __future__ import annotations

import ctypes
import os
from typing import Any

LIBC = ctypes.CDLL(None, use_errno=True)
MACHINE = os.uname().machine
LINUX = os.uname().sysname == "Linux"

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x0002_0000, 0x0200_0000, 0x0400_0000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000
#: of a job. The network's is the wall's: it has none, a program may make local sockets only, and those of one
#: job are gone when its processes are
NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_PRIVATE = 1 << 14, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP = 1, 4, 22, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47

_MOUNT_SETATTR, _CLOSE_RANGE = 442, 436  # the same number on both machines
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CLONE = {"x86_64": 56, "aarch64": 220}
_SIGCHLD = 17
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1


def checked(result: int, what: str) -> int:
    """`result`, or an `OSError` that names the call, where it is negative."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: Any) -> int:
    """A raw system call: its result, negative with `errno` set where it failed."""
    return int(LIBC.syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    checked(LIBC.prctl(option, *words), f"prctl {option}")


def fork_into(namespaces: int) -> int:
    """Like `os.fork`, with the child in new namespaces, of which it is the first process.

    `unshare` and a fork would take two processes for that. Only a process of one thread may call this, and
    the child may start no thread: the C library does not know of it.
    """
    none = ctypes.c_void_p(None)
    process = syscall(_CLONE[MACHINE], ctypes.c_ulong(namespaces | _SIGCHLD), none, none, none, none)
    return checked(process, "clone")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    result = LIBC.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode() or None
    )
    checked(result, f"mount of {kind or source} on {target}")


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def everything_read_only() -> None:
    """No mount passes events on, and every one of them is read-only."""
    wanted = _MountAttributes(set=_MOUNT_ATTR_RDONLY, propagation=MS_PRIVATE)
    result = syscall(
        _MOUNT_SETATTR, _AT_FDCWD, b"/", _AT_RECURSIVE, ctypes.byref(wanted), ctypes.sizeof(wanted)
    )
    if result < 0 and ctypes.get_errno() == 38:  # before Linux 5.12
        _each_read_only()
    else:
        checked(result, "mount_setattr")


def _each_read_only() -> None:
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    kept = {"nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "noatime": 1024, "relatime": 1 << 21}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        mounts = [line.split() for line in lines]
    for fields in mounts:
        target = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        flags = sum(kept.get(option, 0) for option in fields[5].split(","))
        mount("none", target, "", MS_REMOUNT | MS_BIND | MS_RDONLY | flags)


def no_bounding_set() -> None:
    """No file that is executed can give a capability; those held now stay."""
    for capability in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            return  # past the last one this kernel knows, or no right to drop any


def no_capabilities() -> None:
    prctl(PR_CAP_AMBIENT, 4)  # clear all
    header = (ctypes.c_uint32 * 2)(0x2008_0522, 0)
    data = (ctypes.c_uint32 * 6)()
    checked(syscall(_CAPSET[MACHINE], ctypes.byref(header), ctypes.byref(data)), "capset")


def close_all_but(kept: set[int]) -> None:
    """Close every descriptor that is not in `kept`."""
    low = 0
    for number in [*sorted(kept), None]:
        if number is None or number > low:
            _close_range(low, number)
        low = (number or 0) + 1


def _close_range(low: int, end: int | None) -> None:
    last = 0xFFFF_FFFF if end is None else end - 1
    if syscall(_CLOSE_RANGE, ctypes.c_uint(low), ctypes.c_uint(last), 0) < 0:
        os.closerange(low, 65536 if end is None else end)
