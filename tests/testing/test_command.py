"""`rewardkit test` from the outside: selections, reports, thresholds, watching, interrupting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import pytest
from specs import checked, ran

from rewardkit.cli import codes
from rewardkit.cli.main import main
from rewardkit.testing import Selection, SelectionError, mutate
from rewardkit.testing.junit import junit
from rewardkit.testing.select import check_selections

SPEC = """
input answer: text
term right in [0, 1] = completion.text == answer
term brief in [0, 1] when right > 0 = 1 - clamp(completion.words / 10, 0, 1)
reward { right: 1.0  brief: 0.5 }
advantage gdpo
test "right answers pay" {
  sample a { completion.text = "x"  answer = "x" }
  expect a.reward == 1.45 within 0.001
}
test "wrong answers do not" {
  sample a { completion.text = "x"  answer = "y" }
  expect a.reward == 0
}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "r.rwd"
    path.write_text(SPEC)
    return path


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["test", *map(str, words)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def process(*words: object, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "rewardkit", "test", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# --- selections --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["right answers pay", "wrong answers do not"]),
        (["-k", "RIGHT"], ["right answers pay"]),
        (["-k", "pay", "-k", "wrong"], ["right answers pay", "wrong answers do not"]),
        (["-k", "not wrong"], ["right answers pay"]),
        (["-k", "answers", "-k", "not pay"], ["wrong answers do not"]),
    ],
)
def test_selections(spec, capsys, words, names):
    assert run(spec, *words, "--format", "json") == codes.OK
    assert [result["test"] for result in json.loads(capsys.readouterr().out)["tests"]] == names


def test_one_test_by_its_whole_name(spec, capsys):
    assert run(f"{spec}::right answers pay", "--format", "json") == codes.OK
    assert len(json.loads(capsys.readouterr().out)["tests"]) == 1
    both = (f"{spec}::right answers pay", f"{spec}::wrong answers do not")
    assert run(*both, "--format", "json") == codes.OK
    assert len(json.loads(capsys.readouterr().out)["tests"]) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-k", "rihgt"], "no test's name contains `rihgt`; did you mean `right answers pay`?"),
        (
            ["-k", "right", "-k", "zzzz"],
            "no test's name contains `zzzz`; the tests are `right answers pay`, ",
        ),
        (["-k", "not rihgt"], "no test's name contains `rihgt`"),
        (["-k", "right", "-k", "not right"], "no test is left"),
    ],
)
def test_a_selection_of_nothing_is_no_pass(spec, capsys, words, says):
    assert run(spec, *words) == codes.USAGE
    assert says in capsys.readouterr().err


def test_a_name_that_no_test_has(spec, capsys):
    assert run(f"{spec}::right answer pays") == codes.USAGE
    assert "has no test `right answer pays`; did you mean `right answers pay`?" in capsys.readouterr().err
    assert run(f"{spec}::right") == codes.USAGE  # a whole name, not a part


def test_a_selection_may_be_empty_in_one_of_several_files(spec, tmp_path, capsys):
    other = tmp_path / "other.rwd"
    other.write_text(SPEC.replace("right answers pay", "something else"))
    assert run(tmp_path, "-k", "something", "--format", "json") == codes.OK
    found = json.loads(capsys.readouterr().out)
    assert [Path(result["file"]).name for result in found["tests"]] == ["other.rwd"]


def test_selections_from_python():
    found = checked(SPEC)
    with pytest.raises(SelectionError):
        check_selections([(found, Selection.of(["nothing"]))])
    check_selections([(found, Selection.of(["pay"]))])


# --- reports -----------------------------------------------------------------------------------------


def test_junit(spec, tmp_path):
    spec.write_text(
        SPEC.replace("== 0\n", "== 7\n") + 'test "gone" { rows "no.jsonl" { expect mean(right) > 0 } }'
    )
    assert run(spec, "--junit", tmp_path / "report.xml") == codes.FAILED
    root = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert root.attrib["tests"] == "3" and root.attrib["failures"] == "1" and root.attrib["errors"] == "1"
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert list(cases["right answers pay"]) == []
    (failure,) = cases["wrong answers do not"]
    assert failure.attrib["message"] == "a.reward == 7" and "│" in (failure.text or "")
    (error,) = cases["gone"]
    assert "is not there" in error.attrib["message"]
    assert cases["gone"].attrib["line"] == "15"


def test_a_junit_report_holds_any_text():
    spec = 'input t: text\nterm a = t == "x"\nreward { a: 1 }\n'
    results = ran(spec + 'test "<&> é" { sample s { t = "a\\u{0}]]>\\u{fffe}" } expect s.a == 1 }')
    root = ElementTree.fromstring(junit({"a<b.rwd": results}).encode())
    assert root.find(".//testcase").attrib["name"] == "<&> é"


def test_a_junit_report_that_cannot_be_written(spec, tmp_path, capsys):
    assert run(spec, "--junit", tmp_path / "none" / "report.xml") == codes.USAGE
    assert "cannot write" in capsys.readouterr().err


def test_json_holds_everything(spec, capsys):
    assert run(spec, "--format", "json", "--coverage", "--mutate") == codes.OK
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] == 2 and found["failed"] == 0 and found["below"] == []
    assert found["coverage"][0]["percent"] == 100
    (mutation,) = found["mutation"]
    assert mutation["complete"] and mutation["killed"] + mutation["survived"] > 10
    assert {"fate", "kind", "change", "file", "line", "column", "by"} == set(mutation["mutants"][0])


# --- thresholds --------------------------------------------------------------------------------------


def test_coverage_under_the_threshold(spec, capsys):
    assert run(spec, "-k", "right", "--coverage") == codes.OK
    assert "never closed: the gate of `brief` at 4:27" in capsys.readouterr().out
    assert run(spec, "-k", "right", "--coverage", "--fail-under", 90) == codes.FAILED
    assert "is 50.0%, below 90%" in capsys.readouterr().err
    assert run(spec, "--coverage", "--fail-under", 100) == codes.OK


def test_mutants_under_the_threshold(spec, capsys):
    assert run(spec, "-k", "wrong", "--mutate") == codes.OK
    shown = capsys.readouterr().out
    before, after = "reward { right: 1.0  brief: 0.5 }", "reward { right: 2.0  brief: 0.5 }"
    assert f"survived: weight of `right`: 1.0 -> 2.0 at 5:17\n    - {before}\n    + {after}\n" in shown
    assert run(spec, "-k", "wrong", "--mutate", "--fail-under", 90) == codes.FAILED
    assert "killed, below 90%" in capsys.readouterr().err
    assert run(spec, "--mutate", "--fail-under", 90) == codes.OK


def test_mutants_of_a_failing_spec_tell_nothing(spec, capsys):
    spec.write_text(SPEC.replace("== 0\n", "== 7\n"))
    assert run(spec, "--mutate") == codes.FAILED
    assert "are skipped, because a test fails" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--fail-under", "50"], ["--coverage", "--fail-under", "101"], ["--watch", "--format", "json"]]
)
def test_options_that_make_no_sense(spec, words):
    assert run(spec, *words) == codes.USAGE


def test_warnings_are_only_counted(spec, capsys):
    spec.write_text(
        "input x: real\nterm tone = x ?? 0\nreward { tone: 1 }\n"
        'test "t" { sample s { x = 0.5 } expect s.tone == 0.5 }\n'
    )
    assert run(spec) == codes.OK
    found = capsys.readouterr()
    assert f"{spec} (1 warning: `rewardkit check {spec}` shows it)" in found.out and found.err == ""


# --- long runs ---------------------------------------------------------------------------------------


def test_interrupting_mutants_tells_what_is_known(spec, capsys, monkeypatch):
    whole = mutate.mutate

    def stopped(*arguments):
        yield from islice(whole(*arguments), 5)
        raise KeyboardInterrupt

    monkeypatch.setattr(mutate, "mutate", stopped)
    assert run(spec, "--mutate") == codes.INTERRUPTED
    found = capsys.readouterr()
    assert "stopped after 5 of " in found.out and "2 passed" in found.out and "interrupted" in found.err
    assert run(spec, "--mutate", "--format", "json") == codes.INTERRUPTED
    report = json.loads(capsys.readouterr().out)["mutation"][0]
    assert not report["complete"] and len(report["mutants"]) == 5 < report["total"]


def test_watching(spec, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"completion": "x", "answer": "x"}\n')
    spec.write_text(SPEC + 'test "rows" { rows "rows.jsonl" { expect mean(right) == 1 } }')
    child = process(spec, "--watch")
    assert child.stdout is not None
    try:
        assert "3 passed" in until(child, "waiting")
        replace(rows, '{"completion": "x", "answer": "y"}\n')
        assert "1 failed" in until(child, "waiting")
        replace(spec, "term broken = ")
        until(child, "waiting")
        replace(spec, SPEC)
        assert "2 passed" in until(child, "waiting")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == codes.OK
    assert "interrupted" not in err and "Traceback" not in err and "RK0101" in err


def until(child: subprocess.Popen[str], word: str) -> str:
    assert child.stdout is not None
    lines = []
    for line in child.stdout:
        lines.append(line)
        if word in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def replace(path: Path, text: str) -> None:
    """Write a file at once, as editors do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


def test_pytest_runs_rows_and_shows_values(spec, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"completion": "x", "answer": "y"}\n')
    spec.write_text(SPEC + 'test "rows" { rows "rows.jsonl" { expect share(right == 1) > 0.5 } }')
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(spec)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert "1 failed, 2 passed" in found.stdout
    assert "share(right == 1) > 0.5" in found.stdout and "row 0: `right` is 0" in found.stdout
