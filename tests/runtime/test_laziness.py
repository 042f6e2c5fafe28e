"""What is not reached is not called, and each distinct argument is called once: calls are counted."""

import pytest
from comparison import compare
from probes import install

import rewardkit as rk


@pytest.fixture(autouse=True)
def probes(monkeypatch):
    install(monkeypatch)


def calls(spec, columns, group=None, **options):
    """The calls made for some rows, where the reference evaluator reaches as many."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    compare(rk.loads(spec), rows, group)
    reward = rk.loads(spec)
    reward(rows, group=group, **options)
    return {name.removeprefix("probe."): count for name, count in reward.counts.items()}


A = "input a: int\n"
S = "input s: text\n"
R = "\nreward { t: 1 }"


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("term t = probe.even(a)", 4),
        ("term t when a > 2 = probe.even(a)", 2),  # a = 3, 4
        ("term t when a > 2 else (if probe.even(a) then 1 else 0) = 1", 2),
        ("term t = a > 2 and probe.even(a)", 2),
        ("term t = a > 2 or probe.even(a)", 2),
        ("term t = if a > 2 then probe.even(a) else true", 2),
        ("term t = if a > 2 then true else probe.even(a)", 2),
        ("let x = if a > 2 then a else null\nterm t = x ?? (if probe.even(a) then 1 else 0)", 2),
        ("skip when a > 2\nterm t = probe.even(a)", 2),
        ("skip when a > 2\nskip when probe.even(a)\nterm t = 1", 2),
        ("let unused = probe.even(a)\nterm t = 1", 0),
        ("let both = probe.even(a)\nterm t when a > 3 = both\nterm u when a < 2 = both", 2),
        ("let both = probe.even(a)\nterm t when a > 3 = both\nterm u = both", 4),
        ("let both = probe.even(a)\nterm t when a > 3 = if both then 1 else 0\nterm metric = both", 4),
        ("term t = count(probe.even(a)) over group", 4),
        ("term t when a == 3 = count(probe.even(a)) over group", 2),  # a = 3, 4 are one group
        ("term t when a == 3 = count(probe.even(a)) over batch", 4),
        ("term t = count(probe.even(a) where a > 1) over group", 3),
        ("term t = sum(a where probe.even(a)) over group", 4),
        ("term t = 1\nmask when a > 2 and probe.even(a)", 2),
        ("term t = 1\nadvantage grpo { scale: count(probe.even(a)) over group }", 4),
        ("term t = probe.even(a)\nterm u = probe.even(a)", 4),
        ("let b = a - a\nterm t = probe.even(b)", 1),
        # the same arguments from other places in the file
        ("let b = 5 - a\nterm t = probe.even(a)\nterm u = probe.even(b)", 4),
        # and from a later stage, whose argument is a call's result
        ("term t = probe.even(a)\nterm u = probe.even((probe.half(a * 2) ?? 0))", 4),
        ("term t = any(probe.even(x) for x in [a, 1, 2])", 4),
        ("term t = any(x > 2 and probe.even(x) for x in [a, 1, 2])", 2),
        ("term t = any(probe.even(x) for x in [a, 1, 2] where x > 2)", 2),
        ("let e = probe.even(a)\nterm t = any(x > 3 and e for x in [a, 1, 2])", 1),
        ("let e = probe.even(a)\nterm t = any(any(y > 3 and e for y in [x]) for x in [a, 1])", 1),
    ],
)
def test_in_this_process(spec, count):
    found = calls(A + spec + R, {"a": [1, 2, 3, 4]}, group=2)
    assert found.get("even", 0) == count


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("term t = probe.read(s)", 3),
        ('term t when s != "2" = probe.read(s)', 2),
        ('term t = s != "2" and probe.read(s) > 1', 2),
        ("let n = probe.read(s)\nterm t when n > 1 = n", 3),
        ('let n = probe.read(s)\nterm t when s == "2" = n\nterm u when s == "3" = n', 2),
        ("skip when probe.read(s) > 2\nterm t = probe.read(s)", 3),
        ('term t = sum(probe.read(x) for x in [s, "3"])', 3),
    ],
)
def test_in_workers(spec, count):
    found = calls(S + spec + R, {"s": ["1", "2", "2", "3"]})
    assert found.get("read", 0) == count


def test_guards_that_need_each_others_calls():
    """`flaky` waits for `half` on one row and `half` for `flaky` on the other: no row has a circle."""
    spec = (
        A
        + """
let f = if a > 3 then probe.flaky(a) else (if h > 0 then probe.flaky(a) else -1)
let h0 = probe.half(a) ?? -1
let h = if a > 3 then 1 else h0
let g = if a > 3 then (if f > 0 then probe.half(a) ?? -2 else -3) else h0
term t = f + g
reward { t: 1 }
"""
    )
    assert calls(spec, {"a": [2, 4, 1, 5]}) == {"flaky": 3, "half": 4}


def test_keep_is_no_use():
    spec = A + "let e = probe.even(a)\nterm t when a > 2 = e" + R
    rows = [{"a": a} for a in (1, 3, 4)]
    reward = rk.loads(spec)
    scores = reward(rows, keep=["e"])
    assert reward.counts == {"probe.even": 2}
    assert scores.frame.get_column("e").to_list() == [None, False, True]


def test_a_let_that_is_used_for_its_own_sake():
    spec = A + "let e = probe.even(a)\nterm t = 1" + R
    reward = rk.loads(spec)
    from rewardkit.runtime.rows import Rows

    rows = Rows([{"a": a} for a in (1, 3, 4)])
    reward.score(rows, uses={"e": [False, True, True]}, keep=("e",))
    assert reward.counts == {"probe.even": 2}


def test_null_and_faulted_arguments_are_no_calls():
    spec = "input a: int?\nterm t = probe.even(a) ?? true\nterm u = probe.even((probe.flaky(a))) ?? true" + R
    assert calls(spec, {"a": [None, 3, 4]}) == {"even": 2, "flaky": 2}


def test_the_cache_keeps_results_and_not_faults():
    reward = rk.loads(S + "term t = probe.read(s) ?? 0" + R)
    rows = [{"s": s} for s in ("1", "x", "1")]
    first = reward(rows)
    assert reward.counts == {"probe.read": 2}
    second = reward(rows)
    assert reward.counts == {"probe.read": 3}  # "x" failed, so it is tried again
    assert second.total.tolist() == first.total.tolist() == [1, 0, 1]


def test_progress_tells_of_each_call():
    seen = []
    reward = rk.loads(S + "term t = probe.read(s)" + R)
    reward([{"s": s} for s in "1223"], progress=lambda *report: seen.append(report))
    assert seen == [("probe.read", 1, 3), ("probe.read", 2, 3), ("probe.read", 3, 3)]
