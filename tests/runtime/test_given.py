"""Steps and calls that are known beforehand, as tests mock them: nothing below them is computed."""

import numpy as np
import pytest
from probes import install

from rewardkit.checker import check
from rewardkit.checker.draft import below
from rewardkit.diagnostics import Source
from rewardkit.runtime.columns import column_of
from rewardkit.runtime.engine import CallMock, Given
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows

SPEC = """
input n: int
input xs: list[int]
let half = probe.half(n)
let bad = failed(probe.flaky(n))
term t = half ?? -1
term f = sum(probe.flaky(x) for x in xs)
term g = bad
reward { t: 1  f: 1 }
"""
ROWS = [{"n": 3, "xs": [1, 2]}, {"n": 8, "xs": [3]}, {"n": 6, "xs": [4]}]


@pytest.fixture(autouse=True)
def probes(monkeypatch):
    install(monkeypatch)


def reward():
    spec, _ = check(Source("given", SPEC))
    return Reward(spec)


def column(rewarded, evaluation, name):
    return evaluation.engine.columns[rewarded.plan.terms[name]].data.tolist()


def test_a_given_let_is_not_computed():
    rewarded = reward()
    half = rewarded.spec.lets["half"]
    rows = np.array([True, False, True])
    known = {rewarded.plan.numbers[id(half)]: Given(rows, column_of([70, None, None], half.type))}
    found = rewarded.evaluate(Rows(ROWS), given=known)
    assert column(rewarded, found, "t") == [70, 4, -1]
    assert rewarded.counts["probe.half"] == 1


def test_a_mocked_function_is_not_called_in_folds_either():
    rewarded = reward()
    some = CallMock("probe.flaky", np.array([True, True, False]), 50)
    last = CallMock("probe.flaky", np.array([False, True, False]), 7)
    found = rewarded.evaluate(Rows(ROWS), mocks=[some, last])
    assert column(rewarded, found, "f") == [100, 7, 4]
    assert column(rewarded, found, "g") == [0, 0, 1]
    assert set(rewarded.scores_of(found).faults["row"].to_list()) == {2}


def test_a_mocked_failure_is_a_null_and_no_fault():
    rewarded = reward()
    found = rewarded.evaluate(Rows(ROWS), mocks=[CallMock("probe.half", np.ones(3, bool), None)])
    assert column(rewarded, found, "t") == [-1, -1, -1]


NULLS = """
input n: int?
input a: real
input xs: list[int]
term t = probe.flaky(n) ?? -1
term u = probe.flaky(probe.half(n)) ?? -1
term v = sum(probe.flaky(x + (n ?? 1)) for x in xs)
term w = sum(probe.flaky(n) ?? -1 for x in xs)
term y = clamp(a * a, 0, 1) ?? -1
term z = failed(clamp(a * a, 0, 1))
reward { t: 1 }
"""
NULL_ROWS = [
    {"n": 8, "a": 2, "xs": [1, 2]},
    {"n": 3, "a": 1e200, "xs": [3]},
    {"n": None, "a": 2, "xs": [4, 5]},
]


def test_a_mocked_call_of_null_is_null_and_one_of_a_failure_fails():
    spec, _ = check(Source("nulls", NULLS))
    rewarded = Reward(spec)
    every = np.ones(3, bool)
    mocks = [CallMock("probe.flaky", every, 50), CallMock("clamp", every, 0.75)]
    found = rewarded.evaluate(Rows(NULL_ROWS), mocks=mocks)
    assert column(rewarded, found, "t") == [50, 50, -1]
    assert column(rewarded, found, "u") == [50, -1, -1]
    assert column(rewarded, found, "v") == [100, 50, 100]
    assert column(rewarded, found, "w") == [100, 50, -2]
    assert column(rewarded, found, "y") == [0.75, -1, 0.75]
    assert column(rewarded, found, "z") == [0, 1, 0]
    assert rewarded.counts == {"probe.half": 2}, "an argument is computed, the call is not made"


def test_a_mocked_null_needs_no_arguments():
    spec, _ = check(Source("nulls", NULLS))
    rewarded = Reward(spec)
    mocks = [CallMock("probe.flaky", np.ones(3, bool), None)]
    found = rewarded.evaluate(Rows(NULL_ROWS), mocks=mocks)
    assert column(rewarded, found, "u") == [-1, -1, -1]
    assert rewarded.counts == {}


def test_what_is_given_of_a_call_counts_more_than_its_mock():
    spec, _ = check(Source("nulls", NULLS))
    rewarded = Reward(spec)
    call = next(v for v in below([spec.terms["t"].value]) if v.op == "call")
    rows = np.array([False, False, True])
    known = {rewarded.plan.numbers[id(call)]: Given(rows, column_of([None, None, 7], call.type))}
    for value, rest in ((50, [50, 50]), (None, [-1, -1])):
        mocks = [CallMock("probe.flaky", np.ones(3, bool), value)]
        found = rewarded.evaluate(Rows(NULL_ROWS), given=known, mocks=mocks)
        assert column(rewarded, found, "t") == [*rest, 7]
