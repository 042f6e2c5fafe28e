"""What the package `gepa` optimizes: instructions in parts, answered, scored, explained and rewritten."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data import Rows
from ..errors import ConfigError
from ..seeds import Stream, derive
from .asking import Reply
from .config import GepaConfig
from .editor import read_text
from .questions import cut, rewrite
from .saves import Journal
from .scoring import Scored, score
from .task import Attempts, Task, as_text

#: an example: whether it is one of the validation rows, and which
Example = tuple[bool, int]


class Part(str):
    """A part's name with a hash that is the same in every process: GEPA's merge walks over a set of names,
    and would draw its random numbers in another order each time."""

    def __hash__(self) -> int:
        return zlib.crc32(self.encode())


@dataclass
class Adapter:
    """What `gepa.optimize` asks of a system: to be run, to be explained, to be rewritten."""

    task: Task
    options: GepaConfig
    journal: Journal
    seen: list[tuple[np.ndarray, Mapping[str, np.ndarray]]] = field(default_factory=list)
    error: BaseException | None = None  #: what ended the run; gepa would swallow some of it
    fingerprint: str = ""  #: of the spec

    def __post_init__(self) -> None:
        low = self.task.bounds.low
        if self.options.merge and low is None:
            raise ConfigError(
                "`merge` weighs candidates by their scores, which must not be negative: give the spec's "
                "reward a range, as in `reward in [0, 1] { … }`"
            )
        there = len(self.task.rows if self.task.valid is None else self.task.valid)
        if self.options.merge and there < self.options.merge_overlap:
            raise ConfigError(
                f"`merge` wants `merge_overlap` ({self.options.merge_overlap}) validation rows at least, and "
                f"there are {there}"
            )
        # Merge draws an ancestor in proportion to its score, and stops the run where all are 0; a power of
        # two leaves sums of 0 and 1 exact.
        self.shift = 2.0**-20 - (low or 0.0) if self.options.merge else 0.0

    # --- what gepa calls --------------------------------------------------------------------------

    def evaluate(
        self, batch: Sequence[Example], candidate: Mapping[str, str], capture_traces: bool = False
    ) -> Any:
        """Scores of a candidate on examples. Where there is no score it is the lowest."""
        try:
            return self._scores(batch, candidate, capture_traces)
        except BaseException as error:
            self.error = error
            raise

    def make_reflective_dataset(
        self, candidate: Mapping[str, str], eval_batch: Any, components_to_update: Sequence[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """What the editor is shown of a minibatch; made when it is needed."""
        traces = [{"trace": trace} for trace in eval_batch.trajectories]
        return dict.fromkeys(components_to_update, traces)

    def propose_new_texts(
        self,
        candidate: Mapping[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: Sequence[str],
    ) -> dict[str, str]:
        """New texts of some parts; none where the editor gave no usable answer."""
        key = _key([dict(candidate), list(components_to_update)])
        try:
            entry = self.journal.replay("proposal", key)
            if entry is None:
                failed = self.task.editor.failed
                texts = self._propose(candidate, reflective_dataset, components_to_update)
                tokens = self.task.editor.model.tokens  # so far
                entry = {"texts": texts, "unread": self.task.editor.failed - failed, "tokens": tokens}
                self.journal.append("proposal", key, **entry)
                self.task.editor.model.forget()
            else:
                with self.journal.reading():
                    self.task.editor.failed += entry["unread"]
                    self.task.editor.model.tokens = entry["tokens"]
            with self.journal.reading():
                return {Part(name): str(text) for name, text in entry["texts"].items()}
        except BaseException as error:
            self.error = error
            if not isinstance(error, Exception):
                raise
            return {}  # gepa would log the error and go on; so it stops after this iteration

    # --- below ------------------------------------------------------------------------------------

    def _scores(self, batch: Sequence[Example], candidate: Mapping[str, str], capture_traces: bool) -> Any:
        from gepa.core.adapter import EvaluationBatch

        key = _key([dict(candidate), [list(example) for example in batch]])
        entry = self.journal.replay("evaluation", key)
        if entry is None:
            replies, scored = self._evaluate(batch, candidate)
            entry = {
                "replies": [[r.text, r.tokens, r.finished, r.error] for r in replies],
                "rewards": [None if np.isnan(reward) else float(reward) for reward in scored.rewards],
                "terms": {name: _plain(values) for name, values in scored.terms.items()},
                "faults": scored.faults,
                "fingerprint": scored.fingerprint,
            }
            self.journal.append("evaluation", key, **entry)
            self.task.model.forget()
            reason = scored.reason
        else:
            with self.journal.reading():
                replies = [Reply(*reply) for reply in entry["replies"]]
                self.task.model.count(replies)
                self.task.tally.metric_calls += len(batch)
                self.task.tally.faults += entry["faults"]
            reason = self._explained_later(batch, replies)
        with self.journal.reading():
            rewards = np.array(entry["rewards"], dtype=np.float64)  # None is NaN
            terms = {name: np.array(values, dtype=np.float64) for name, values in entry["terms"].items()}
            self.fingerprint = entry["fingerprint"]
            if not len(batch) == len(replies) == len(rewards):
                raise ValueError("an entry has one reward for each of its examples")
        self.seen.append((rewards, terms))
        known = rewards[~np.isnan(rewards)]
        lowest = self.task.bounds.low if self.task.bounds.low is not None else min([0.0, *known])
        traces = Attempts(
            [self._prompt(example) for example in batch],
            replies,
            np.arange(len(batch)),
            Scored(rewards, terms, entry["faults"], reason, entry["fingerprint"]),
        )
        return EvaluationBatch(
            outputs=[reply.text for reply in replies],
            scores=[float(lowest if np.isnan(r) else r) + self.shift for r in rewards],
            trajectories=[(traces, i) for i in range(len(batch))] if capture_traces else None,
        )

    def _evaluate(
        self, batch: Sequence[Example], candidate: Mapping[str, str]
    ) -> tuple[Sequence[Reply], Scored]:
        task = self.task
        seed = derive(task.context.seed, Stream.ANSWERS, self.journal.place)
        texts = plain_names(candidate)
        instructions = task.instructions(*(texts[name] for name in task.parts))
        attempts = task.attempt(self._rows(batch[0]), [index for _, index in batch], instructions, 0, seed)
        return attempts.replies, attempts.scored

    def _propose(
        self,
        candidate: Mapping[str, str],
        dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        names: Sequence[str],
    ) -> dict[str, str]:
        parts = plain_names(candidate)
        questions = []
        for name in names:
            shown = []
            for example in dataset[name]:
                attempts, place = example["trace"]
                longest = self.task.context.max_shown
                prompt, text, reward, reason = (cut(part, longest) for part in attempts.part(place))
                shown.append({"PROMPT": prompt, "ANSWER": text, "SCORE": reward, "HOW IT CAME ABOUT": reason})
            questions.append(rewrite(str(name), parts, shown))
        seed = derive(self.task.context.seed, Stream.EDITS, self.journal.place)
        with self.task.timed("edit"):
            found = self.task.editor.ask(
                questions,
                read_text("text", self.options.max_part_chars),
                seed,
                lambda done, of: self.task.show.work("edits", done, of),
            )
        return {str(name): text for name, text in zip(names, found, strict=True) if text is not None}

    def _explained_later(self, batch: Sequence[Example], replies: Sequence[Reply]) -> Callable[[int], str]:
        """The reasons of completions that were scored before the run was stopped: they are scored again."""

        def reason(place: int) -> str:
            columns = self._rows(batch[place]).take([batch[place][1]])
            return score(self.task.scorer, columns, [replies[place]], np.zeros(1, np.int64), 0).reason(0)

        return reason

    def _prompt(self, example: Example) -> str:
        return as_text(self._rows(example).column("prompt")[example[1]])

    def _rows(self, example: Example) -> Rows:
        """The rows that an example is one of; those of a minibatch are all of one kind."""
        return self.task.valid if example[0] and self.task.valid is not None else self.task.rows


def plain_names(candidate: Mapping[str, str]) -> dict[str, str]:
    """With names that are found by any equal text."""
    return {str(name): text for name, text in candidate.items()}


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _key(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
