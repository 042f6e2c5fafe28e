"""Landlock, where the kernel has it: a second word on which files may be changed, beside the mounts."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence

from rewardkit.sandbox.inside.kernel import checked, syscall

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same number on both machines
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_DEVICES = 1 << 6 | 1 << 11  # make a character or block device
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2
#: rights to files that each version knows of
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}


def version() -> int:
    """The version of Landlock that this kernel has; 0 where it has none, or may not use it."""
    return max(0, syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION_FLAG)))


def restrict(writable: Sequence[str], devices: Sequence[str]) -> None:
    """Let this process read and execute what it can reach, change only what is below `writable` and write
    to `devices`; no network, no signal or abstract socket of a process outside. `no_new_privs` must be set.
    """
    known = version()
    if not known:
        return
    rights = _RIGHTS[min(known, 5)]
    network = 3 if known >= 4 else 0
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if known >= 6 else 0
    wanted = struct.pack("=QQQ", rights, network, scoped)[: 8 if known < 4 else 16 if known < 6 else 24]
    ruleset = _create(wanted)
    try:
        _allow(ruleset, "/", _EXECUTE | _READ | _LIST)
        for path in writable:
            _allow(ruleset, path, rights & ~_DEVICES)
        for path in devices:
            _allow(ruleset, path, (_READ | _WRITE | _TRUNCATE | _IOCTL) & rights)
        _enter(ruleset)
    finally:
        os.close(ruleset)


def restrict_signals() -> None:
    """Let this process, and what it starts, send signals to each other only."""
    if version() >= 6:
        ruleset = _create(struct.pack("=QQQ", 0, 0, _SIGNALS))
        try:
            _enter(ruleset)
        finally:
            os.close(ruleset)


def _create(wanted: bytes) -> int:
    result = syscall(_CREATE, wanted, ctypes.c_size_t(len(wanted)), ctypes.c_uint(0))
    return checked(result, "landlock_create_ruleset")


def _enter(ruleset: int) -> None:
    checked(syscall(_RESTRICT, ruleset, ctypes.c_uint(0)), "landlock_restrict_self")


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = struct.pack("=Qi", rights, place)
        checked(
            syscall(_ADD_RULE, ruleset, ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint(0)),
            "landlock_add_rule",
        )
    finally:
        os.close(place)
