"""The run's reward model: calls of `model.score` as batches of a Hugging Face sequence classifier."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rewardkit.runtime.classifier import Encoded, Reader, load_reader
from rewardkit.runtime.configs import RewardModelConfig
from rewardkit.runtime.executors import OnDone, Outcome, Stopped
from rewardkit.types.function import Function

_POLL = 0.1


class RewardModel:
    """An `Executor` over one sequence-classification model with one label, loaded by the first call.

    Rows are sorted by length and read in batches; a batch that does not fit in memory is halved. A row
    has the same score alone and in a batch, up to rounding. What the model cannot read as a whole is a
    fault. `RewardError` is raised where the model cannot be loaded or is no reward model.
    """

    def __init__(self, config: RewardModelConfig) -> None:
        self.config = config
        self._lock = threading.Lock()  # one batch at a time, whoever asks
        self._reader: Reader | None = None
        self._batch_tokens = config.batch_tokens

    def run(
        self,
        function: Function,
        tasks: Sequence[tuple[Any, ...]],
        constants: dict[str, Any],
        on_done: OnDone,
        stop: threading.Event,
    ) -> list[Outcome]:
        """The score of each (prompt, completion); see `Executor.run`."""
        if not tasks:
            return []
        outcomes: dict[int, Outcome] = {}
        while not self._lock.acquire(timeout=_POLL):
            if stop.is_set():
                raise Stopped
        try:
            if self._reader is None:
                self._reader = load_reader(self.config)
            encoded: dict[int, Encoded] = {}
            for i, task in enumerate(tasks):
                if stop.is_set():
                    raise Stopped
                read = self._reader.encode(*task)
                if isinstance(read, str):
                    outcomes[i] = Outcome(None, read, 0.0)
                    on_done(i, outcomes[i])
                else:
                    encoded[i] = read
            # the longest first: memory that suffices for them suffices for all
            waiting = sorted(encoded, key=lambda i: (-len(encoded[i].ids), i))
            while waiting:
                if stop.is_set():
                    raise Stopped
                batch, waiting = self._cut(waiting, encoded)
                for i, outcome in zip(batch, self._scored([encoded[i] for i in batch]), strict=True):
                    outcomes[i] = outcome
                    on_done(i, outcome)
            return [outcomes[i] for i in range(len(tasks))]
        finally:
            self._lock.release()

    def identity(self, function: Function) -> str:
        """The model (by its files where it lies in a folder), its precision, limits and template."""
        said = self.config.model_dump(include={"path", "revision", "dtype", "max_length", "template"})
        return json.dumps({**said, "files": _fingerprint(Path(self.config.path))}, sort_keys=True)

    def close(self) -> None:
        """Let go of the model and of the memory that it took on its device. A later call loads it anew."""
        with self._lock:
            if self._reader is not None:
                self._reader.release()
            self._reader = None

    def _cut(self, waiting: list[int], encoded: dict[int, Encoded]) -> tuple[list[int], list[int]]:
        """The next batch, of as many rows as fit when padded to the longest, which is the first."""
        assert self._reader is not None
        rows = max(1, self._batch_tokens // len(encoded[waiting[0]].ids)) if self._reader.pads else 1
        return waiting[:rows], waiting[rows:]

    def _scored(self, batch: list[Encoded]) -> Iterator[Outcome]:
        """How each row of a batch ended; halved as often as memory wants it."""
        assert self._reader is not None
        began = time.perf_counter()
        try:
            scores = self._reader.scores(batch)
        except MemoryError:
            scores = None
        if scores is not None:
            seconds = (time.perf_counter() - began) / len(batch)
            for score in scores:
                finite = math.isfinite(score)
                error = None if finite else "the reward model's score is not a finite number"
                yield Outcome(score if finite else None, error, seconds)
            return
        if len(batch) == 1:
            tokens = len(batch[0].ids)
            yield Outcome(None, f"the reward model has not enough memory for {tokens:,} tokens", 0.0)
            return
        half = (len(batch) + 1) // 2
        self._batch_tokens = max(1, min(self._batch_tokens, half * len(batch[0].ids)))
        yield from self._scored(batch[:half])
        yield from self._scored(batch[half:])


def _fingerprint(folder: Path) -> str | None:
    """Of the files of a folder: their names, sizes and times."""
    if not folder.is_dir():
        return None
    stats = sorted((file.name, file.stat()) for file in folder.iterdir() if file.is_file())
    told = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
