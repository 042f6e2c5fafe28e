"""A search on a thread of its own: with a deep stack, and so that Ctrl-C is heard while z3 works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from rewardkit.prover.solve import Effort

T = TypeVar("T")

#: bytes of stack: some steps of z3 recurse as deep as a value is nested
_STACK = 256 * 2**20
_STARTING = threading.Lock()


def apart(work: Callable[[], T], effort: Effort) -> T:
    """What `work` gives, or the error that it raises. An interrupt of the caller stops it."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = _started(run)
    try:
        while thread.is_alive():  # not for ever: a signal that z3's thread gets wakes no other one
            thread.join(0.1)
    except BaseException:
        effort.stop()
        while thread.is_alive():  # an interrupt that comes between two questions is not heard by z3
            thread.join(0.05)
            effort.stop()
        raise
    if errors:
        raise errors.pop()
    return results.pop()


def _started(run: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=run, name="prover", daemon=True)
    with _STARTING:
        before = threading.stack_size(_STACK)
        try:
            thread.start()
        finally:
            threading.stack_size(before)
    return thread
