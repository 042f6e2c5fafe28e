"""One-to-one matchings of rows (gold calls) with columns (found calls)."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def greedy(weights: list[list[float]]) -> float:
    """Each row in turn takes the best column left."""
    total, free = 0.0, set(range(len(weights[0]) if weights else 0))
    for row in weights:
        best = max(sorted(free), key=row.__getitem__, default=None)
        if best is not None and row[best] > 0:
            total += row[best]
            free.remove(best)
    return total


def in_order(weights: list[list[float]]) -> float:
    """The heaviest matching without crossings."""
    best = [0.0] * (len(weights[0]) + 1 if weights else 1)
    for row in weights:
        above, best = best, [0.0]
        for column, weight in enumerate(row):
            best.append(max(best[-1], above[column + 1], above[column] + weight))
    return best[-1]


def optimal(weights: list[list[float]]) -> float:
    """The heaviest matching: the Hungarian algorithm, adding one row at a time."""
    if weights and len(weights) > len(weights[0]):
        weights = [list(column) for column in zip(*weights, strict=True)]
    if not weights:
        return 0.0
    rows, columns = len(weights), len(weights[0])
    # Row and column 0 are outside the matrix; `owner[c]` is the row that column `c` is matched with.
    # Costs are negated weights, and `price_row[r] + price_column[c]` never exceeds the cost.
    price_row, price_column = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner = [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        slack, came_from = [float("inf")] * (columns + 1), [0] * (columns + 1)
        done = [False] * (columns + 1)
        while owner[column]:
            done[column] = True
            here, nearest, step = owner[column], 0, float("inf")
            for c in range(1, columns + 1):
                if done[c]:
                    continue
                left = -weights[here - 1][c - 1] - price_row[here] - price_column[c]
                if left < slack[c]:
                    slack[c], came_from[c] = left, column
                if slack[c] < step:
                    step, nearest = slack[c], c
            for c in range(columns + 1):
                if done[c]:
                    price_row[owner[c]] += step
                    price_column[c] -= step
                else:
                    slack[c] -= step
            column = nearest
        while column:
            owner[column] = owner[came_from[column]]
            column = came_from[column]
    return sum(weights[owner[c] - 1][c - 1] for c in range(1, columns + 1) if owner[c])


def perfect(fits: Sequence[Sequence[bool]]) -> bool:
    """Whether every row can have a column of its own that fits: augmenting paths, one row at a time."""
    owner: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in seen:
                seen.add(column)
                if column not in owner or place(owner[column], seen):
                    owner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(fits)))


#: By the name that a spec gives; each returns the weight of its matching
MATCHINGS: dict[str, Callable[[list[list[float]]], float]] = {
    "optimal": optimal,
    "greedy": greedy,
    "in_order": in_order,
}
