"""`rewardkit fmt`: what it writes, prints and leaves alone."""

import io
import json
import os
import stat
from pathlib import Path

import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import _run
from rewardkit.language import formatter

ROOT = Path(__file__).parents[2]
UGLY = "let a   =1 # one\r\n\r\n\r\nlet b=2"
NEAT = "let a = 1  # one\n\nlet b = 2\n"
WRONG = "let a = = 1\n"


def run(*words: object) -> int:
    return _run([str(word) for word in words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "ugly.rwd").write_bytes(UGLY.encode())
    (tmp_path / "inner" / "neat.rwd").write_bytes(NEAT.encode())
    (tmp_path / "inner" / "wrong.rwd").write_bytes(WRONG.encode())
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_bytes().decode() for p in folder.rglob("*") if p.is_file()}


def test_our_own_specs_are_in_form():
    assert run("fmt", "--check", ROOT / "examples", ROOT / "rewardkit" / "templates") == codes.OK


def test_writes_in_place_and_says_what_changed(folder, capsys):
    assert run("fmt", folder) == codes.WRONG_SPEC
    assert contents(folder) == {"ugly.rwd": NEAT, "inner/neat.rwd": NEAT, "inner/wrong.rwd": WRONG}
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"formatted {folder / 'ugly.rwd'}",
        "1 file formatted, 1 file is in form, 1 file with errors left as it is",
    ]
    assert "error[RK0101]" in err
    (folder / "inner" / "wrong.rwd").unlink()
    assert run("fmt", folder) == codes.OK
    assert capsys.readouterr().out == "2 files are in form\n"


def test_a_file_in_form_is_not_written(folder):
    before = (folder / "inner" / "neat.rwd").stat()
    run("fmt", folder)
    after = (folder / "inner" / "neat.rwd").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize(
    "options", [["--check"], ["--diff"], ["--check", "--diff"], ["--check", "--format", "json"]]
)
def test_looking_writes_nothing(folder, options):
    before = contents(folder)
    run("fmt", folder, *options)
    assert contents(folder) == before


@pytest.mark.parametrize(("name", "code"), [("ugly.rwd", codes.WRONG_SPEC), ("inner/neat.rwd", codes.OK)])
def test_check(folder, name, code, capsys):
    assert run("fmt", "--check", folder / name) == code
    assert ("would change" in capsys.readouterr().out) == (code != codes.OK)


def test_diff(folder, capsys):
    path = folder / "ugly.rwd"
    path.write_text("let a = 1\nlet b=2")
    assert run("fmt", "--diff", path) == codes.OK
    assert capsys.readouterr().out == (
        f"--- {path}\n+++ {path} (formatted)\n@@ -1,2 +1,2 @@\n let a = 1\n"
        "-let b=2\n\\ No newline at end of file\n+let b = 2\n"
    )
    assert run("fmt", "--diff", "--check", path) == codes.WRONG_SPEC


def test_json(folder, capsys):
    assert run("fmt", folder, "--diff", "--format", "json") == codes.WRONG_SPEC
    out, err = capsys.readouterr()
    reports = {Path(r["file"]).name: r for r in json.loads(out)}
    assert err == ""
    assert {name: (r["ok"], r["changed"]) for name, r in reports.items()} == {
        "ugly.rwd": (True, True), "neat.rwd": (True, False), "wrong.rwd": (False, False),
    }  # fmt: skip
    assert [d["code"] for d in reports["wrong.rwd"]["diagnostics"]] == ["RK0101"]
    assert "+let b = 2" in reports["ugly.rwd"]["diff"]
    assert reports["neat.rwd"]["diff"] == ""


class _Input:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize(
    ("data", "options", "code", "out"),
    [
        (UGLY.encode(), [], codes.OK, NEAT),
        (b"", [], codes.OK, ""),
        (b"\xef\xbb\xbflet a=1", [], codes.OK, "let a = 1\n"),
        (WRONG.encode(), [], codes.WRONG_SPEC, ""),
        (UGLY.encode(), ["--check"], codes.WRONG_SPEC, "would change <stdin>\n"),
        (NEAT.encode(), ["--check"], codes.OK, ""),
        (b"\xff", [], codes.USAGE, ""),
        (b"#" * 900_000, [], codes.USAGE, ""),
    ],
)
def test_standard_input(data, options, code, out, monkeypatch, capfdbinary):
    monkeypatch.setattr("sys.stdin", _Input(data))
    assert run("fmt", "-", *options) == code
    assert capfdbinary.readouterr().out.decode() == out


def test_standard_input_as_json(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", _Input(UGLY.encode()))
    assert run("fmt", "-", "--format", "json") == codes.OK
    (report,) = json.loads(capsys.readouterr().out)
    assert report == {"file": "<stdin>", "ok": True, "changed": True, "diagnostics": [], "text": NEAT}


@pytest.mark.parametrize("words", [["-", "a.rwd"], ["missing.rwd"], [""], [os.devnull]])
def test_usage(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("fmt", *words) == codes.USAGE
    assert capsys.readouterr().err.startswith("error: ")


def test_the_mode_of_a_file_stays(folder):
    path = folder / "ugly.rwd"
    path.chmod(0o640)
    assert run("fmt", path) == codes.OK
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.read_text() == NEAT


def test_a_link_that_is_named_stays_one_and_its_file_is_formatted(folder):
    link = folder / "link.rwd"
    link.symlink_to("ugly.rwd")
    assert run("fmt", link) == codes.OK
    assert link.is_symlink()
    assert (folder / "ugly.rwd").read_text() == NEAT


def test_links_below_a_folder_are_passed_over(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "outside.rwd"
    outside.write_text(UGLY)
    (folder / "inner" / "link.rwd").symlink_to(outside)
    run("fmt", folder / "inner")
    assert outside.read_text() == UGLY.replace("\r\n", "\n")


def test_what_cannot_be_written_is_said_and_leaves_nothing_behind(folder, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    before = contents(folder)
    assert run("fmt", folder / "ugly.rwd") == codes.USAGE
    assert (
        capsys.readouterr().err == f"error: cannot write `{folder / 'ugly.rwd'}`: No space left on device\n"
    )
    assert contents(folder) == before


def test_a_bug_leaves_the_file_as_it_is(folder, monkeypatch, capsys):
    monkeypatch.setattr(formatter, "laid_out", lambda file: NEAT.replace("# one", ""))
    before = contents(folder)
    assert run("fmt", folder / "ugly.rwd") == codes.BUG
    err = capsys.readouterr().err
    assert err.startswith("error: this is a bug in rewardkit")
    assert f"FormatterBug: formatting `{folder / 'ugly.rwd'}` would change its comments" in err
    assert contents(folder) == before


def test_closed_standard_input_is_said(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", None)
    assert run("fmt", "-") == codes.USAGE
    assert capsys.readouterr().err == "error: standard input is closed\n"
