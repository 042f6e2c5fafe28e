"""What a run brings along to carry out heavy calls: worker processes, a sandbox, a judge, a reward model.

A spec never names them, so that the same spec runs anywhere. Each is opened when the first call needs it.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Self

from rewardkit.runtime.cache import Cache
from rewardkit.runtime.executors import Executor
from rewardkit.runtime.pool import WorkerPool, shared_pool
from rewardkit.runtime.workers import Workers
from rewardkit.types.function import Function

if TYPE_CHECKING:
    from types import TracebackType


class Backends:
    """The executors of a run, and the cache in front of them. It may be shared by rewards and threads.

    Args:
        workers: worker processes for heavy verifiers, or a pool of them; by default one process per usable
            core, shared by all that do not bring their own.
        cache: results of heavy calls; by default in memory, for this run only.
    """

    def __init__(self, *, workers: int | WorkerPool | None = None, cache: Cache | None = None) -> None:
        self.cache = Cache() if cache is None else cache
        self._workers = workers
        self._open: dict[str, Executor] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def executor(self, function: Function) -> Executor:
        """What carries out a function's calls.

        Raises:
            RewardError: it is not there; the message says how to bring it along.
        """
        kind = function.executor
        with self._lock:
            if kind not in self._open:
                self._open[kind] = self._make(kind)
            return self._open[kind]

    def close(self) -> None:
        """End what was opened; a later call opens it again. Worker processes that others share stay."""
        with self._lock:
            opened, self._open = list(self._open.values()), {}
        for executor in opened:
            executor.close()

    def _make(self, kind: str) -> Executor:
        assert kind == "worker", kind
        if self._workers is None:
            return Workers(shared_pool)
        if isinstance(self._workers, WorkerPool):
            given = self._workers
            return Workers(lambda: given)
        pool = WorkerPool(self._workers)
        weakref.finalize(self, pool.close)
        return Workers(lambda: pool, own=True)
