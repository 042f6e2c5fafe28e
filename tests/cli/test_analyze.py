"""`rewardkit analyze`: what it prints, its exit codes, and that wrong usage is told in one line."""

import json
from pathlib import Path

import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import _run

SPEC = """
language 1
input answer: text
param bonus: real in [0, 1] = 0.5
let same = completion.text == answer
term right in [0, 1] = same
term brief in [0, 1] when same = 1 - clamp(completion.words / 10, 0, 1)
term words = completion.words
reward { right: 1.0  brief: bonus }
advantage gdpo
"""
ROWS = [
    {"id": 1, "completion": "a b", "gold": "a b"},
    {"id": 1, "completion": "c", "gold": "a b"},
    {"id": 2, "completion": "x", "gold": "x"},
    {"id": 2, "completion": "x", "gold": "x"},
]
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/*.rwd"))


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "good.rwd"
    path.write_text(SPEC)
    return path


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS))
    return path


def run(*words):
    return _run(["analyze", *map(str, words)])


def test_a_spec_alone(spec, capsys):
    assert run(spec) == codes.OK
    out = capsys.readouterr().out
    assert out.startswith(f"terms of {spec}, at step 0, bonus 0.5\n")
    assert "right   {0, 1}" in out and "[0, 0.5], now 0.5" not in out
    assert "8 completions" in out and "metrics, computed and never weighed: words [0, inf)" in out
    assert "groups of 2 that are merged" in out
    assert "\033" not in out


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_examples_have_nothing_to_warn_about(path, capsys):
    assert run(path) == codes.OK
    assert "warning" not in capsys.readouterr().out


def test_rows(spec, rows, capsys):
    assert (
        run(spec, rows, "--map", "answer=gold", "--group", "id", "--set", "bonus=1", "--size", 2) == codes.OK
    )
    out = capsys.readouterr().out
    assert "on rows: 4 rows, 2 groups of 2" in out
    assert "effective share" in out and "groups without signal" in out
    assert "bonus 1" in out and "3 completions" not in out
    assert "correlated within groups: right and brief +1.00" in out


def test_json(spec, rows, capsys):
    assert run(spec, rows, "--map", "answer=gold", "--group-size", 2, "--format", "json") == codes.OK
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [term["name"] for term in found["terms"]] == ["right", "brief", "words"]
    assert found["terms"][1]["weight_range"] == [0, 1] and found["terms"][1]["weight"] == 0.5
    assert found["reward_range"] == [0, 2]
    assert [count["size"] for count in found["distinct_advantages"]["counts"]] == [2, 3, 4, 5, 6, 7, 8]
    shares = found["rows"]["shares"]
    assert set(shares["effective"]) >= {"grpo", "dr_grpo", "gdpo"}
    assert shares["silent"]["gdpo"] == 0.5


def test_rows_without_groups(spec, rows, capsys):
    assert run(spec, rows, "--map", "answer=gold") == codes.OK
    assert "shares and merges are left out: give --group or --group-size" in capsys.readouterr().out


def test_rows_from_standard_input(spec, rows, capsys, monkeypatch):
    with rows.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert run(spec, "-", "--map", "answer=gold", "--group", "id") == codes.OK
    assert "2 groups of 2" in capsys.readouterr().out


WRONG = [
    ([], "Missing argument 'SPEC'"),
    (["SPEC", "--group", "id"], "--group is about rows, and none are given"),
    (["SPEC", "ROWS", "--map", "answer=gold", "--group", "nope"], "there is no column `nope`"),
    (["SPEC", "ROWS", "--map", "answer=gold", "--group", "id", "--group-size", "2"], "not both"),
    (["SPEC", "ROWS", "--map", "answer=gold", "--group-size", "3"], "cannot be split into groups of 3"),
    (["SPEC", "ROWS"], "there is no column `answer`"),
    (["SPEC", "nowhere.jsonl"], "cannot read `nowhere.jsonl`"),
    (["SPEC", "--set", "bonus=7"], "`bonus` must lie in [0, 1]"),
    (["SPEC", "--size", "0"], "--size: `0` "),
    (["SPEC", "--step", "-1"], "--step: `-1` "),
]


@pytest.mark.parametrize(("words", "message"), WRONG)
def test_wrong_usage(words, message, spec, rows, capsys):
    named = {"SPEC": spec, "ROWS": rows}
    assert run(*(named.get(word, word) for word in words)) == codes.USAGE
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error and error.count("\n") == 1


def test_a_wrong_spec(tmp_path, capsys):
    path = tmp_path / "bad.rwd"
    path.write_text("term a = b\nreward { a: 1 }")
    assert run(path) == codes.WRONG_SPEC
    assert "error[RK" in capsys.readouterr().err
