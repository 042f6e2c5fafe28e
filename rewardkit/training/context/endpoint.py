"""A model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
from collections.abc import Sequence

from rewardkit.runtime.chat import Chat, Failed, key_of
from rewardkit.runtime.loops import Patience, serve, work_through

from .asking import Ask, OnDone, Reply, without_system
from .config import ContextModelConfig

_POLL, _CLOSING = 0.1, 10.0
#: keys of the config on which no answer depends
MANNERS = frozenset(
    [
        "api_key_env",
        "concurrency",
        "timeout",
        "retries",
        "backoff",
        "deadline",
        "requests_per_minute",
        "tokens_per_minute",
    ]
)


class EndpointModel:
    """Asks many questions at a time, from a thread of its own, so that it works in a notebook as well.

    A question without an answer is a `Reply` with an `error`. Raises `RewardError` where the key is missing,
    the endpoint cannot be reached or refuses key or model, or left 20 questions in a row without an answer.
    """

    def __init__(self, config: ContextModelConfig, name: str, table: str) -> None:
        self.config, self.name, self.table = config, name, table
        said = config.model_dump(exclude=set(MANNERS))
        self.identity = json.dumps(said, sort_keys=True, default=str)
        self._secret = key_of(config, name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._chat: Chat | None = None
        self._patience = Patience(f"{name} at {config.base_url}")

    def ask(self, asks: Sequence[Ask], on_done: OnDone) -> list[Reply]:
        """See `Model.ask`."""
        future = asyncio.run_coroutine_threadsafe(self._all(asks, on_done), self._started())
        try:
            while not concurrent.futures.wait([future], _POLL).done:
                pass
        except BaseException:
            future.cancel()  # connections are closed with their requests
            concurrent.futures.wait([future], _CLOSING)
            raise
        return future.result()

    def close(self) -> None:
        """Close connections and end the thread."""
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        if self._chat is not None:
            closing = asyncio.run_coroutine_threadsafe(self._chat.close(), loop)
            concurrent.futures.wait([closing], _CLOSING)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(_CLOSING)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._chat = Chat(self.config, self._secret, self.name, f"[{self.table}]")
            self._thread = threading.Thread(
                target=serve, args=(self._loop,), name="rewardkit-context", daemon=True
            )
            self._thread.start()
        return self._loop

    async def _all(self, asks: Sequence[Ask], on_done: OnDone) -> list[Reply]:
        replies: dict[int, Reply] = {}

        async def one(i: int) -> None:
            replies[i] = await self._one(asks[i])
            on_done([i], [replies[i]])

        await work_through(len(asks), self.config.concurrency, one)
        return [replies[i] for i in range(len(asks))]

    async def _one(self, ask: Ask) -> Reply:
        assert self._chat is not None
        messages = list(ask.messages) if self.config.system_role else without_system(ask.messages)
        seed = None if self.config.seed is None else (self.config.seed + ask.seed) % 2**31
        try:
            answer = await self._chat.ask(messages, seed)
        except Failed as failed:
            self._patience.failed(failed)
            return Reply("", None, False, str(failed))
        self._patience.answered()
        text = answer.text.encode(errors="replace").decode()  # half of a surrogate pair is no text
        return Reply(text, answer.tokens, not answer.cut)
