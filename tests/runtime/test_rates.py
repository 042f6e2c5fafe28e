"""Limits of our own, waits that grow, and what endpoints say of theirs."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from rewardkit.runtime.rates import Bucket, backoff, retry_after

NOW = 1_800_000_000.0


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@given(
    st.floats(1, 6000),
    st.lists(st.tuples(st.floats(0, 2), st.floats(0.1, 5)), min_size=1, max_size=40),
)
def test_no_minute_has_more_than_its_limit(per_minute, steps):
    """Units are used when their wait is over: in no span of time more than the rate and a second's burst."""
    clock = Clock()
    bucket = Bucket(per_minute, clock)
    used = []
    for pause, units in steps:
        clock.now += pause
        wait = bucket.take(units)
        assert wait >= 0
        used.append((clock.now + wait, units))
    for i, (start, _) in enumerate(used):
        taken = 0.0
        for when, units in used[i:]:
            allowed = per_minute / 60 * (when - start + 1.0)
            assert taken <= allowed * 1.000001 + 1e-6  # what was taken before this one
            taken += units


def test_a_bucket_that_rested_gives_a_second_at_once():
    clock = Clock()
    bucket = Bucket(600, clock)
    clock.now = 100.0
    assert [bucket.take(1) for _ in range(12)] == pytest.approx([0.0] * 11 + [0.1])


@given(st.integers(0, 10_000), st.floats(0.001, 10))
def test_waits_grow_up_to_a_limit(attempt, first):
    assert 0 < backoff(attempt, first) <= 30
    assert backoff(0, first) <= first


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:10 GMT"}, 10.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Fri, 99 Jan 99999 99:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_what_an_endpoint_asks_for(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@given(st.text(max_size=12))
def test_any_header_is_a_time_or_none(value):
    found = retry_after({"retry-after": value}, NOW)
    assert found is None or found >= 0
