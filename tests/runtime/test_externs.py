"""Externs: functions of the host, held to what the spec declares of them."""

import json
import sys

import numpy as np
import pytest

import rewardkit as rk
from rewardkit.cli import main

SPEC = """
input n: int
input xs: list[int] 
extern f({parameters}): {result}
let found = f({arguments})
term t = {term}
reward {{ t: 1 }}
"""


def score(function, rows, result="int", parameters="x: int", arguments="n", term="found"):
    text = SPEC.format(parameters=parameters, result=result, arguments=arguments, term=term)
    reward = rk.loads(text, externs={"f": function})
    return reward(rows), reward


ROWS = [{"n": n, "xs": [n, 1], "completion": "c"} for n in (3, 4, 3)]


def test_each_distinct_argument_is_called_once_and_not_kept():
    calls = []
    scores, reward = score(lambda n: calls.append(n) or 2 * n, ROWS)
    assert scores.total.tolist() == [6, 8, 6]
    assert calls == [3, 4]
    reward(ROWS)
    assert calls == [3, 4, 3, 4]
    assert reward.counts["f"] == 4


def test_what_is_not_reached_is_not_called():
    calls = []
    score(lambda n: calls.append(n) or 1, ROWS, term="if n > 3 then found else 0")
    assert calls == [4]


def test_nulls():
    scores, _ = score(lambda n: None if n == 3 else n, ROWS, result="int?", term="found ?? -1")
    assert scores.total.tolist() == [-1, 4, -1]
    scores, _ = score(lambda n: float("nan"), ROWS, result="real?", term="found ?? -1")
    assert scores.total.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), 0.5])
def test_numbers_of_numpy_are_numbers(value):
    assert score(lambda n: value, ROWS, result="real in [0, 1]")[0].total.tolist() == [0.5] * 3


def test_structured_values_are_plain_python():
    seen = []

    def look(xs, message, call, data):
        seen.append((xs, message, call, data))
        return [{"name": "g", "arguments": {"a": 1}}]

    text = """
    input data: json
    extern look(xs: list[int], message: message, calls: list[call], data: json): list[call]
    input xs: list[int]
    let last = completion.messages[-1]
    let made = if last != null then look(xs, last, last.calls, data) else []
    term t = count(c.name == "g" for c in made)
    reward { t: 1 }
    """
    call = {"type": "function", "function": {"name": "h", "arguments": '{"b": [1, 2]}'}}
    row = {
        "completion": [{"role": "assistant", "content": "hi", "tool_calls": [call]}],
        "xs": [1, 2],
        "data": {"k": None},
    }
    scores = rk.loads(text, externs={"look": look})([row])
    assert scores.total.tolist() == [1]
    made = [{"name": "h", "arguments": {"b": [1, 2]}}]
    message = {"role": "assistant", "content": "hi", "tool_calls": made}
    assert seen == [([1, 2], message, made, {"k": None})]


@pytest.mark.parametrize(
    ("function", "result", "problem"),
    [
        (lambda n: 9, "int in [0, 8]", "on row 0, 2: gave 9, outside its range [0, 8]"),
        (lambda n: 10**30, "int", "on row 0, 2: the number is too large"),
        (lambda n: float("inf"), "real", "on row 0, 2: the number is too large"),
        (lambda n: float("nan"), "real", "on row 0, 2: gave nan instead of `real`"),
        (lambda n: None, "int", "on row 0, 2: gave None instead of `int`"),
        (lambda n: True, "int", "on row 0, 2: gave `bool` instead of `int`"),
        (lambda n: "1", "int", "on row 0, 2: gave `str` instead of `int`"),
        (lambda n: 1.0, "int", "on row 0, 2: gave `float` instead of `int`"),
        (lambda n: 1 // (n - 3), "int", "on row 0, 2: ZeroDivisionError: integer division or modulo by zero"),
        (lambda n: n if n == 3 else [n], "int", "on row 1: gave `list` instead of `int`"),
        (lambda: 1, "int", "on row 0, 2: TypeError"),
    ],
)
def test_what_it_may_not_give_is_an_error_that_names_the_rows(function, result, problem):
    with pytest.raises(rk.RewardError, match=r"^the extern `f`, ") as error:
        score(function, ROWS, result=result)
    assert problem in str(error.value)


class Odd(int):
    def __float__(self):
        raise RuntimeError("no number after all")

    __int__ = __float__


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def test_values_and_exceptions_of_odd_classes_break_the_run_in_one_line():
    with pytest.raises(rk.RewardError, match="no number after all"):
        score(lambda n: Odd(3), ROWS, result="real")

    def mute(n):
        raise Mute

    with pytest.raises(rk.RewardError, match="Mute"):
        score(mute, ROWS)


def test_texts_must_be_texts():
    for bad, what in (("\ud800", "surrogate"), (b"x", "`bytes`")):
        with pytest.raises(rk.RewardError, match=what):
            score(lambda n, bad=bad: bad, ROWS, result="text", term="len(found) / 1ch")


def test_in_a_fold():
    found, _ = score(lambda n: n + 1, ROWS, term="sum(f(x) for x in xs)")
    assert found.total.tolist() == [6, 7, 6]
    with pytest.raises(rk.RewardError, match="on an item of a list"):
        score(lambda n: None, ROWS, term="sum(f(x) for x in xs)")


def test_binding():
    text = SPEC.format(parameters="x: int", result="int", arguments="n", term="found")
    with pytest.raises(rk.RewardError, match="`f` is not bound"):
        rk.loads(text)(ROWS)
    with pytest.raises(rk.RewardError, match="declares no `extern g`; its externs are `f`"):
        rk.loads(text, externs={"g": len})
    with pytest.raises(rk.RewardError, match="which is no function"):
        rk.loads(text, externs={"f": 3})


def test_an_interrupt_passes_through():
    def stop(n):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(stop, ROWS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    text = SPEC.format(parameters="x: int", result="int", arguments="n", term="found")
    (tmp_path / "s.rwd").write_text(text)
    (tmp_path / "my_externs.py").write_text("def double(x):\n    return 2 * x\nnumber = 3\n")
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("my_externs", None)
    sys.path[:] = [entry for entry in sys.path if entry != str(tmp_path)]


def run(*words):
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return stop.value.code


def test_the_command_line_binds_by_module_and_name(folder, capsys):
    assert run("score", "s.rwd", "rows.jsonl", "-o", "out.jsonl", "--extern", "f=my_externs:double") == 0
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    assert [row["reward"] for row in rows] == [6, 8, 6]
    capsys.readouterr()
    assert run("explain", "s.rwd", "rows.jsonl", "--extern", "f=my_externs:double") == 0
    assert "f(n)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "where", ["nowhere:f", "my_externs:none", "my_externs:number", "my_externs", ":f", "my_externs:"]
)
def test_what_cannot_be_imported_is_told_in_one_line(folder, capsys, where):
    assert run("score", "s.rwd", "rows.jsonl", "-o", "out.jsonl", "--extern", f"f={where}") == 3
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
