"""GEPA's rules for who may have children, written down from the paper (arXiv 2507.19457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Matrix = Sequence[Sequence[float]]  # candidates x instances


def fronts_of(matrix: Matrix) -> list[set[int]]:
    """Of each instance: the candidates with its highest score."""
    columns = list(zip(*matrix, strict=True))
    return [{k for k, value in enumerate(column) if value == max(column)} for column in columns]


def survivors(matrix: Matrix) -> set[int]:
    """Lowest total first, whoever has another survivor beside it on each of its fronts is dominated."""
    fronts = fronts_of(matrix)
    left = set().union(*fronts)
    order = sorted(left, key=lambda k: sum(matrix[k]))
    for k in order:
        if all(front & left - {k} for front in fronts if k in front):
            left.discard(k)
    return left


def pruned(matrix: Matrix) -> list[set[int]]:
    left = survivors(matrix)
    return [front & left for front in fronts_of(matrix)]


def accepted(before: Sequence[float], after: Sequence[float]) -> bool:
    return sum(after) > sum(before)


def accepted_merge(parents: Sequence[float], after: float) -> bool:
    return after >= max(parents)


def merged(candidates: Sequence[Mapping[str, str]], scores: Sequence[float]) -> dict[str, set[str]] | None:
    """What each part of a merge of candidates 1 and 2 below 0 may be; None where they are not merged."""
    (old, one, two), (base, first, second) = candidates, scores
    if base > first or base > second:
        return None
    if not any(one[p] != two[p] and old[p] in (one[p], two[p]) for p in old):
        return None
    parts = {}
    for p in old:
        if one[p] == two[p]:
            parts[p] = {one[p]}
        elif old[p] == one[p]:
            parts[p] = {two[p]}
        elif old[p] == two[p]:
            parts[p] = {one[p]}
        elif first != second:
            parts[p] = {one[p] if first > second else two[p]}
        else:
            parts[p] = {one[p], two[p]}
    return parts
