"""Ranks and counts of pairs, against counting them one by one."""

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardkit.analysis.orders import Pairs, pairs, ranks, settled

ROWS = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 3)), max_size=40)


def one_by_one(x, y, groups):
    found = {"all": 0, "swapped": 0, "tied": 0, "split": 0}
    for i, j in combinations(range(len(x)), 2):
        if groups[i] != groups[j]:
            continue
        a, b = np.sign(x[i] - x[j]), np.sign(y[i] - y[j])
        found["all"] += 1
        found["swapped"] += a * b < 0
        found["tied"] += a != 0 and b == 0
        found["split"] += a == 0 and b != 0
    return Pairs(**found)


@settings(max_examples=500, deadline=None)
@given(ROWS)
def test_pairs_are_those_counted_one_by_one(rows):
    x, y, groups = (np.array([row[i] for row in rows], kind) for i, kind in enumerate((float, float, int)))
    assert pairs(x / 4, y / 4, groups) == one_by_one(x, y, groups)


def test_many_rows_are_quick():
    n = 1 << 17
    up = np.arange(n, dtype=np.float64)
    assert pairs(up, -up, np.zeros(n, np.int64)).swapped == n * (n - 1) // 2


def test_ranks_are_from_the_best_and_ties_share():
    values, groups = np.array([1.0, 3.0, 3.0, 2.0, 5.0]), np.array([0, 0, 0, 0, 1])
    assert ranks(values, groups).tolist() == [4.0, 1.5, 1.5, 3.0, 1.0]


def test_rounding_makes_no_order():
    values = np.array([0.1 + 0.2, 0.3, 0.30001])
    assert ranks(values, np.zeros(3, np.int64)).tolist() == [2.5, 2.5, 1.0]
    assert settled(np.array([0.0, -0.0])).tolist() == [0.0, 0.0]
    large = np.array([1e300, 1e300 * (1 + 1e-12), 1.1e300])
    assert len(set(settled(large).tolist())) == 2
