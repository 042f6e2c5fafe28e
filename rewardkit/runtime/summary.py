"""What a run over many rows comes to: means, deviations, nulls, faults, and the time that functions took."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.runtime.errors import FaultLimitError
from rewardkit.runtime.reward import FAULT_ROWS, Reward
from rewardkit.runtime.scores import Scores

#: distinct reasons of faults that a summary shows
_REASONS = 8
#: distinct reasons that are counted: what a model wrote may stand in them
_MOST_REASONS = 1_000


@dataclass(frozen=True)
class SummaryLine:
    """One column of the scores: `null` is the share of rows without a value, `open` of open gates."""

    name: str
    mean: float | None
    std: float | None
    null: float
    open: float | None
    seconds: float | None


@dataclass(frozen=True)
class Spent:
    """Calls of a function that were made, after guards, distinct arguments and the cache; and their time."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class Summary:
    rows: int
    skipped: int
    masked: int
    faulted: int
    faults: Mapping[str, int]  # what failed and why -> rows, most frequent first
    lines: tuple[SummaryLine, ...]
    functions: Mapping[str, Spent]
    seconds: float
    fingerprint: str

    def to_json(self) -> dict[str, Any]:
        """The summary as plain values."""
        terms = [
            {
                "name": x.name,
                "mean": x.mean,
                "std": x.std,
                "null": x.null,
                "open": x.open,
                "seconds": x.seconds,
            }
            for x in self.lines
        ]
        return {
            "rows": self.rows,
            "skipped": self.skipped,
            "masked": self.masked,
            "faulted": self.faulted,
            "faults": dict(self.faults),
            "columns": terms,
            "functions": {
                name: {"calls": spent.calls, "seconds": round(spent.seconds, 3)}
                for name, spent in self.functions.items()
            },
            "seconds": round(self.seconds, 3),
            "fingerprint": self.fingerprint,
        }


@dataclass
class _Moments:
    """Count, mean and squared deviations of values that come in blocks, joined as in Chan et al. 1979."""

    rows: int = 0
    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: NDArray[np.float64]) -> None:
        """The next values; NaN is none."""
        there = values[~np.isnan(values)]
        self.rows += len(values)
        if not len(there):
            return
        mean, n = float(there.mean()), len(there)
        apart, both = mean - self.mean, self.n + n
        self.squares += float(((there - mean) ** 2).sum()) + apart**2 * self.n * n / both
        self.mean += apart * n / both
        self.n = both


@dataclass
class Tally:
    """What a summary needs of every block."""

    reward: Reward
    columns: dict[str, _Moments] = field(default_factory=dict)
    gates: dict[str, _Moments] = field(default_factory=dict)
    seconds: Counter[str] = field(default_factory=Counter)  # of terms
    functions: Counter[str] = field(default_factory=Counter)  # seconds
    reasons: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    skipped: int = 0
    masked: int = 0
    faulted: int = 0
    first: str = ""

    def __post_init__(self) -> None:
        self._before = dict(self.reward.counts)

    def add(self, scores: Scores) -> None:
        alive = ~scores.skipped
        for name in ("reward", *self.reward.plan.terms):
            column = scores.frame.get_column(name).to_numpy().astype(np.float64)
            self.columns.setdefault(name, _Moments()).add(column[alive])
        for name, gate in scores.gates.items():
            self.gates.setdefault(name, _Moments()).add(gate[alive])
        self.seconds.update(scores.term_seconds)
        self.functions.update(scores.timings)
        for fault in scores.faults.iter_rows(named=True):
            what = f"{fault['name']}: {fault['function']}: {fault['reason']}".replace(": : ", ": ")
            self.first = self.first or f"row {self.rows + fault['row']}, {what}"
            if what in self.reasons or len(self.reasons) < _MOST_REASONS:
                self.reasons[what] += 1
        self.faulted += scores.faults.get_column("row").n_unique() if scores.faults.height else 0
        self.rows += len(scores)
        self.skipped += int(scores.skipped.sum())
        self.masked += int(scores.masked.sum())

    def check(self, max_faults: float, *, at_end: bool) -> None:
        if (at_end or self.rows >= FAULT_ROWS) and self.faulted > max_faults * self.rows:
            raise FaultLimitError(
                f"{self.faulted:,} of {self.rows:,} rows failed, more than --max-faults {max_faults:g} "
                f"allows; the first: {self.first}"
            )

    def summary(self, seconds: float) -> Summary:
        made = self.reward.counts
        return Summary(
            rows=self.rows,
            skipped=self.skipped,
            masked=self.masked,
            faulted=self.faulted,
            faults=dict(self.reasons.most_common(_REASONS)),
            lines=tuple(self._line(name, moments) for name, moments in self.columns.items()),
            functions={
                name: Spent(made.get(name, 0) - self._before.get(name, 0), spent)
                for name, spent in self.functions.items()
            },
            seconds=seconds,
            fingerprint=self.reward.fingerprint,
        )

    def _line(self, name: str, values: _Moments) -> SummaryLine:
        gate = self.gates.get(name)
        return SummaryLine(
            name,
            values.mean if values.n else None,
            math.sqrt(values.squares / (values.n - 1)) if values.n > 1 else None,
            1 - values.n / values.rows if values.rows else math.nan,
            gate.mean if gate is not None and gate.n else None,
            None if name == "reward" else self.seconds[name],
        )
