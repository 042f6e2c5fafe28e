"""How many different advantages a spec's groups can get under each normalizer, and which it merges.

Figures 2 and 3 of the GDPO paper (arXiv 2601.05242), on any spec: every group of G completions is a
multiset of the reward combinations that a row can have; two groups count as one where their advantages
are the same numbers. As in the paper the order of completions does not count, and nothing is added to a
deviation or rescaled over the batch (`eps` 0, no whitening).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations_with_replacement, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.analysis.combinations import Combination, Combinations, combinations, json_value
from rewardkit.normalizers import get
from rewardkit.runtime.reward import Reward

Floats = NDArray[np.float64]

#: normalizers that are set side by side; what another one does is shown where the spec names it
COMPARED = ("grpo", "dr_grpo", "gdpo")
#: what a normalizer does within a group, where it scales that by a number of the batch
_WITHIN = {"batch": "dr_grpo"}

#: groups of one size that are looked at
MOST_GROUPS = 100_000
#: term values in all of them together: what fits into memory several times
_MOST_NUMBERS = 20_000_000
#: group sizes that are counted where the caller names none
SIZES = (2, 3, 4, 5, 6, 7, 8)
#: merges that are shown of each normalizer
_MERGES = 4
#: groups that one call of a normalizer gets
_AT_ONCE = 20_000
#: squares of larger values would leave the floats
_LARGEST = 1e60
#: advantages that differ by less, relative to the largest, are one number
_CLOSE = 1e-9

# --- advantages of all groups ----------------------------------------------------------------------


def bare(name: str) -> Mapping[str, Any]:
    """The options under which a normalizer adds nothing to deviations and does not look at the batch."""
    known = inspect.signature(get(name)).parameters
    return {option: value for option, value in (("eps", 0.0), ("whiten", "none")) if option in known}


def advantages(name: str, rewards: Floats, weights: Floats) -> Floats:
    """(M, G) advantages of M groups of G rows with K terms, (M, G, K) of which come in."""
    name = _WITHIN.get(name, name)
    function, options = get(name), bare(name)
    size = rewards.shape[1]
    found = []
    for start in range(0, len(rewards), _AT_ONCE):
        part = rewards[start : start + _AT_ONCE]
        groups = np.repeat(np.arange(len(part)), size)
        flat = part.reshape(len(part) * size, -1)
        found.append(np.asarray(function(flat, groups, weights, **options)).reshape(-1, size))
    return np.concatenate(found) if found else np.zeros((0, size))


def classes(advantages: Floats) -> NDArray[np.int64]:
    """(M,) a number for each group: the same where (M, G) advantages are, in any order, up to rounding."""
    numbers = np.sort(levels(advantages), axis=1)
    found = np.zeros(len(numbers), np.int64)
    for column in range(numbers.shape[1]):
        pair = found * (numbers.max(initial=0) + 1) + numbers[:, column]
        found = np.unique(pair, return_inverse=True)[1].astype(np.int64)
    return found


def levels(values: Floats) -> NDArray[np.int64]:
    """Numbers that are the same up to rounding get one level, whatever their last bits are."""
    flat = values.ravel()
    order = np.argsort(flat, kind="stable")
    tolerance = _CLOSE * np.abs(flat).max(initial=0.0)
    new = np.diff(flat[order], prepend=flat[order][:1]) > tolerance
    found = np.empty(len(flat), np.int64)
    found[order] = np.cumsum(new)
    return found.reshape(values.shape)


# --- counting --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SizeCount:
    """Groups of one size: how many there are, and how many different advantages each normalizer gives.

    `distinct` and `silent` are empty where there are too many groups to look at. `silent` counts groups
    whose completions differ in a weighted term and get no signal at all.
    """

    size: int
    groups: int
    distinct: Mapping[str, int]
    silent: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        return {
            "size": self.size,
            "groups": self.groups,
            "distinct": dict(self.distinct) or None,
            "silent": dict(self.silent) or None,
        }


@dataclass(frozen=True)
class Merge:
    """Groups to which `normalizer` gives the same advantages, and `by` does not."""

    normalizer: str
    by: tuple[str, ...]  # the normalizers that keep them apart
    advantages: tuple[float, ...]
    groups: tuple[tuple[Combination, ...], ...]  # rows of each, in the order of their advantages
    places: tuple[int, ...]  # which of the groups looked at these are
    apart: float  # how far the spread of their rewards differs, what is shown first

    def to_json(self) -> dict[str, Any]:
        return {
            "normalizer": self.normalizer,
            "kept_apart_by": list(self.by),
            "advantages": list(self.advantages),
            "groups": [[[json_value(v) for v in row] for row in group] for group in self.groups],
        }


@dataclass(frozen=True)
class Collapse:
    combinations: Combinations
    counts: tuple[SizeCount, ...]
    merge_size: int | None  # the group size that `merges` are of
    merges: tuple[Merge, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "combinations": self.combinations.to_json(),
            "counts": [count.to_json() for count in self.counts],
            "merge_size": self.merge_size,
            "merges": [merge.to_json() for merge in self.merges],
        }


def collapse(
    reward: Reward,
    sizes: Sequence[int] = SIZES,
    step: float = 0,
    normalizers: Sequence[str] = COMPARED,
    most: int = MOST_GROUPS,
) -> Collapse:
    """Count distinct advantage groups for each size, and find what the smallest one merges.

    Args:
        reward: the spec, with this run's params.
        sizes: completions per group.
        step: the training step, for weights and gates that depend on it.
        normalizers: names in the registry.
        most: groups of one size that are looked at; a size with more is left out.
    """
    known = combinations(reward, step)
    weights = reward.weights(step)
    if any(abs(v) > _LARGEST for combination in known.all for v in combination):
        known = Combinations(known.terms, (), {}, (), f"a term can be larger than {_LARGEST:g}")
    if known.problem is not None:
        return Collapse(known, (), None, ())
    counts: list[SizeCount] = []
    merge_size, merges = None, tuple[Merge, ...]()
    for size in sizes:
        total = sum(math.comb(len(world) + size - 1, size) for world in known.worlds)
        if total > most or total * size * len(known.terms) > _MOST_NUMBERS:
            counts.append(SizeCount(size, total, {}, {}))
            continue
        groups = _groups(known, size)
        found = {name: advantages(name, groups, weights) for name in normalizers}
        kinds = {name: classes(found[name]) for name in normalizers}
        varied = _varied(groups, weights)
        counts.append(
            SizeCount(
                size,
                len(groups),
                {name: int(kinds[name].max(initial=-1)) + 1 for name in normalizers},
                {name: int((varied & ~found[name].any(axis=1)).sum()) for name in normalizers},
            )
        )
        if merge_size is None and size > 1:
            merge_size = size
            merges = tuple(
                m
                for name in normalizers
                for m in islice(merged(name, groups, weights, found, kinds), _MERGES)
            )
    return Collapse(known, tuple(counts), merge_size, merges)


def _groups(known: Combinations, size: int) -> Floats:
    """(M, size, K): every multiset of the combinations of each world, once."""
    rows = known.all
    number = {combination: i for i, combination in enumerate(rows)}
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(known.terms))
    parts = []
    for world in known.worlds:
        members = sorted(number[combination] for combination in world)
        picks = combinations_with_replacement(members, size)
        parts.append(np.fromiter(chain.from_iterable(picks), np.int64).reshape(-1, size))
    groups = parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts), axis=0)
    return np.asarray(table[groups])


def _varied(groups: Floats, weights: Floats) -> NDArray[np.bool_]:
    """(M,) whether the rows of a group differ in a term with a weight."""
    weighed = groups[:, :, weights != 0]
    same = (weighed == weighed[:, :1]) | (np.isnan(weighed) & np.isnan(weighed[:, :1]))
    return ~np.asarray(same.all(axis=(1, 2)))


def merged(
    name: str,
    groups: Floats,
    weights: Floats,
    found: Mapping[str, Floats],
    kinds: Mapping[str, NDArray[np.int64]],
) -> Iterator[Merge]:
    """What a normalizer merges and another keeps apart: most others first, then the farthest apart."""
    others = [other for other in kinds if other != name]
    if not others or not len(groups):
        return
    reward = np.nansum(groups * weights, axis=2)
    spread = reward.max(axis=1) - reward.min(axis=1)
    table = np.stack([kinds[name], *(kinds[other] for other in others)], axis=1)
    # one representative, the first, of each way in which the others see the groups of a class
    _, first = np.unique(table, axis=0, return_index=True)
    members: dict[int, list[int]] = {}
    for place in sorted(first.tolist()):
        members.setdefault(int(kinds[name][place]), []).append(place)
    several = [
        (tuple(o for o in others if len(set(kinds[o][places].tolist())) > 1), places)
        for places in members.values()
        if len(places) > 1
    ]
    several.sort(key=lambda m: (-len(m[0]), -float(np.ptp(spread[m[1]]))))  # stable: else as enumerated
    for by, places in several:
        shown = _extremes(places, spread)
        yield Merge(
            name,
            by,
            tuple(float(a) + 0.0 for a in np.sort(found[name][places[0]])),
            tuple(_rows(groups[p], found[name][p]) for p in shown),
            tuple(shown),
            float(np.ptp(spread[places])),
        )


def _rows(group: Floats, advantage: Floats) -> tuple[Combination, ...]:
    order = np.argsort(advantage, kind="stable")
    return tuple(tuple(float(v) for v in row) for row in group[order])


#: groups that one merge shows
_SHOWN = 3


def _extremes(places: list[int], spread: Floats) -> list[int]:
    """A few of many groups, from the least to the most spread out."""
    ordered = sorted(places, key=lambda p: float(spread[p]))
    if len(ordered) <= _SHOWN:
        return ordered
    step = (len(ordered) - 1) / (_SHOWN - 1)
    return [ordered[round(i * step)] for i in range(_SHOWN)]
