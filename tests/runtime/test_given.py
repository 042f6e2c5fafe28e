"""Steps and calls that are known beforehand, as tests mock them: nothing below them is computed."""

import numpy as np
import pytest
from probes import install

from rewardkit.checker import check
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
