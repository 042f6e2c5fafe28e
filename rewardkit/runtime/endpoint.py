"""The run's judge: calls of `judge.*` as questions to an endpoint, many under way at a time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from rewardkit.diagnostics import RewardError
from rewardkit.library.judge import TEMPLATE
from rewardkit.runtime.chat import Chat, Failed, key_of
from rewardkit.runtime.configs import JudgeConfig
from rewardkit.runtime.executors import OnDone, Outcome, Stopped
from rewardkit.runtime.loops import Patience, give_up, serve, work_through
from rewardkit.types.function import Function

_POLL = 0.1
_CLOSING = 10.0


class Endpoint:
    """An `Executor` over one OpenAI-compatible endpoint.

    One thread with an event loop, begun with the first call, serves every caller, so that concurrency and
    limits hold for the run as a whole. A question that gets no answer is a fault. `RewardError` is raised
    where the endpoint cannot be reached, refuses the key or the model, or left 20 questions in a row
    without an answer.
    """

    def __init__(self, config: JudgeConfig) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0
        self._chat: Chat | None = None
        self._slots = asyncio.Semaphore(config.concurrency)
        self._patience = Patience(f"the judge at {config.base_url}")

    # --- the executor's side: any thread ---------------------------------------------------------

    def run(
        self,
        function: Function,
        tasks: Sequence[tuple[Any, ...]],
        constants: dict[str, Any],
        on_done: OnDone,
        stop: threading.Event,
    ) -> list[Outcome]:
        """How each question ended; see `Executor.run`."""
        if not tasks:
            return []
        outcomes: list[Outcome | None] = [None] * len(tasks)
        loop, work = self._started(), self._all(function, tasks, constants, on_done, outcomes)
        ended: concurrent.futures.Future[asyncio.Task[None]] = concurrent.futures.Future()
        started: list[asyncio.Task[None]] = []

        def begin() -> None:
            started.append(loop.create_task(work))
            started[0].add_done_callback(ended.set_result)

        loop.call_soon_threadsafe(begin)
        try:
            while not stop.is_set() and not loop.is_closed():
                if concurrent.futures.wait([ended], _POLL).done:
                    break
        finally:
            if not ended.done() and not loop.is_closed():
                loop.call_soon_threadsafe(lambda: started[0].cancel())
                concurrent.futures.wait([ended], _CLOSING)  # connections are closed by then
        try:
            if ended.done():
                ended.result().result()
        except asyncio.CancelledError:
            pass
        answered = [outcome for outcome in outcomes if outcome is not None]
        if len(answered) < len(tasks):
            raise Stopped if stop.is_set() else RewardError("the judge was closed while it was asked")
        return answered

    def identity(self, function: Function) -> str:
        """Endpoint, model, sampling settings and template, as JSON; never the key."""
        names = {"base_url", "model", "temperature", "max_tokens", "seed", "reasoning", "system_role",
                 "json_mode", "extra"}  # fmt: skip
        said = {**self.config.model_dump(include=names), "template": TEMPLATE}
        return json.dumps(said, sort_keys=True, default=str)

    def close(self) -> None:
        """Give up what is under way, close connections, end the thread. A later call begins anew."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
            if loop is None or thread is None or self._process != os.getpid():
                return
            asyncio.run_coroutine_threadsafe(self._closed(), loop)
            thread.join(_CLOSING)

    # --- the thread ------------------------------------------------------------------------------

    def _started(self) -> asyncio.AbstractEventLoop:
        key = key_of(self.config)
        with self._lock:
            if self._loop is None or self._process != os.getpid():  # a fork has no thread
                self._loop = asyncio.new_event_loop()
                self._process = os.getpid()
                self._slots = asyncio.Semaphore(self.config.concurrency)
                self._chat = Chat(self.config, key)
                self._thread = threading.Thread(
                    target=serve, args=(self._loop,), name="rewardkit-judge", daemon=True
                )
                self._thread.start()
            return self._loop

    async def _closed(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await give_up(others)
        if self._chat is not None:
            await self._chat.close()
        asyncio.get_running_loop().stop()

    # --- in the loop -----------------------------------------------------------------------------

    async def _all(
        self,
        function: Function,
        tasks: Sequence[tuple[Any, ...]],
        constants: dict[str, Any],
        on_done: OnDone,
        outcomes: list[Outcome | None],
    ) -> None:
        async def one(i: int) -> None:
            async with self._slots:
                outcome = outcomes[i] = await self._one(function, tasks[i], constants)
            on_done(i, outcome)

        await work_through(len(tasks), self.config.concurrency, one)

    async def _one(self, function: Function, task: tuple[Any, ...], constants: dict[str, Any]) -> Outcome:
        began = time.perf_counter()
        longest, most = max(map(len, task)), self.config.max_chars
        if longest > most:
            reason = f"the text has {longest:,} characters, and `max_chars` of the judge is {most:,}"
            return Outcome(None, reason, 0.0)
        assert self._chat is not None
        question = function.extra["ask"](*task, **constants, reasoning=self.config.reasoning)
        try:
            answer = await self._chat.ask(question)
        except Failed as failed:
            self._patience.failed(failed)
            return Outcome(None, str(failed), time.perf_counter() - began)
        self._patience.answered()
        value, error = function.extra["read"](answer.text, constants), None
        if value is None and answer.cut:
            error = f"the judge's answer was cut off: `max_tokens` is {self.config.max_tokens}"
        return Outcome(value, error, time.perf_counter() - began)
