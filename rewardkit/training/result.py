"""What the loop is handed and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from rewardkit.runtime.scores import Scores

    from .records import StepRecord


class Scorer(Protocol):
    """What `rewardkit.load` returns, or a function like it."""

    def __call__(self, rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        """Score the N rows of a batch, given by column.

        The columns are `prompt`, `completion` (text), `completion_tokens` (int), `finished` (bool) and
        those of the dataset under their own names. `group` (N,) numbers the rows' groups; `step` is 0
        at the first.
        """


class Advantage(Protocol):
    """A normalizer over scores."""

    def __call__(self, scores: Scores, /) -> np.ndarray:
        """Advantages: float64 (N,), 0 for skipped rows."""


@dataclass(frozen=True)
class TrainResult:
    """A finished run."""

    folder: Path  #: the run's log folder
    log: Path  #: `log.jsonl`, one `StepRecord` per line
    policy: Path  #: the trained policy, an ordinary Hugging Face folder
    checkpoint: Path  #: the last checkpoint
    steps: int  #: steps done in all
    resumed_from: int | None  #: the step this call went on from, if it did
    last: StepRecord | None  #: the last step of this call
    seconds: float  #: of this call
