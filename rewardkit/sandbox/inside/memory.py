"""What a job's processes use together: by the wall's control group where it has one, else from /proc."""

from __future__ import annotations

import os
from collections.abc import Sequence

#: where a wall shows its own control group: version 2, version 1
_GROUPS = (
    ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/memory.events"),
    (
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "/sys/fs/cgroup/memory/memory.oom_control",
    ),
)


class Meter:
    """Memory above what was in use when it was made. Opened before a job's mounts hide the files it reads."""

    def __init__(self, group: bool) -> None:
        self._files = _open_group() if group else []
        self._before = self._group() if self._files else 0
        self._killed = self._kills()

    @property
    def grouped(self) -> bool:
        """Whether a control group counts."""
        return bool(self._files)

    def used(self, processes: Sequence[int], folders: Sequence[str]) -> int:
        """Bytes that the job takes. The processes and folders are asked only where no group counts."""
        if self._files:
            return self._group() - self._before
        return stored(folders) + sum(_resident(process) for process in processes)

    def was_exceeded(self) -> bool:
        """Whether the kernel ended a process since, because the group had no more memory."""
        return self._kills() > self._killed

    def _group(self) -> int:
        """What cannot be given back at need: all of it but the cache of files."""
        usage, stat, _ = self._files
        counts = os.pread(stat, 1 << 16, 0)
        cache = _count(counts, b"\nactive_file ") + _count(counts, b"\ninactive_file ")
        return max(0, int(os.pread(usage, 64, 0)) - cache)

    def _kills(self) -> int:
        if not self._files:
            return 0
        return _count(os.pread(self._files[2], 4096, 0), b"\noom_kill ")


def _open_group() -> list[int]:
    for names in _GROUPS:
        try:
            return [os.open(name, os.O_RDONLY | os.O_CLOEXEC) for name in names]
        except OSError:
            continue
    return []


def _count(counts: bytes, name: bytes) -> int:
    """The number after a name, which begins a line that is not the first; 0 where it is not there."""
    _, found, rest = counts.partition(name)
    return int(rest.partition(b"\n")[0]) if found else 0


def stored(folders: Sequence[str]) -> int:
    """Bytes of the files in these file systems."""
    found = [os.statvfs(folder) for folder in folders]
    return sum((one.f_blocks - one.f_bfree) * one.f_frsize for one in found)


def _resident(process: int) -> int:
    """A process's share of memory; pages it shares with others count in part, as all of them are summed."""
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as lines:
            return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    except OSError:
        return 0


def family(root: int) -> list[int]:
    """The processes that descend from `root`, as /proc shows them."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {root})
