"""`rows`: expectations over all rows of a file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from specs import checked, found, ran, shown

from rewardkit.checker import check, read_source
from rewardkit.testing import Bench, run_tests

SHARED = Path(__file__).parents[3] / "shared" / "data" / "gsm8k_graded.jsonl"
SPEC = """
input answer: text?
param most: int = 2
skip when answer == null
let right = completion.text == answer
let words = completion.words
let first = text.find(completion.text, "[a-z]+")
term accuracy in [0, 1] = right
term brief in [0, 1] when right = 1 - clamp(completion.words / 4, 0, 1)
reward { accuracy: 1.0  brief: 0.5 }
"""
ROWS = [
    {"completion": "a", "answer": "a", "label": True, "n": 3},
    {"completion": "b", "answer": "a", "label": False, "n": 4},
    {"completion": "a b c", "answer": "a b c", "label": False, "n": None},
    {"completion": "7", "answer": "a", "label": None, "n": 5},
    {"completion": "b", "answer": None, "label": True, "n": 60},  # skipped
]


def write(folder: Path, rows: list[dict[str, object]] = ROWS, name: str = "graded.jsonl") -> None:
    folder.joinpath(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def run(folder: Path, expects: str, rows: list[dict[str, object]] = ROWS, spec: str = SPEC):
    write(folder, rows)
    body = f'test "t" {{ rows "graded.jsonl" {{ input label: bool?  input n: int?  {expects} }} }}'
    (result,) = ran(spec + body, folder / "t.rwd")
    return result


@pytest.mark.parametrize(
    "condition",
    [
        "agreement(right, label) == 0.5",  # the null is no agreement, the skipped row is not there
        "agreement(label, right) == 0.5",
        "agreement(accuracy == 1, label) == 0.5",
        "agreement(n, 5) == 0.25",
        "agreement(n, 5.0) == 0.25",
        "agreement(answer, completion.text) == 0.5",
        "agreement(label, label) == 0.75",
        "mean(n) == 4",
        "mean(words) == 1.5 and mean(completion.words) == 1.5",
        "mean(right) == 0.5",
        "mean(reward) == (1.375 + 0 + 1.125 + 0) / 4",
        "mean(accuracy + brief) == (1.75 + 1.25) / 4",
        "mean(brief) == 0.25",
        "share(right) == 0.5",
        "share(label) == 0.25",
        "share(not right) == 0.5",
        "share(n > 3) == 0.5",
        "share(first == null) == 0.25",
        "share(first != null) == 0.75",
        "share(completion.words < most) == 0.75",
        "mean(completion.words) < most and share(right) < most",
        "share(right) + share(not right) == 1",
        "2 * mean(n) - 1 == 7",
        "share(right) == 0.4 within 0.2",
        'share(text.contains(completion.text, "b")) == 0.5',
        "(if share(right) > 0.3 then 1 else 0) == 1",
    ],
)
def test_what_holds_over_all_rows(tmp_path, condition):
    result = run(tmp_path, f"expect {condition}")
    assert result.passed, result.error or shown(result)
    if "within" not in condition:  # which ends an expectation
        assert not run(tmp_path, f"expect not ({condition})").passed


def test_of_no_rows_there_is_no_number(tmp_path):
    for condition in ("mean(n) > 0", "mean(n) < 1", "share(right) >= 0", "agreement(right, label) >= 0"):
        assert not run(tmp_path, f"expect {condition}", [ROWS[-1]]).passed
    assert run(tmp_path, "expect mean(n) == null and share(right) == null", [ROWS[-1]]).passed
    assert run(tmp_path, "expect mean(n) == null", [ROWS[2]]).passed


def test_a_failure_shows_numbers_and_rows(tmp_path):
    result = run(tmp_path, "expect agreement(right, label) >= 0.98 and mean(completion.words) > 9")
    assert [(v.span.text, v.value) for v in result.failures[0].values] == [
        ("agreement(right, label)", "0.5"),
        ("agreement(right, label) >= 0.98", "false"),
        ("mean(completion.words)", "1.5"),
        ("mean(completion.words) > 9", "false"),
    ]
    assert result.failures[0].notes == (
        "row 2: `right` is true, `label` is false",
        "row 3: `right` is false, `label` is null",
        "`completion.words` is lowest in row 0, 1, and highest in row 2, 3",
        "5 rows of `graded.jsonl`, 1 skipped",
    )


def test_examples_of_a_share_are_rows_against_it(tmp_path):
    more = run(tmp_path, "expect share(n > 3) > 0.9").failures[0].notes
    assert more[:-1] == ("row 0: `n` is 3", "row 2: `n` is null")
    less = run(tmp_path, "expect share(n > 3) < 0.1").failures[0].notes
    assert less[:-1] == ("row 1: `n` is 4", "row 3: `n` is 5")
    turned = run(tmp_path, "expect 0.1 > share(n > 3)").failures[0].notes
    assert turned == less


def test_at_most_three_examples_across_blocks_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("rewardkit.runtime.batches.BLOCK", 2)
    rows = [{**ROWS[1], "n": i} for i in range(9)]
    result = run(tmp_path, "expect share(right) > 0.5 and mean(n) == 4", rows)
    assert result.failures[0].notes == (
        "row 0: `right` is false",
        "row 1: `right` is false",
        "row 2: `right` is false",
        "`n` is lowest in row 0, 0, and highest in row 8, 8",
        "9 rows of `graded.jsonl`",
    )


def test_faults_are_counted(tmp_path):
    spec = "input x: int\nterm t = x * x\nreward { t: 1 }\n"
    write(tmp_path, [{"x": 3}, {"x": 4_000_000_000_000}])
    (result,) = ran(spec + 'test "t" { rows "graded.jsonl" { expect mean(t) == 9 } }', tmp_path / "t.rwd")
    assert result.passed
    assert str(result.rows[0]) == "2 rows of `graded.jsonl`, 1 failed (1 × t: the number is too large)"


def test_other_formats(tmp_path):
    frame = pl.DataFrame(
        [{k: str(v).lower() if k == "label" else v for k, v in row.items()} for row in ROWS[:3]]
    )
    frame.write_csv(tmp_path / "graded.csv")
    pl.DataFrame(ROWS[:3]).write_parquet(tmp_path / "graded.parquet")
    for name in ("graded.csv", "graded.parquet"):
        body = f'test "t" {{ rows "{name}" {{ input label: bool  expect agreement(right, label) > 0.6 }} }}'
        (result,) = ran(SPEC + body, tmp_path / "t.rwd")
        assert result.passed, result.error


def test_one_file_of_cells_read_as_several_types(tmp_path):
    body = """test "t" {
      rows "graded.csv" { input n: int  expect mean(n) == 0.5 }
      rows "graded.csv" { input n: text  expect share(n == "1") == 0.5 }
      rows "graded.csv" { input k: bool? from "n"  expect share(k) == 0.5 }
    }"""
    (tmp_path / "graded.csv").write_text("completion,answer,n\na,a,1\nb,a,0\n")
    (result,) = ran(SPEC + body, tmp_path / "t.rwd")
    assert result.passed, result.error or shown(result)


GROUPED = """
let best = max(completion.words) over group
term longest = completion.words == best
reward { longest: 1 }
test "t" { rows "graded.jsonl" { expect share(longest == 1) == 0.5 } }
"""


@pytest.mark.parametrize(
    "rows",
    [
        [{"completion": "a b", "group": 1}, {"completion": "a", "group": 2}, {"completion": "a", "group": 1},
         {"completion": "", "group": 2}],
        [{"completion": "a b", "prompt": "x"}, {"completion": "a", "prompt": "x"},
         {"completion": "", "prompt": "y"}, {"completion": "a", "prompt": "y"}],
    ],
    ids=["by id", "by prompt"],
)  # fmt: skip
def test_groups(tmp_path, rows):
    write(tmp_path, rows)
    (result,) = ran(GROUPED, tmp_path / "t.rwd")
    assert result.passed, result.error


def test_without_groups_there_is_an_error(tmp_path):
    write(tmp_path, [{"completion": "a"}])
    (result,) = ran(GROUPED, tmp_path / "t.rwd")
    assert "neither a column `group` nor `prompt`" in (result.error or "")


def test_all_rows_are_one_batch(tmp_path, monkeypatch):
    monkeypatch.setattr("rewardkit.runtime.batches.BLOCK", 2)
    spec = "term t = completion.words == max(completion.words) over batch\nreward { t: 1 }\n"
    write(tmp_path, [{"completion": "a " * i} for i in range(5)])
    (result,) = ran(
        spec + 'test "t" { rows "graded.jsonl" { expect share(t == 1) == 0.2 } }', tmp_path / "t.rwd"
    )
    assert result.passed, result.error


def test_mocks_of_functions_hold_for_rows(tmp_path):
    spec = 'let s = judge.score(completion.text, rubric: "?") ?? 0\nterm t in [0, 1] = s\nreward { t: 1 }\n'
    write(tmp_path)
    rows = 'rows "graded.jsonl" { expect mean(t) == 0.25 }'
    refused, mocked = ran(f'{spec} test "a" {{ {rows} }} test "b" {{ mock judge.score = 0.25 {rows} }}',
                          tmp_path / "t.rwd")  # fmt: skip
    assert "`s` reaches `judge.score`" in (refused.error or "") and mocked.passed


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: None, "is not there: the test looks for its rows in"),
        (lambda p: p.mkdir(), "is a folder or a device"),
        (lambda p: os.mkfifo(p), "is a folder or a device"),
        (lambda p: p.write_text(""), "has no rows"),
        (lambda p: p.write_text("{"), "not JSON"),
        (lambda p: p.write_text('{"completion": "a", "answer": 3}\n'), "column `answer`"),
        (lambda p: p.write_text('{"completion": "a", "answer": "a", "label": "yes"}\n'), "column `label`"),
    ],
)
def test_files_that_hold_no_such_rows(tmp_path, make, says):
    make(tmp_path / "graded.jsonl")
    body = 'test "t" { rows "graded.jsonl" { input label: bool?  expect agreement(right, label) > 0 } }'
    (result,) = ran(SPEC + body, tmp_path / "t.rwd")
    assert says in (result.error or "")


def test_a_path_stays_inside_the_project(tmp_path):
    inner = tmp_path / "project" / "specs"
    inner.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text("")
    write(tmp_path / "project")
    write(tmp_path, name="outside.jsonl")
    (inner / "link.jsonl").symlink_to(tmp_path / "outside.jsonl")
    text = SPEC + 'test "t" { rows "PATH" { expect share(right) == 0.5 } }'
    (result,) = ran(text.replace("PATH", "../graded.jsonl"), inner / "t.rwd")
    assert result.passed
    for path in ("../../outside.jsonl", "link.jsonl", str(tmp_path / "outside.jsonl")):
        (inner / "t.rwd").write_text(text.replace("PATH", path))
        (finding,) = check(read_source(inner / "t.rwd"))[1]
        assert finding.code == "RK0815"
        leaves = f"`{path}` leaves the project's folder, `project`"
        assert finding.message == leaves or path.startswith("/")


def test_a_link_made_later_is_not_followed_out_either(tmp_path):
    inner = tmp_path / "project"
    inner.mkdir()
    write(inner)
    write(tmp_path, name="outside.jsonl")
    spec = checked(SPEC + 'test "t" { rows "graded.jsonl" { expect share(right) > 0 } }', inner / "t.rwd")
    (inner / "graded.jsonl").unlink()
    (inner / "graded.jsonl").symlink_to(tmp_path / "outside.jsonl")
    (result,) = run_tests(spec, spec.tests)
    assert "leaves the project's folder, `project`" in (result.error or "")


@pytest.mark.parametrize(
    ("expects", "code", "says"),
    [
        ("expect right", "RK0816", "share(right)"),
        ("expect reward > 0", "RK0816", "mean(reward)"),
        ("expect completion.words > 0", "RK0816", "mean(completion.words)"),
        ("expect agreement(right) > 0", "RK0816", "takes two values"),
        ("expect agreement(right, words) > 0", "RK0816", "never agrees"),
        ("expect agreement(accuracy, label) > 0", "RK0816", "accuracy == 1"),
        ("expect agreement(right, null) > 0", "RK0816", "never agrees"),
        ("expect mean(answer) > 0", "RK0401", "expected a number"),
        ("expect share(words) > 0", "RK0401", "wants a condition"),
        ("expect share(mean(words) > 1) > 0", "RK0816", "inside of another"),
        ("expect share(labl) > 0", "RK0201", "did you mean `label`?"),
        ("expect share(other) > 0", "RK0201", "input other: …"),
        ("expect mean(step) > 0", "RK0816", "`step`"),
        ("expect mean(words) over group > 0", "RK0505", "aggregate"),
        ("input answer: text expect mean(words) > 0", "RK0202", "declared twice"),
        ("input label: text expect mean(words) > 0", "RK0202", "declared twice"),
        ("input step: int expect mean(words) > 0", "RK0206", "something else"),
        ("", "RK0806", "expect"),
        ("expect mean(words)", "RK0401", "`expect` wants a condition"),
    ],
)
def test_wrong_blocks_are_told(expects, code, says):
    diagnostics = found(SPEC + f'test "t" {{ rows "graded.jsonl" {{ input label: bool? {expects} }} }}')
    assert [d.code for d in diagnostics] == [code]
    assert says in f"{diagnostics[0].message} {diagnostics[0].help}"


@pytest.mark.skipif(not SHARED.exists(), reason="the graded answers are not here")
def test_real_graded_answers(tmp_path):
    shutil.copy(SHARED, tmp_path / "graded.jsonl")
    example = Path(__file__).parents[2] / "examples" / "gsm8k" / "gsm8k.rwd"
    body = """test "real" {
      rows "graded.jsonl" {
        input label: bool
        expect agreement(correct, label) >= 0.98
        expect mean(completion.words) < 200 and share(correct) > 0.2
      }
    }"""
    text = example.read_text() + body
    spec = checked(text, tmp_path / "t.rwd")
    (result,) = run_tests(spec, spec.tests[-1:], bench=Bench())
    assert result.passed, result.error or shown(result)
    assert result.rows[0].rows == 2640
