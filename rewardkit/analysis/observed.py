"""How many different advantages the groups of real rows get, and which of them a normalizer merges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.analysis.collapse import COMPARED, Floats, Merge, advantages, classes, merged
from rewardkit.analysis.sample import Sample

#: merges that are told of each normalizer
_MERGES = 2


@dataclass(frozen=True)
class Observed:
    """Groups of two or more rows; `distinct` counts their different advantages under each normalizer.

    `shared` is the share of groups that another normalizer tells from some group with the same advantages.
    """

    groups: int
    distinct: Mapping[str, int]
    shared: Mapping[str, float]
    merges: tuple[tuple[Merge, tuple[str, ...]], ...]  # each with what its groups are called

    def to_json(self) -> dict[str, Any]:
        return {
            "groups": self.groups,
            "distinct": dict(self.distinct),
            "shared": dict(self.shared),
            "merges": [{**merge.to_json(), "labels": list(labels)} for merge, labels in self.merges],
        }


def observed(sample: Sample, normalizers: Sequence[str] = COMPARED) -> Observed:
    """Count the distinct advantages of a sample's groups, order of rows ignored, `eps` 0, no whitening."""
    distinct = dict.fromkeys(normalizers, 0)
    shared = dict.fromkeys(normalizers, 0)
    found: dict[str, list[tuple[Merge, tuple[str, ...]]]] = {name: [] for name in normalizers}
    total = 0
    for numbers, groups in _by_size(sample):
        total += len(groups)
        given = {name: advantages(name, groups, sample.weights) for name in normalizers}
        kinds = {name: classes(given[name]) for name in normalizers}
        for name in normalizers:
            distinct[name] += int(kinds[name].max()) + 1
            shared[name] += _shared(name, kinds)
            for merge in islice(merged(name, groups, sample.weights, given, kinds), _MERGES):
                labels = tuple(sample.labels[numbers[place]] for place in merge.places)
                found[name].append((merge, labels))
    merges = [m for name in normalizers for m in sorted(found[name], key=lambda m: -m[0].apart)[:_MERGES]]
    return Observed(
        total, distinct, {name: count / max(total, 1) for name, count in shared.items()}, tuple(merges)
    )


def _by_size(sample: Sample) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Groups of one size after the other: (M,) their numbers and (M, G, K) their term values."""
    assert sample.groups is not None
    order = np.argsort(sample.groups, kind="stable")
    counts = np.bincount(sample.groups)
    starts = np.cumsum(counts) - counts
    for size in np.unique(counts).tolist():
        if size > 1:
            numbers = np.flatnonzero(counts == size)
            rows = order[starts[numbers][:, None] + np.arange(size)]
            yield numbers, sample.matrix[rows]


def _shared(name: str, kinds: Mapping[str, NDArray[np.int64]]) -> int:
    """Groups whose class under `name` holds groups that another normalizer tells apart."""
    told = np.unique(np.stack(list(kinds.values()), axis=1), axis=0)
    own = told[:, list(kinds).index(name)]
    parts = np.bincount(own)
    return int((parts[kinds[name]] > 1).sum())
