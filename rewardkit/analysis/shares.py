"""What the terms of real rows do under each normalizer: deviations within groups, shares of the signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.analysis.collapse import COMPARED, bare
from rewardkit.analysis.findings import Finding, number, share
from rewardkit.analysis.sample import Sample
from rewardkit.normalizers import effective_share, get, group_deviations
from rewardkit.types.normalizer import PROFILES, resolved

Floats = NDArray[np.float64]

#: A term *barely varies* where it is less than this part of the reward's deviation within groups, and is a
#: *full objective* from this part of the advantage on. On the runs behind `docs/analyze.md` a length penalty
#: that ruined a policy stood at 0.1% and 33%, and terms that did their work at 3% and more.
BARELY, FULL = 0.01, 0.1


@dataclass(frozen=True)
class TermStats:
    """One term over the rows; `weight` is `None` for a metric.

    `within` is its standard deviation within a group (ddof 1), the mean over the groups in which it has
    two values; `varies` the share of those in which it is not constant. Both are `None` without groups.
    """

    name: str
    weight: float | None
    mean: float | None
    std: float | None
    within: float | None
    varies: float | None
    zero: float  # of the rows with a value
    null: float
    open: float | None
    faults: int

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__}


@dataclass(frozen=True)
class Shares:
    """Of the K weighted terms, in order.

    `effective` holds the share of each term under each normalizer. `as_separate` are weights under which
    a normalizer of the summed reward, such as grpo, gives each term the share that `separate` does, and
    `as_summed` the other way round. The term that moves the reward most, `kept`, keeps its weight in
    both; a term that never varies has none.
    """

    terms: tuple[str, ...]
    effective: Mapping[str, tuple[float, ...]]
    summed: str | None  # the first normalizer that adds terms up before it scales them
    separate: str | None  # the first that scales each by itself
    kept: str | None
    as_separate: tuple[float | None, ...]
    as_summed: tuple[float | None, ...]
    silent: Mapping[str, float]  # normalizer -> share of groups without any signal
    groups: int
    sizes: tuple[int, int]  # the smallest and the largest group
    correlations: tuple[tuple[float | None, ...], ...]  # (K, K) of deviations within groups

    def to_json(self) -> dict[str, Any]:
        return {
            "terms": list(self.terms),
            "groups": self.groups,
            "group_sizes": list(self.sizes),
            "effective": {name: list(values) for name, values in self.effective.items()},
            "weights_for_the_shares_of": {
                str(self.separate): {"under": self.summed, "weights": list(self.as_separate)},
                str(self.summed): {"under": self.separate, "weights": list(self.as_summed)},
            },
            "keeps_its_weight": self.kept,
            "silent": dict(self.silent),
            "correlations": [list(row) for row in self.correlations],
        }


def term_stats(sample: Sample, names: Sequence[str]) -> tuple[TermStats, ...]:
    """Statistics of each term, `names` (the weighted ones, in order) first."""
    weights = dict(zip(names, sample.weights.tolist(), strict=True))
    ordered = [*names, *(name for name in sample.terms if name not in weights)]
    matrix = np.stack([sample.terms[name] for name in ordered], axis=1)
    spread = group_deviations(matrix, sample.groups) if sample.groups is not None else None
    return tuple(
        _stats(sample, name, weights.get(name), None if spread is None else spread[:, i])
        for i, name in enumerate(ordered)
    )


def _stats(sample: Sample, name: str, weight: float | None, spread: Floats | None) -> TermStats:
    values = sample.terms[name]
    there = values[~np.isnan(values)]
    known = None if spread is None else spread[~np.isnan(spread)]
    gate = sample.gates.get(name)
    gate = None if gate is None else gate[~np.isnan(gate)]
    return TermStats(
        name,
        weight,
        _mean(there),
        float(there.std(ddof=1)) if len(there) > 1 else None,
        None if known is None else _mean(known),
        None if known is None else _mean(known > 0),
        float((there == 0).mean()) if len(there) else 0.0,
        1 - len(there) / len(values),
        None if gate is None else _mean(gate),
        sample.faults.get(name, 0),
    )


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None


@lru_cache
def separates(name: str) -> bool:
    """Whether a normalizer scales each term by its own deviation: then a term's scale changes nothing."""
    rewards = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 3.0]] * 2)
    rewards[4:, 1] = [2.0, 0.0, 5.0, 1.0]
    groups = np.repeat([0, 1], 4)
    function, options = get(name), bare(name)
    plain, scaled = (function(rewards * [k, 1.0], groups, np.ones(2), **options) for k in (1.0, 8.0))
    return bool(np.allclose(plain, scaled, rtol=1e-9, atol=1e-12))


def shares(
    sample: Sample,
    names: Sequence[str],
    own: str | None = None,
    normalizers: Sequence[str] = COMPARED,
) -> Shares:
    """Shares of the weighted terms under each normalizer.

    Args:
        sample: scored rows with groups.
        names: of the weighted terms.
        own: the normalizer that the spec names; its options apply to it.
        normalizers: names in the registry.
    """
    groups, matrix, weights = sample.groups, sample.matrix, sample.weights
    assert groups is not None
    options = {name: dict(sample.options) if name == own else {} for name in normalizers}
    scaled = {
        name: _scaled(name, matrix, groups, options[name]) if separates(name) else matrix
        for name in normalizers
    }
    effective = {name: effective_share(scaled[name], groups, weights) for name in normalizers}
    summed = next((name for name in normalizers if not separates(name)), None)
    separate = next((name for name in normalizers if separates(name)), None)
    within = _within(matrix, groups)
    kept = int(np.argmax(np.abs(weights) * within)) if within.any() else None
    as_separate = as_summed = np.full(len(names), np.nan)
    if kept is not None and summed is not None and separate is not None:
        as_separate = _weights(effective[separate], within, weights, kept)
        as_summed = _weights(effective[summed], _within(scaled[separate], groups), weights, kept)
    counts = np.bincount(groups)
    return Shares(
        tuple(names),
        {name: tuple(values.tolist()) for name, values in effective.items()},
        summed,
        separate,
        None if kept is None else names[kept],
        _optional(as_separate),
        _optional(as_summed),
        {name: _silent(name, sample, options[name]) for name in normalizers},
        len(counts),
        (int(counts.min()), int(counts.max())),
        tuple(_optional(row) for row in correlations(matrix, groups)),
    )


def _within(matrix: Floats, groups: NDArray[np.int64]) -> Floats:
    """(K,) mean deviation within groups."""
    spread = group_deviations(matrix, groups)
    several = ~np.isnan(spread)
    total: Floats = np.where(several, spread, 0.0).sum(axis=0) / np.maximum(several.sum(axis=0), 1)
    return total


def _scaled(name: str, matrix: Floats, groups: NDArray[np.int64], options: Mapping[str, Any]) -> Floats:
    """Each term as the normalizer sees it: normalized alone."""
    chosen = {**options, **{k: v for k, v in bare(name).items() if k == "whiten"}}
    columns = [get(name)(matrix[:, [k]], groups, np.ones(1), **chosen) for k in range(matrix.shape[1])]
    return np.where(np.isnan(matrix), np.nan, np.stack(columns, axis=1))


def _weights(wanted: Floats, within: Floats, weights: Floats, kept: int) -> Floats:
    """Weights under which terms that deviate by `within` have the shares `wanted`; `kept` keeps its own."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sign(weights) * wanted / within
        found = found * abs(weights[kept]) / abs(found[kept])
    return np.where(within > 0, found, np.nan)


def _whitens(name: str, options: Mapping[str, Any]) -> str:
    return str(resolved(name, options)["whiten"]) if name in PROFILES else "none"


def _silent(name: str, sample: Sample, options: Mapping[str, Any]) -> float:
    assert sample.groups is not None
    if _whitens(name, options) == "token":  # the rows come without their tokens, and 0 stays 0 in either
        options = {**options, "whiten": "sequence"}
    advantages = get(name)(sample.matrix, sample.groups, sample.weights, **options)
    heard = np.zeros(int(sample.groups.max()) + 1, np.bool_)
    heard[sample.groups[np.asarray(advantages) != 0]] = True
    return float(1 - heard.mean())


def correlations(matrix: Floats, groups: NDArray[np.int64]) -> Floats:
    """(K, K) correlations of the terms' deviations from their group's mean; NaN for one that never varies."""
    there = ~np.isnan(matrix)
    columns = np.zeros_like(matrix)
    for k in range(matrix.shape[1]):
        values = np.where(there[:, k], matrix[:, k], 0.0)
        counts = np.maximum(np.bincount(groups, weights=there[:, k]), 1)
        mean = np.bincount(groups, weights=values) / counts
        spread = group_deviations(matrix[:, [k]], groups)[:, 0]
        varies = np.nan_to_num(spread) > 0  # where it does not, rounding must not pass for a deviation
        columns[:, k] = np.where(there[:, k] & varies[groups], matrix[:, k] - mean[groups], 0.0)
    products = columns.T @ columns
    squares = (columns**2).T @ there.astype(np.float64)  # over the rows on which the other has a value
    size = np.sqrt(squares * squares.T)
    found: Floats = np.divide(products, size, out=np.full_like(size, np.nan), where=size > 0)
    return np.clip(found, -1, 1)


def _optional(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)


# --- what to tell ----------------------------------------------------------------------------------


def amplified(found: Shares, stats: Sequence[TermStats]) -> tuple[Finding, ...]:
    """Terms that barely vary and that a normalizer which scales each by itself makes full objectives of."""
    if found.separate is None or found.summed is None:
        return ()
    by_name = {s.name: s for s in stats}
    out = []
    for i, name in enumerate(found.terms):
        small, large = found.effective[found.summed][i], found.effective[found.separate][i]
        if not (0 < small < BARELY and large >= FULL and large >= 10 * small):
            continue
        weight = found.as_summed[i]
        instead = f"weigh it {number(weight)} to keep its share" if weight is not None else "weigh it less"
        out.append(
            Finding(
                "amplified",
                "warning",
                name,
                f"`{name}` barely varies, {share(small)} of the reward's deviation within a group, and "
                f"{found.separate} makes {share(large)} of the advantage of it",
                f"{found.separate} divides its deviation, {number(by_name[name].within)}, out: {instead}, "
                "or gate it behind what matters",
            )
        )
    return tuple(out)


def constant_in_groups(stats: Sequence[TermStats]) -> tuple[Finding, ...]:
    """Weighted terms that differ between groups at most: no normalizer sees them on these rows."""
    return tuple(
        Finding(
            "constant-in-groups",
            "warning",
            s.name,
            f"`{s.name}` is constant in every group of these rows, so it has no effect on them",
        )
        for s in stats
        if s.weight is not None and s.varies == 0
    )
