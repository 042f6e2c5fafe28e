"""What scoring gives: the term matrix, the totals, and everything that went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl


@dataclass(frozen=True, eq=False, repr=False)
class Scores:
    """The scores of N rows under a spec with K weighted terms.

    Terms stay apart until the normalizer: `matrix` holds unweighted term values, `weights` the
    weight of each, `total` their weighted sum.
    """

    terms: tuple[str, ...]  #: names of the K terms that `reward` weighs, in its order
    matrix: np.ndarray  #: float64 (N, K); NaN where a term has no value
    weights: np.ndarray  #: float64 (K,) at this call's `step`
    total: np.ndarray  #: float64 (N,); NaN where the row is skipped or no term has a value
    skipped: np.ndarray  #: bool (N,): the row is not there
    masked: np.ndarray  #: bool (N,): the row counts, but its tokens carry no loss
    groups: np.ndarray | None  #: int64 (N,): dense group number of each row, if groups were given
    scale: np.ndarray | None  #: float64 (N,): the spec's `advantage { scale: ... }`
    gates: Mapping[str, np.ndarray]  #: gated term -> float64 (N,): 1 open, 0 closed, NaN no value
    frame: pl.DataFrame  #: `reward`, then one column per term (metrics too), then kept lets
    faults: pl.DataFrame  #: `row, name, function, reason, seconds`
    timings: Mapping[str, float]  #: function -> seconds spent
    step: float
    fingerprint: str  #: hash of the spec's meaning
    normalizer: str | None = None  #: the spec's `advantage` statement
    options: Mapping[str, Any] = field(default_factory=dict)
    #: term -> seconds spent in calls that no term before it reads
    term_seconds: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.total)

    def __repr__(self) -> str:
        parts = [f"{len(self)} rows", f"terms={list(self.terms)}", f"{self.faults.height} faults"]
        return f"Scores({', '.join(parts)})"


def take(scores: Scores, rows: np.ndarray) -> Scores:
    """The scores of some rows, (M,) int64 in that order; their groups keep their numbers."""
    import polars as pl

    places = pl.DataFrame({"row": rows}).with_row_index("place").cast(pl.Int64)
    faults = scores.faults.with_columns(pl.col("row").cast(pl.Int64))
    return replace(
        scores,
        matrix=scores.matrix[rows],
        total=scores.total[rows],
        skipped=scores.skipped[rows],
        masked=scores.masked[rows],
        groups=None if scores.groups is None else scores.groups[rows],
        scale=None if scores.scale is None else scores.scale[rows],
        gates={name: opened[rows] for name, opened in scores.gates.items()},
        frame=scores.frame[rows],
        faults=places.join(faults, on="row", how="inner", maintain_order="left")
        .drop("row")
        .rename({"place": "row"})
        .select(scores.faults.columns),
    )


def join(parts: Sequence[Scores]) -> Scores:
    """Scores of one spec at one step, one behind the other; the groups of each must be others."""
    import numpy as np
    import polars as pl

    first, *others = parts
    if not others:
        return first

    def column(name: str) -> Any:
        values = [getattr(part, name) for part in parts]
        return None if values[0] is None else np.concatenate(values)

    def summed(name: str) -> dict[str, float]:
        counted: Counter[str] = Counter()
        for part in parts:
            counted.update(getattr(part, name))
        return dict(counted)

    # a part of which every row is skipped knows no weights
    weights = np.stack([part.weights for part in parts])
    known = (~np.isnan(weights)).argmax(axis=0)
    starts = np.cumsum([0, *(len(part) for part in parts)])
    moved = [
        part.faults.with_columns(pl.col("row") + int(at)) for part, at in zip(parts, starts, strict=False)
    ]
    names = ("matrix", "total", "skipped", "masked", "groups", "scale")
    return replace(
        first,
        **{name: column(name) for name in names},
        weights=weights[known, np.arange(weights.shape[1])],
        options={name: value for part in reversed(parts) for name, value in part.options.items()},
        gates={name: np.concatenate([part.gates[name] for part in parts]) for name in first.gates},
        frame=pl.concat([part.frame for part in parts], how="vertical_relaxed"),
        faults=pl.concat(moved, how="vertical_relaxed"),
        timings=summed("timings"),
        term_seconds=summed("term_seconds"),
    )
