"""A task that a tiny policy learns in seconds: answer a digit with as many `x` as it says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rewardkit.runtime.scores import Scores

PIECES = ["1", "2", "3", "=", "x", "y"]


def make_scores(
    terms: Mapping[str, Sequence[float]],
    group: np.ndarray | None = None,
    *,
    weights: Sequence[float] | None = None,
    skipped: Sequence[bool] | None = None,
    masked: Sequence[bool] | None = None,
    gates: Mapping[str, Sequence[float]] | None = None,
    faults: pl.DataFrame | None = None,
    step: float = 0,
    fingerprint: str = "toy",
) -> Scores:
    """Scores by hand."""
    matrix = np.array(list(terms.values()), dtype=np.float64).T
    weighed = np.array(weights if weights is not None else [1.0] * len(terms), dtype=np.float64)
    count = len(matrix)
    gone = np.array(skipped if skipped is not None else [False] * count, dtype=bool)
    total = np.where(gone, np.nan, np.nan_to_num(matrix) @ weighed)
    return Scores(
        terms=tuple(terms),
        matrix=matrix,
        weights=weighed,
        total=total,
        skipped=gone,
        masked=np.array(masked if masked is not None else [False] * count, dtype=bool),
        groups=group,
        scale=None,
        gates={name: np.array(values, dtype=np.float64) for name, values in (gates or {}).items()},
        frame=pl.DataFrame({"reward": total, **{name: list(values) for name, values in terms.items()}}),
        faults=pl.DataFrame({"row": []}, schema={"row": pl.Int64}) if faults is None else faults,
        timings={},
        step=step,
        fingerprint=fingerprint,
        normalizer="grpo",
    )


def score(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
    """`near`: a number of `x` near the prompt's digit; `clean`: nothing else; `brief`: gated on both."""
    texts, counts = rows["completion"], rows["count"]
    near = [1 - abs(text.count("x") - n) / 3 for text, n in zip(texts, counts, strict=True)]
    clean = [float(set(text) <= {"x"}) for text in texts]
    right = [float(text == "x" * n) for text, n in zip(texts, counts, strict=True)]
    brief = [r / n for r, n in zip(right, rows["completion_tokens"], strict=True)]
    return make_scores(
        {"near": near, "clean": clean, "brief": brief}, group, gates={"brief": right}, step=step
    )


def write_task(folder: Path) -> dict[str, Any]:
    """The rows and the tables of a run over them."""
    rows = [{"prompt": f"{n}=", "count": n} for n in (1, 2, 3)]
    draft = folder / f"rows-{os.getpid()}"  # several processes of a run may write them at once
    draft.write_text("\n".join(map(json.dumps, rows)) + "\n")
    draft.replace(folder / "rows.jsonl")
    return {
        "policy": {
            "config": {"hidden": 32, "layers": 1, "heads": 2, "mlp": 64},
            "tokenizer": PIECES,
            "device": "cpu",
        },
        "data": {"rows": "rows.jsonl"},
        "train": {
            "steps": 12,
            "prompts_per_step": 6,
            "completions_per_prompt": 8,
            "max_new_tokens": 6,
            "learning_rate": 3e-3,
            "threads": 1,
        },
        "log": {"dir": "run"},
        "checkpoint": {"every": 4},
    }
