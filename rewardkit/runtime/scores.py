"""What scoring gives: the term matrix, the totals, and everything that went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
