"""Control groups, memory and processes, for walls that no daemon makes one for, where this user may."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rewardkit.sandbox.config import SandboxConfig
from rewardkit.sandbox.contract import MIB

_ROOT = Path("/sys/fs/cgroup")
_COUNT = itertools.count()
#: what the wall itself takes, beside its job
HEADROOM = 128 * MIB


@dataclass(frozen=True)
class Group:
    """The folders of one wall's group: one in version 2, one for each kind of limit in version 1."""

    folders: Sequence[Path]
    shown_at: str  # where the wall is to see the folder that counts memory, the first of them

    def add(self, processes: Sequence[int]) -> None:
        for folder in self.folders:
            for process in processes:
                (folder / "cgroup.procs").write_text(str(process))

    def was_exceeded(self) -> bool:
        """Whether the kernel ended a process, because the group had no more memory."""
        for name in ("memory.events", "memory.oom_control"):
            try:
                lines = (self.folders[0] / name).read_text().splitlines()
            except OSError:
                continue
            return any(line.split() > ["oom_kill", "0"] for line in lines if line.startswith("oom_kill "))
        return False

    def remove(self) -> None:
        limit = time.monotonic() + 2
        for folder in self.folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > limit:
                        break  # a process of it is still ending; the next sandbox looks again
                    time.sleep(0.01)


def make_group(config: SandboxConfig) -> Group | None:
    """A new group, or `None` where this user may make none (or the system has none)."""
    name = f"rewardkit-{os.getpid()}-{next(_COUNT)}"
    memory, processes = str(config.memory + HEADROOM), str(config.processes + 16)
    if (_ROOT / "cgroup.controllers").exists():
        limits = {"memory.max": memory, "memory.swap.max": "0", "pids.max": processes}
        return _make({_ROOT / name: limits}, str(_ROOT))
    limits = {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory}
    return _make(
        {_ROOT / "memory" / name: limits, _ROOT / "pids" / name: {"pids.max": processes}},
        str(_ROOT / "memory"),
    )


def _make(wanted: Mapping[Path, Mapping[str, str]], shown_at: str) -> Group | None:
    group = Group(list(wanted), shown_at)
    try:
        for folder, limits in wanted.items():
            folder.mkdir()
            for name, value in limits.items():
                try:
                    (folder / name).write_text(value)
                except FileNotFoundError:
                    if "sw" not in name:  # not every kernel counts swapped memory
                        raise
    except OSError:
        group.remove()
        return None
    return group


def remove_left() -> None:
    """Remove the groups of processes that ended without a chance to do so."""
    for place in (_ROOT, _ROOT / "memory", _ROOT / "pids"):
        for folder in place.glob("rewardkit-*-*"):
            owner = folder.name.split("-")[1]
            if owner.isdigit() and not Path("/proc", owner).exists():
                with contextlib.suppress(OSError):  # not empty, or not ours
                    folder.rmdir()
