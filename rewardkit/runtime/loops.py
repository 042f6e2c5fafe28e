"""Many questions to one endpoint at a time, in an event loop on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.chat import Failed

#: questions in a row without an answer, whatever the reasons, after which the endpoint is taken for dead
DEAD_AFTER = 20


@dataclass
class Patience:
    """Counts the questions in a row that an endpoint left without an answer."""

    name: str  #: of the endpoint, in the message
    unanswered: int = 0
    has_answered: bool = False

    def answered(self) -> None:
        self.unanswered, self.has_answered = 0, True

    def failed(self, failed: Failed) -> None:
        """Raise `RewardError` with the last of many questions in a row that got no answer."""
        if failed.refused and self.has_answered:
            return  # this question is at fault: the endpoint does answer others
        self.unanswered += 1
        if self.unanswered >= DEAD_AFTER:
            raise RewardError(
                f"{self.name} answered none of the last {DEAD_AFTER} questions: {failed}"
            ) from None


async def work_through(count: int, at_once: int, one: Callable[[int], Awaitable[None]]) -> None:
    """`one` of each number below `count` (1 or more), so many under way at a time; an error ends all."""

    async def work(numbers: Iterator[int]) -> None:
        for number in numbers:
            await one(number)

    numbers = iter(range(count))
    workers = [asyncio.create_task(work(numbers)) for _ in range(min(count, at_once))]
    try:
        done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        for worker in done:
            worker.result()
    finally:
        await give_up(workers)


async def give_up(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until they are over."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def serve(loop: asyncio.AbstractEventLoop) -> None:
    """What the thread runs: the loop until it is stopped, and then its end."""
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
