"""`rewardkit check --format` for programs: all findings on standard output, the exit code as ever."""

import json

import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import _run


@pytest.fixture
def specs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.rwd").write_text("term a = completion.tokens + completion.chars\nterm b = c\n")
    (tmp_path / "good.rwd").write_text("term a = completion.words\nreward { a: 1 }\n")


def test_concise(specs, capsys):
    assert _run(["check", "good.rwd", "bad.rwd", "--no-lint", "--format", "concise"]) == codes.WRONG_SPEC
    out = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in out] == ["bad.rwd:1:10:", "bad.rwd:2:10:"]
    assert out[1].endswith("error[RK0201] there is no value `c`")


def test_github(specs, capsys):
    assert _run(["check", "bad.rwd", "--format", "github"]) == codes.WRONG_SPEC
    assert [line[:20] for line in capsys.readouterr().out.splitlines()] == ["::error file=bad.rwd"] * 2


def test_sarif_is_one_log_of_all_files(specs, capsys):
    assert _run(["check", "good.rwd", "bad.rwd", "--no-lint", "--format", "sarif"]) == codes.WRONG_SPEC
    log = json.loads(capsys.readouterr().out)
    assert [r["ruleId"] for r in log["runs"][0]["results"]] == ["RK0402", "RK0201"]


def test_nothing_found(specs, capsys):
    assert _run(["check", "good.rwd", "--no-lint", "--format", "concise"]) == codes.OK
    assert capsys.readouterr().out == ""
