"""What can fail, and where it shows: `scores.faults`, timeouts, `max_faults`."""

import math

import numpy as np
import pytest
from probes import install

import rewardkit as rk


@pytest.fixture(autouse=True)
def probes(monkeypatch):
    install(monkeypatch)


def faults(spec, columns, **options):
    scores = rk.loads(spec + "\nreward { t: 1 }")(columns, **options)
    return scores, scores.faults.select("row", "name", "function", "reason").rows()


def test_a_fault_names_row_let_function_and_reason():
    spec = "input a: int\nlet f = probe.flaky(a)\nterm t = f"
    scores, found = faults(spec, {"a": [1, 3, 6, 3]})
    assert found == [
        (1, "f", "probe.flaky", "3 is a multiple of 3"),
        (2, "f", "probe.flaky", "6 is a multiple of 3"),
        (3, "f", "probe.flaky", "3 is a multiple of 3"),
    ]
    assert np.isnan(scores.total[1:]).all()


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ("probe.wrong(1)", "gave str instead of int"),
        ("probe.wrong(2)", "gave nothing instead of int"),
        ("probe.unit(2.5)", "gave 2.5, outside its range [0, 1]"),
        ("probe.huge(7)", "the number is too large"),
        ("probe.vast(7)", "the number is too large"),
        ("9223372036854775807 + a", "the number is too large"),
    ],
)
def test_wrong_results(term, reason):
    scores, found = faults(f"input a: int\nterm t = {term}", {"a": [1]})
    assert [row[3] for row in found] == [reason]
    assert math.isnan(scores.total[0])


def test_a_swallowed_fault_is_counted_all_the_same():
    scores, found = faults("input a: int\nterm t = probe.flaky(a) ?? 0", {"a": [3]})
    assert scores.total.tolist() == [0] and len(found) == 1


def test_what_is_not_reached_cannot_fault():
    spec = "input a: int\nlet big = a * a\nterm t when a < 10 = big + probe.flaky(a)"
    assert faults(spec, {"a": [2**40, 2**40]})[1] == []


def test_faults_of_skip_conditions_show():
    scores, found = faults("input a: int\nskip when a * a > 0\nterm t = 1", {"a": [2**40, 1, 0]})
    assert scores.skipped.tolist() == [False, True, False]
    assert found == [(0, "skip", "", "the number is too large")]


def test_faults_inside_a_fold_are_the_rows():
    spec = "input xs: list[int]\nterm t = sum(probe.flaky(x) for x in xs)"
    assert faults(spec, {"xs": [[1], [2, 3, 6]]})[1] == [
        (1, "t", "probe.flaky", "3 is a multiple of 3"),
        (1, "t", "probe.flaky", "6 is a multiple of 3"),
    ]


def test_a_timeout_is_a_fault_and_disturbs_no_other_row():
    spec = "input s: text\nterm t = probe.stuck(s) ?? -1"
    stuck = "__import__('time').sleep(60)"
    scores, found = faults(spec, {"s": ["1 + 1", stuck, "2 + 2"]})
    assert scores.total.tolist() == [2, -1, 4]
    ((row, name, function, reason),) = found
    assert (row, name, function) == (1, "t", "probe.stuck") and "0.5" in reason
    assert scores.faults.get_column("seconds")[0] >= 0.5


def test_max_faults():
    spec = "input a: int\nterm t = probe.flaky(a) ?? 0\nreward { t: 1 }"
    rows = {"a": [1, 2, 3, 4]}
    rk.loads(spec)(rows, max_faults=0.25)
    with pytest.raises(
        rk.FaultLimitError, match=r"1 of 4 rows failed, more than the 20%.*row 2, `t`, probe.flaky"
    ):
        rk.loads(spec)(rows, max_faults=0.2)


def test_a_batch_function_that_raises_fails_alone(monkeypatch):
    from dataclasses import replace

    from rewardkit import library

    def lengths(tasks):
        if ("bad",) in tasks:
            raise ValueError("bad text")
        return [len(text) for (text,) in tasks]

    known = dict(library.functions())
    known["probe.length"] = replace(known["probe.length"], implementation=lengths, faults=True)
    monkeypatch.setattr(library, "functions", lambda: known)
    scores, found = faults("input s: text\nterm t = probe.length(s) ?? -1", {"s": ["a", "bad", "abc"]})
    assert scores.total.tolist() == [1, -1, 3]
    assert found == [(1, "t", "probe.length", "bad text")]


def test_a_worker_function_that_is_not_there_is_an_error(monkeypatch):
    from dataclasses import replace

    from rewardkit import library

    known = dict(library.functions())
    known["probe.read"] = replace(known["probe.read"], implementation="nowhere:nothing")
    monkeypatch.setattr(library, "functions", lambda: known)
    with pytest.raises((rk.RewardError, RuntimeError)):
        faults("input s: text\nterm t = probe.read(s)", {"s": ["1"]})


def test_totals_that_overflow():
    scores, found = faults("input x: real\nterm t = x * 1.5", {"x": [1e308, 1.7e308]})
    assert [row[:2] for row in found] == [(1, "t")]
    reward = rk.loads("input x: real\nterm t = x\nreward { t: 10 }")
    scores = reward({"x": [1e308]})
    assert scores.faults.rows()[0][:4] == (0, "reward", "", "the number is too large")
