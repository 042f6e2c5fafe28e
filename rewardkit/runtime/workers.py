"""The executor of verifiers that run in worker processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from rewardkit.runtime.executors import OnDone, Outcome
from rewardkit.runtime.pool import WorkerPool
from rewardkit.types.function import Function


class Workers:
    """Calls in the processes of a pool; it is closed with this executor if it is its `own`."""

    def __init__(self, pool: Callable[[], WorkerPool], own: bool = False) -> None:
        self._pool, self._own = pool, own

    def run(
        self,
        function: Function,
        tasks: Sequence[tuple[Any, ...]],
        constants: dict[str, Any],
        on_done: OnDone,
        stop: threading.Event,
    ) -> list[Outcome]:
        assert isinstance(function.implementation, str)
        overdue = function.extra.get("overdue")
        return self._pool().run(
            function.implementation, tasks, function.deadline, constants, on_done, overdue, stop
        )

    def identity(self, function: Function) -> str:
        return ""

    def close(self) -> None:
        if self._own:
            self._pool().close()
