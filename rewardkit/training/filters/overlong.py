"""Overlong filtering: a completion that was cut off is no evidence against what it would have become."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .rows import Bools


def overlong(finished: ArrayLike, masked: ArrayLike | None = None) -> Bools:
    """The rows (N,) whose tokens carry no loss: those that were cut off, and those masked already.

    Such a row stays in its group's statistics, as one that a spec's `mask when not completion.finished`
    names, and as with TRL's `mask_truncated_completions`. Source: "overlong filtering" of DAPO,
    arXiv 2503.14476, section 3.4.

    Args:
        finished: (N,) bool; false where generation stopped at the length limit.
        masked: (N,) bool, or none.

    Raises ValueError where shapes do not fit.
    """
    ended = np.asarray(finished, dtype=np.bool_)
    already = np.zeros_like(ended) if masked is None else np.asarray(masked, dtype=np.bool_)
    if ended.ndim != 1 or ended.shape != already.shape:
        raise ValueError(f"finished and masked must both have shape (rows,): {ended.shape}, {already.shape}")
    return ~ended | already
