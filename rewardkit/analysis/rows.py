"""What changes on real rows between two specs: both score them, and whose rank in its group moves is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.analysis.orders import Pairs, pairs, plain, ranks
from rewardkit.runtime.batches import blocks, slice_of
from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.files import read_rows
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows, read_groups

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Progress = Callable[[str, int, int], None]

_SAME = 1e-9  # rewards that differ by less, relative to their size, are the same


@dataclass(frozen=True, eq=False)
class Scored:
    """What one spec gives N rows: `adds` is what each term adds to the reward, weight × value."""

    total: Floats  # (N,), NaN without a reward
    adds: Mapping[str, Floats]
    skipped: Bools
    faulted: Bools


@dataclass(frozen=True)
class Moved:
    """A row whose rank changed, or that only one spec rewards. `terms`: what each added more or less."""

    row: int
    group: Any
    size: int  # rows of the group that both reward
    rewards: tuple[float, float]
    ranks: tuple[float, float]  # NaN where one gives no reward
    terms: tuple[tuple[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "group": self.group,
            "size": self.size,
            "reward": [plain(x) for x in self.rewards],
            "rank": [plain(x) for x in self.ranks],
            "terms": dict(self.terms),
        }


@dataclass(frozen=True)
class RowsDifference:
    """Two specs over the same rows. Shares are of the rows that both reward."""

    rows: int
    compared: int
    groups: int
    reward_changed: int
    rank_changed: int
    groups_changed: int
    pairs: Pairs
    means: tuple[float, float]
    terms: tuple[tuple[str, float | None, float | None], ...]  # mean of what each adds; None: no such term
    skipped: tuple[int, int]  # by the first only, by the second only
    nulls: tuple[int, int]  # not skipped and without a reward, under the first only, under the second only
    faults: tuple[int, int]  # rows with a fault, under each
    rewarded: tuple[int, int]  # rows with a reward under the first only, under the second only
    moved: tuple[Moved, ...]  # whose rank changed, largest first; as many as were asked for
    lost: tuple[Moved, ...]  # rewarded by one of the two only; as many as were asked for

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "compared": self.compared,
            "groups": self.groups,
            "reward_changed": self.reward_changed,
            "rank_changed": self.rank_changed,
            "groups_changed": self.groups_changed,
            "pairs": self.pairs.to_json(),
            "mean": [plain(x) for x in self.means],
            "terms": [{"name": name, "adds": [plain(x), plain(y)]} for name, x, y in self.terms],
            "skipped_by_one": list(self.skipped),
            "null_under_one": list(self.nulls),
            "rewarded_by": list(self.rewarded),
            "faulted": list(self.faults),
            "moved": [m.to_json() for m in self.moved],
            "rewarded_by_one": [m.to_json() for m in self.lost],
        }


def score_all(
    reward: Reward,
    data: Any,
    *,
    mapping: Mapping[str, str],
    groups: NDArray[np.int64] | None,
    batch_size: int | None,
    step: float,
    progress: Progress | None = None,
) -> Scored:
    """Score rows in blocks of whole groups and keep what a comparison needs.

    Raises:
        RowsError: the rows do not fit the spec.
    """
    n = Rows(data, mapping).n
    totals, skipped, faulted = np.full(n, np.nan), np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    adds = {name: np.full(n, np.nan) for name in reward.terms}
    for start, stop in blocks(n, groups, batch_size):
        ids = None if groups is None else groups[start:stop]
        scores = reward.score(Rows(slice_of(data, start, stop), mapping), ids, step, progress=progress)
        totals[start:stop], skipped[start:stop] = scores.total, scores.skipped
        for k, name in enumerate(reward.terms):
            adds[name][start:stop] = scores.matrix[:, k] * scores.weights[k]
        faulted[start + scores.faults.get_column("row").to_numpy()] = True
        if progress is not None:
            progress("rows", stop, n)
    return Scored(totals, adds, skipped, faulted)


def compare_on(
    a: Reward,
    b: Reward,
    path: str,
    *,
    mappings: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
    group: str | None = None,
    group_size: int | None = None,
    batch_size: int | None = None,
    step: float = 0,
    top: int | None = None,
    progress: Progress | None = None,
) -> RowsDifference:
    """Score the rows of a file with both specs; without groups all rows are ranked together.

    Raises:
        RowsError: the rows do not fit one of the specs, which is named.
    """
    if group is not None and group_size is not None:
        raise RowsError("give --group or --group-size, not both")
    data: Any = None
    groups: NDArray[np.int64] | None = None
    names: Sequence[Any] = [None]
    scored = []
    for reward, mapping in ((a, mappings[0]), (b, mappings[1])):
        try:
            if data is None or path != "-":  # standard input is read once; a file as each spec types it
                data = read_rows(path, reward.spec)
            rows = Rows(data, mapping)
            if group is not None:
                ids = rows.ids(group)
                groups, names = read_groups(ids, rows.n), list(dict.fromkeys(ids))
            elif group_size is not None:
                groups, names = read_groups(group_size, rows.n), range(rows.n)
            scored.append(
                score_all(
                    reward,
                    data,
                    mapping=mapping,
                    groups=groups,
                    batch_size=batch_size,
                    step=step,
                    progress=progress,
                )
            )
        except RowsError as error:
            raise RowsError(f"`{reward.spec.source.name}`: {error}") from None
    whole = np.zeros(len(scored[0].total), np.int64)
    return compare(scored[0], scored[1], whole if groups is None else groups, names, top)


def compare(
    a: Scored, b: Scored, groups: NDArray[np.int64], names: Sequence[Any], top: int | None = None
) -> RowsDifference:
    """Two scorings of the same N rows.

    Args:
        a, b: the scorings.
        groups: (N,) dense group numbers; rows are ranked among the rows of their group that both reward.
        names: what each group is called.
        top: how many rows to list.
    """
    both = ~np.isnan(a.total) & ~np.isnan(b.total)
    rows = np.flatnonzero(both)
    x, y, own = a.total[both], b.total[both], groups[both]
    rank_x, rank_y = ranks(x, own), ranks(y, own)
    changed = _changed(x, y)
    moves = rank_x != rank_y
    size = np.bincount(own, minlength=len(names))
    terms = tuple(dict.fromkeys((*a.adds, *b.adds)))

    def moved(row: int, ranked: tuple[float, float]) -> Moved:
        group = int(groups[row])
        added = [(name, _added(b, name, row) - _added(a, name, row)) for name in terms]
        top = sorted((t for t in added if abs(t[1]) > _SAME), key=lambda t: -abs(t[1]))
        rewards = float(a.total[row]), float(b.total[row])
        return Moved(row, names[group], int(size[group]), rewards, ranked, tuple(top))

    at = np.flatnonzero(moves)
    # the largest change of rank first, then of reward, then in the order of rows
    order = at[np.lexsort((rows[at], -np.abs(y - x)[at], -np.abs(rank_y - rank_x)[at]))]
    one = np.flatnonzero(np.isnan(a.total) != np.isnan(b.total))
    null = [np.isnan(s.total) & ~s.skipped for s in (a, b)]
    return RowsDifference(
        rows=len(a.total),
        compared=len(rows),
        groups=int((size > 0).sum()),
        reward_changed=int(changed.sum()),
        rank_changed=int(moves.sum()),
        groups_changed=len(np.unique(own[moves])),
        pairs=pairs(x, y, own),
        means=(_mean(x), _mean(y)),
        terms=tuple((name, _adds(a, name, both), _adds(b, name, both)) for name in terms),
        skipped=(int((a.skipped & ~b.skipped).sum()), int((b.skipped & ~a.skipped).sum())),
        nulls=(int((null[0] & ~null[1]).sum()), int((null[1] & ~null[0]).sum())),
        faults=(int(a.faulted.sum()), int(b.faulted.sum())),
        rewarded=(int(np.isnan(b.total[one]).sum()), int(np.isnan(a.total[one]).sum())),
        moved=tuple(moved(int(rows[i]), (float(rank_x[i]), float(rank_y[i]))) for i in order[:top]),
        lost=tuple(moved(int(row), (np.nan, np.nan)) for row in one[:top]),
    )


def _changed(x: Floats, y: Floats) -> Bools:
    return np.asarray(np.abs(x - y) > _SAME * np.maximum(1.0, np.maximum(np.abs(x), np.abs(y))))


def _added(scored: Scored, name: str, row: int) -> float:
    """What a term adds to a row, 0 where it has no value or the spec no such term."""
    return float(np.nan_to_num(scored.adds[name][row])) if name in scored.adds else 0.0


def _adds(scored: Scored, name: str, rows: Bools) -> float | None:
    return _mean(np.nan_to_num(scored.adds[name][rows])) if name in scored.adds else None


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
