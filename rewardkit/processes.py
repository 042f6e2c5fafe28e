"""What pools of processes share: how many there are to be, and an end with this process, not with a fork."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol


class Pool(Protocol):
    """Something with processes or containers that must not outlive this process."""

    def close(self) -> None:
        """End them all."""
        ...

    def forget(self) -> None:
        """Start anew in a forked child, to which they are not its own."""
        ...


def watch(pool: Pool) -> None:
    """Have a pool closed when the program ends, and made to forget in a forked child."""
    _POOLS.add(pool)


def usable_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for pool in list(_POOLS):
        pool.close()


def _forget_all() -> None:
    for pool in list(_POOLS):
        pool.forget()


os.register_at_fork(after_in_child=_forget_all)
