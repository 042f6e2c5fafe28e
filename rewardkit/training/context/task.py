"""What both optimizers work on: prompts to answer under instructions, and scores of the answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data import Rows
from ..errors import TrainError
from ..records import mean
from ..result import Scorer
from ..seeds import Stream, derive
from .asking import Ask, Remembered, Reply, chat
from .config import ContextConfig
from .editor import Editor
from .progress import Screen
from .scoring import Bounds, Scored, Tally, score


@dataclass(frozen=True)
class Attempts:
    """N scored completions; those of one prompt are consecutive."""

    prompts: Sequence[str]  #: as the editor sees them
    replies: Sequence[Reply]
    groups: np.ndarray  #: int64 (N,): numbers the prompts
    scored: Scored

    def part(self, i: int) -> tuple[str, str, str, str]:
        """Prompt, completion, score and its reason, as texts."""
        reward = self.scored.rewards[i]
        shown = "none" if np.isnan(reward) else f"{reward:.4g}"
        return self.prompts[i], self.replies[i].text, shown, self.scored.reason(i)


@dataclass
class Task:
    """A context run's prompts, models and scorer."""

    context: ContextConfig
    rows: Rows
    valid: Rows | None
    scorer: Scorer
    bounds: Bounds
    model: Remembered
    editor: Editor
    parts: Mapping[str, str]  #: the instructions to begin with
    show: Screen
    tally: Tally = field(default_factory=Tally)
    seconds: dict[str, float] = field(default_factory=dict)

    def instructions(self, *texts: str) -> str:
        """Texts as one; empty ones are left out."""
        return self.context.separator.join(text for text in texts if text)

    def attempt(
        self,
        rows: Rows,
        indices: Sequence[int],
        instructions: str,
        step: int,
        seed: int,
        times: int = 1,
        what: str = "answers",
    ) -> Attempts:
        """Answer the prompts of some rows, each so many times, and score the answers.

        Raises `FaultLimitError` where too many failed so far, and what asking and scoring raise.
        """
        each = [i for i in indices for _ in range(times)]
        columns = rows.take(each)
        asks = [
            Ask(chat(instructions, prompt), (seed + place) % 2**63)
            for place, prompt in enumerate(columns["prompt"])
        ]
        with self.timed("answer"):
            replies = self.model.ask(asks, lambda done, of: self.show.work(what, done, of))
        if not self.tally.answered and all(reply.error is not None for reply in replies):
            raise TrainError(f"none of {len(replies)} prompts was answered: {replies[-1].error}")
        groups = np.repeat(np.arange(len(indices)), times)
        with self.timed("score"):
            scored = score(self.scorer, columns, replies, groups, step)
        self.tally.count(scored, self.context.max_faults, replies)
        return Attempts([as_text(prompt) for prompt in columns["prompt"]], replies, groups, scored)

    def validate(self, instructions: str, step: int) -> float | None:
        """Mean score on the validation rows, one answer each; None where there are none."""
        if self.valid is None:
            return None
        seed = derive(self.context.seed, Stream.VALIDATION, step)
        indices = range(len(self.valid))
        return mean(
            self.attempt(self.valid, indices, instructions, step, seed, what="validation").scored.rewards
        )

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count the time of a block into `seconds`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def take_seconds(self) -> dict[str, float]:
        """The times since the last call."""
        taken = {name: self.seconds.get(name, 0.0) for name in ("answer", "score", "edit")}
        self.seconds = {}
        return taken

    @property
    def tokens(self) -> dict[str, int | None]:
        """Tokens generated so far by each of the models, where it tells them."""
        return {"model": self.model.tokens, "editor": self.editor.model.tokens}


def as_text(prompt: Any) -> str:
    """A prompt as one text: of messages, each with its role."""
    if isinstance(prompt, str):
        return prompt
    return "\n".join(f"{message.get('role')}: {message.get('content')}" for message in prompt)


def term_means(terms: Mapping[str, np.ndarray]) -> dict[str, float | None]:
    return {name: mean(values) for name, values in terms.items()}
