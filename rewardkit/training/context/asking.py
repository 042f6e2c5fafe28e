"""Questions to language models, wherever they run, and answers that outlive the process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from ..folders import remove, writing

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Ask:
    """A chat to be answered, and the seed of the sampling where the model takes one."""

    messages: Messages
    seed: int


@dataclass(frozen=True)
class Reply:
    """What a model said. `error` says why it said nothing."""

    text: str
    tokens: int | None = None  #: that it generated, where that is known
    finished: bool = True  #: it ended by itself
    error: str | None = None


#: told of answers as they arrive: their places, and they
OnDone = Callable[[Sequence[int], Sequence[Reply]], None]


class Model(Protocol):
    """A language model that answers chats."""

    #: whatever answers depend on beside the question
    identity: str

    def ask(self, asks: Sequence[Ask], on_done: OnDone) -> list[Reply]:
        """Answer all; raises `RewardError` where no question would get an answer."""

    def close(self) -> None:
        """Give up what is under way."""


class Remembered:
    """A model whose answers are kept in a file until they are no longer needed.

    A run that was killed in the middle of a step asks only what was not answered yet. Failures are not
    kept. A line that was cut off is passed over.
    """

    def __init__(self, model: Model, path: Path) -> None:
        self.model, self.path = model, path
        self.tokens: int | None = 0  #: generated so far
        self._kept: dict[str, Reply] | None = None

    def ask(self, asks: Sequence[Ask], progress: Callable[[int, int], None] | None = None) -> list[Reply]:
        """As `Model.ask`; `progress` is told of answers there are and questions in all."""
        keys = [_key(self.model.identity, ask) for ask in asks]
        kept = self._read()
        left = [i for i, key in enumerate(keys) if key not in kept]
        replies = {i: kept[key] for i, key in enumerate(keys) if key in kept}

        def on_done(places: Sequence[int], answers: Sequence[Reply]) -> None:
            found = {left[place]: answer for place, answer in zip(places, answers, strict=True)}
            self._write({keys[i]: answer for i, answer in found.items() if answer.error is None})
            replies.update(found)
            if progress is not None:
                progress(len(replies), len(asks))

        if left:
            self.model.ask([asks[i] for i in left], on_done)
        answers = [replies[i] for i in range(len(asks))]
        self.count(answers)
        return answers

    def count(self, answers: Sequence[Reply]) -> None:
        """Add to `tokens`; unknown (None) from the first answer on that does not tell its own."""
        for answer in answers:
            if answer.error is None and self.tokens is not None:
                self.tokens = None if answer.tokens is None else self.tokens + answer.tokens

    def forget(self) -> None:
        """What was answered so far is saved otherwise."""
        self._kept = {}
        remove(self.path)

    def _read(self) -> dict[str, Reply]:
        if self._kept is None:
            self._kept = {}
            text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
            for line in text.split("\n"):
                try:
                    key, reply = json.loads(line)
                    found = Reply(**reply)
                except (ValueError, TypeError, RecursionError):
                    continue
                if isinstance(key, str) and _is_whole(found):
                    self._kept[key] = found
        return self._kept

    def _write(self, answers: Mapping[str, Reply]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps([key, asdict(answer)]) + "\n" for key, answer in answers.items())
        with writing(self.path), open(self.path, "a", encoding="utf-8") as file:
            file.write(lines)


def _is_whole(reply: Reply) -> bool:
    """Whether a file's reply is one that was given: anyone may have written to it."""
    counted = reply.tokens is None or (type(reply.tokens) is int and 0 <= reply.tokens < 2**31)
    return isinstance(reply.text, str) and counted and type(reply.finished) is bool and reply.error is None


def chat(instructions: str, prompt: str | Messages) -> list[dict[str, Any]]:
    """A prompt under instructions, which are its system message; they lead where it has its own."""
    messages = (
        [{"role": "user", "content": prompt}]
        if isinstance(prompt, str)
        else [dict(message) for message in prompt]
    )
    if not instructions:
        return messages
    if messages and messages[0].get("role") == "system" and isinstance(messages[0].get("content"), str):
        own = messages.pop(0)["content"]
        instructions = f"{instructions}\n\n{own}"
    return [{"role": "system", "content": instructions}, *messages]


def without_system(messages: Messages) -> list[Mapping[str, Any]]:
    """The same chat for a model without system messages: the user's first begins with it."""
    first, *rest = messages
    if first.get("role") != "system" or not rest or not isinstance(rest[0].get("content"), str):
        return list(messages)
    return [{**rest[0], "content": f"{first['content']}\n\n{rest[0]['content']}"}, *rest[1:]]


def _key(identity: str, ask: Ask) -> str:
    said = json.dumps([identity, list(ask.messages), ask.seed], default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:32]
