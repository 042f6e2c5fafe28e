"""GFPO with adaptive difficulty: the harder a prompt, the more of its completions are learned from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..numbers import is_integer
from .gfpo import check_k, efficiency_keys, places
from .rows import Bools, Reals, State, Terms, prepare
from .sketch import Sketch

METRICS = ("shortest", "token_efficiency")

#: a mean this close to a quartile is not below it
_DUST = 1e-9


def adaptive_difficulty(
    rewards: ArrayLike,
    lengths: ArrayLike,
    groups: ArrayLike,
    weights: ArrayLike,
    state: State,
    *,
    k_very_hard: float = 0.5,
    k_hard: float = 0.5,
    k_medium: float = 0.375,
    k_easy: float = 0.25,
    warmup: int = 64,
    metric: str = "shortest",
    terms: Terms = None,
    names: Sequence[str] | None = None,
) -> tuple[Bools, State]:
    """Keeps k completions of each group, k by how its mean reward compares with all prompts so far.

    Source: GFPO, arXiv 2508.09726, Algorithm 2. The mean reward m of every group of this call joins a
    quantile sketch of the whole run; then

        k = k_very_hard  where m < q25      k = k_medium  where m < q75
        k = k_hard       where m < q50      k = k_easy    elsewhere

    As the comparison is strict, prompts that all have the same mean reward, 0 included, count as easy.

    Args:
        rewards: (N, K) unweighted term values, NaN where a term has no value.
        lengths: (N,) tokens.
        groups: (N,) integer ids, in any order, of any sizes.
        weights: (K,) finite.
        state: `{}` at first, then what the last call returned. Of bounded size.
        k_very_hard: of the hardest quarter: an integer from 2 on, or a share of the group as for `shortest`;
            likewise `k_hard`, `k_medium` and `k_easy`. The defaults are the paper's 8, 8, 6, 4 of 16.
        warmup: prompts that are seen, those of this call included, before quartiles are trusted; until
            then k is `k_very_hard`.
        metric: "shortest" or "token_efficiency": which k completions.
        terms: number or name of the term that is the reward here, or several, whose weighted sum is; all
            unless given.
        names: (K,) of the terms.

    Returns:
        keep (N,) as for `shortest`, and the new state. It has the `sketch`, and under `measures` the
        quartiles `q25`, `q50`, `q75` and the mean `k` of this call.

    Raises:
        ValueError: shapes do not fit, an option is unknown or out of range, or `state` is not one.
    """
    check_k(k_very_hard=k_very_hard, k_hard=k_hard, k_medium=k_medium, k_easy=k_easy)
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, not {metric!r}")
    if not is_integer(warmup) or warmup < 0:
        raise ValueError(f"warmup must be an integer from 0 on, not {warmup!r}")
    rows = prepare(rewards, lengths, groups, weights, terms, names)
    # rounded: equal means of other numbers must be one value, as quartiles are compared with means
    means: Reals = np.round(rows.means(), 12)
    sketch = Sketch.load(state.get("sketch")) if state else Sketch()
    sketch = sketch.add(means[~np.isnan(means)])
    hardness = np.zeros(rows.groups, dtype=np.int64)
    quartiles = sketch.quantiles([0.25, 0.5, 0.75]) if sketch.count else [0.0, 0.0, 0.0]
    if sketch.count and sketch.count >= warmup:
        hardness = np.searchsorted(np.asarray(quartiles) - _DUST, means, side="right")
    every = np.stack([places(each, rows) for each in (k_very_hard, k_hard, k_medium, k_easy)])
    k = every[hardness, np.arange(rows.groups)]
    keys = (rows.lengths,) if metric == "shortest" else efficiency_keys(rows)
    measures = dict(zip(("q25", "q50", "q75"), quartiles, strict=True))
    measures["k"] = float(k.mean()) if len(k) else 0.0
    return rows.best(k, *keys), {"sketch": sketch.save(), "measures": measures}
