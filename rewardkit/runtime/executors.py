"""What every executor of heavy calls keeps: many tasks in, how each ended out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rewardkit.types.function import Function


@dataclass(frozen=True)
class Outcome:
    """How a task ended: its `value`, or the `error` that kept it from one, and the `seconds` it took.

    `exhausted` says that what the task asked for is the cause: it computed for a good part of its deadline,
    took all the memory there is, or broke the interpreter. A machine too busy to let it compute is none.
    """

    value: Any
    error: str | None
    seconds: float
    exhausted: bool = False


class Stopped(Exception):
    """The call was given up because its results are not wanted any more."""


OnDone = Callable[[int, Outcome], None]


class Executor(Protocol):
    """Carries out calls of some functions. Its methods may be called from several threads at once."""

    def run(
        self,
        function: Function,
        tasks: Sequence[tuple[Any, ...]],
        constants: dict[str, Any],
        on_done: OnDone,
        stop: threading.Event,
    ) -> list[Outcome]:
        """How each task ended, in their order. What a task does wrong is its own outcome's `error`.

        A bounded number of tasks is under way at a time. `on_done(index, outcome)` is called from any
        thread, one call at a time. Once `stop` is set nothing new is begun, what is under way is given up,
        and the call returns or raises `Stopped` soon.

        Raises:
            RewardError: what carries out the calls is dead or was never there; the message says what to do.
        """
        ...

    def identity(self, function: Function) -> str:
        """What else the results depend on, for the cache's key: a model, its settings, a template."""
        ...

    def close(self) -> None:
        """Leave no process, container, connection or file behind."""
        ...
