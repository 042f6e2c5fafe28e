"""Batches for filters, for hypothesis."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

GOLDEN = json.loads((Path(__file__).parent / "golden_filters.json").read_text())
#: before `@given`: cases are many and small, and no clock decides
untimed = settings(deadline=None, max_examples=60)
VALUES = st.one_of(st.sampled_from([0.0, 1.0]), st.integers(-300, 300).map(lambda x: x / 100))


@st.composite
def batches(draw: Any, cell: Any = VALUES, distinct: bool = False) -> tuple[np.ndarray, ...]:
    """Rewards (N, K) with gaps, lengths (N,), ragged groups in any order under any ids, weights (K,)."""
    n, k = draw(st.integers(0, 16)), draw(st.integers(1, 3))
    cell = st.one_of(cell, st.just(math.nan))
    rewards = draw(st.lists(st.lists(cell, min_size=k, max_size=k), min_size=n, max_size=n))
    lengths = draw(st.lists(st.integers(1, 50), min_size=n, max_size=n, unique=distinct))
    ids = draw(st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=4))
    groups = draw(st.lists(st.sampled_from(ids), min_size=n, max_size=n))
    weights = draw(st.lists(st.sampled_from([-0.5, 0.0, 0.2, 1.0, 3.0]), min_size=k, max_size=k))
    return (
        np.array(rewards, dtype=np.float64).reshape(n, k),
        np.array(lengths, dtype=np.int64),
        np.array(groups, dtype=np.int64),
        np.array(weights),
    )
