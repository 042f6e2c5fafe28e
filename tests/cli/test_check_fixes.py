"""`check` with lints and fixes: what is printed, what is written, and that no exit code changes."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import _run

SPEC = """# a header
input ok: bool  # the verdict
let spare = 1
term a = completion.words ?? 0
term right = ok
reward { a: 0  right: 1 }
"""
FIXED = """# a header
input ok: bool  # the verdict
term a = completion.words
term right = ok
reward { a: 0  right: 1 }
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.rwd"
    path.write_text(SPEC)
    return path


def run(*words: object) -> int:
    return _run([str(word) for word in words])


def test_lints_come_after_the_diagnostics_and_change_no_exit_code(spec, capsys):
    assert run("check", spec, "--strict") == codes.OK
    out, err = capsys.readouterr()
    assert err.index("warning[RK0602]") < err.index("lint[RK1012]") < err.index("lint[RK1011]")
    assert "ok, 2 terms" in out


def test_no_lint(spec, capsys):
    assert run("check", spec, "--no-lint") == codes.OK
    err = capsys.readouterr().err
    assert "RK0602" in err and "lint[" not in err


def test_lints_as_json(spec, capsys):
    assert run("check", spec, "--format", "json") == codes.OK
    (report,) = json.loads(capsys.readouterr().out)
    found = {d["code"]: d for d in report["diagnostics"]}
    assert found["RK1012"]["severity"] == "lint" and found["RK1012"]["fix"]["safe"]


def test_a_file_with_errors_is_linted_too(tmp_path, capsys):
    path = tmp_path / "bad.rwd"
    path.write_text("term a = nothing\nreward { a: 1 }\n")
    assert run("check", path) == codes.WRONG_SPEC
    err = capsys.readouterr().err
    assert err.index("error[RK0201]") < err.index("lint[RK1011]")


def test_fix_writes_what_is_safe_and_says_so(spec, capsys):
    assert run("check", spec, "--fix") == codes.OK
    assert spec.read_text() == FIXED
    err = capsys.readouterr().err
    assert "fixed RK1012: take `let spare` out" in err
    assert "RK0602" in err and "warning[RK0602]" not in err


def test_fix_leaves_a_file_without_fixes_alone(spec, capsys):
    spec.write_text(FIXED)
    before = spec.stat()
    assert run("check", spec, "--fix") == codes.OK
    assert (spec.stat().st_mtime_ns, spec.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_guesses_are_written_on_demand(tmp_path, capsys):
    path = tmp_path / "guess.rwd"
    path.write_text("term a = completion.wrds\n")
    assert run("check", path, "--fix") == codes.WRONG_SPEC
    assert path.read_text() == "term a = completion.wrds\n"
    err = capsys.readouterr().err
    assert f"{path}: 1 fix left out that is a guess; --unsafe-fixes writes it\n" in err
    assert " = fix (a guess): write `words`" in err
    assert run("check", path, "--unsafe-fixes") == codes.OK
    assert path.read_text() == "term a = completion.words\n"
    assert "left out" not in capsys.readouterr().err


def test_guesses_are_counted(tmp_path, capsys):
    path = tmp_path / "guess.rwd"
    path.write_text("term a = completion.wrds\nterm b = completion.lins\n")
    assert run("check", path, "--fix") == codes.WRONG_SPEC
    assert "2 fixes left out that are a guess; --unsafe-fixes writes them" in capsys.readouterr().err
    run("check", path, "--fix", "--format", "json")
    (report,) = json.loads(capsys.readouterr().out)
    assert report["guesses"] == 2 and report["fixed"] == []


def test_diff_shows_and_writes_nothing(spec, capsys):
    assert run("check", spec, "--diff") == codes.OK
    assert spec.read_text() == SPEC
    out = capsys.readouterr().out
    assert "-let spare = 1\n-term a = completion.words ?? 0\n+term a = completion.words\n" in out


def test_a_refused_fix_is_named(tmp_path, capsys):
    path = tmp_path / "spec.rwd"
    path.write_text('term a = completion.word == "four"\n')
    assert run("check", path, "--unsafe-fixes") == codes.WRONG_SPEC
    assert "left out RK0209: write `words`: that would bring RK0401" in capsys.readouterr().err


UNCOVERED = {  # a file, and the line of it that is right once an error is mended which hid another
    "input gold: text?\nterm c = math.equl(completion.text, gold)\n":
    "term c = math.equal(completion.text, gold) ?? false\n",
    "input gold: text\nlet found = math.aswer(completion.text)\nterm c = math.equal(found, gold)\n":
    "let found = math.answer(completion.text)\n",
    "term b = missing\nskip when completion.words == 0 && completion.finished\n":
    "skip when completion.words == 0 and completion.finished\n",
}  # fmt: skip


@pytest.mark.parametrize("text", UNCOVERED)
def test_a_fix_may_uncover_what_its_error_hid(text, tmp_path, capsys):
    path = tmp_path / "spec.rwd"
    path.write_text(text)
    run("check", path, "--unsafe-fixes")
    assert "left out" not in capsys.readouterr().err
    assert UNCOVERED[text] in path.read_text()


def test_fixes_as_json(spec, capsys):
    assert run("check", spec, "--fix", "--format", "json") == codes.OK
    (report,) = json.loads(capsys.readouterr().out)
    assert len(report["fixed"]) == 2 and report["refused"] == []
    assert spec.read_text() == FIXED


def test_links_modes_and_line_ends_are_kept(tmp_path, capsys):
    target, link = tmp_path / "target.rwd", tmp_path / "link.rwd"
    target.write_bytes(b"term a = completion.words ?? 0\r\nterm b = 1\r\n")
    target.chmod(0o640)
    link.symlink_to(target)
    assert run("check", link, "--fix") == codes.OK
    assert link.is_symlink()
    assert target.read_bytes() == b"term a = completion.words\r\nterm b = 1\r\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.rwd", "target.rwd"]


def test_a_file_that_cannot_be_replaced_stays_whole(spec, capsys, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(spec))

    monkeypatch.setattr(os, "replace", full)
    assert run("check", spec, "--fix") == codes.USAGE
    assert "No space left" in capsys.readouterr().err
    assert spec.read_text() == SPEC
    assert [p.name for p in spec.parent.iterdir()] == ["spec.rwd"]
