"""What is read and written: no input is destroyed, no stream or file gives a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import _run
from rewardkit.runtime import Reward, RowsError

SPEC = "input x: int\ninput y: real?\nterm a = x\nreward { a: 1 }\n"

needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "good.rwd"
    path.write_text(SPEC)
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f'{{"x": {x}}}\n' for x in range(10)))
    return path


def run(*words: object) -> int:
    return _run([str(word) for word in words])


def shell(command: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A command line in which `rk` is rewardkit."""
    command = f'rk() {{ "{sys.executable}" -m rewardkit "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, **options)


def one_line(error: str) -> bool:
    return error.startswith("error: ") and error.count("\n") == 1


# --- nothing is destroyed --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_the_rows_are_not_overwritten(spec, tmp_path, capsys, ending):
    path, link = tmp_path / f"same.{ending}", tmp_path / f"link.{ending}"
    table = pl.DataFrame({"x": [1]})
    {"parquet": table.write_parquet, "csv": table.write_csv, "jsonl": table.write_ndjson}[ending](path)
    link.symlink_to(path)
    before = path.read_bytes()
    for out in (path, link):
        assert run("score", spec, path, "-o", out) == codes.USAGE
        assert "would replace" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_the_spec_is_not_overwritten(tmp_path, rows, capsys):
    path = tmp_path / "spec.jsonl"
    path.write_text(SPEC)
    assert run("score", path, rows, "-o", path) == codes.USAGE
    assert path.read_text() == SPEC


@pytest.fixture
def stops_early(monkeypatch):
    """Scoring in blocks of 4 rows, the third of which raises what this function is given."""

    def install(error: BaseException) -> None:
        calls, score = iter(range(10)), Reward.score

        def stopped(*words, **options):
            if next(calls) == 2:
                raise error
            return score(*words, **options)

        monkeypatch.setattr("rewardkit.runtime.scoring.BLOCK", 4)
        monkeypatch.setattr(Reward, "score", stopped)

    return install


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RowsError("odd")])
def test_a_stop_keeps_the_old_output_and_the_new_rows(
    spec, rows, tmp_path, capsys, stops_early, ending, error
):
    out, partial = tmp_path / f"out.{ending}", tmp_path / f"out.{ending}.partial"
    out.write_text("old")
    stops_early(error)
    assert run("score", spec, rows, "-o", out) == (
        codes.INTERRUPTED if isinstance(error, KeyboardInterrupt) else codes.USAGE
    )
    assert f"the first 8 of 10 rows are in `{partial}`" in capsys.readouterr().err
    assert out.read_text() == "old"
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[ending]
    assert read(partial)["a"].to_list() == list(range(8))


def test_too_many_faults_keep_the_rows_beside(tmp_path, capsys):
    path, rows, out = tmp_path / "f.rwd", tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    path.write_text("input x: int\nterm a = x * x\nreward { a: 1 }\n")
    rows.write_text("\n".join(json.dumps({"x": x}) for x in [1, 2, 2**62]))
    assert run("score", path, rows, "-o", out) == codes.USAGE
    assert "out.jsonl.partial`" in capsys.readouterr().err
    assert not out.exists()


def test_nothing_is_left_where_nothing_was_scored(spec, tmp_path, capsys):
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text('{"x": "a"}')
    out.write_text("old")
    assert run("score", spec, rows, "-o", out) == codes.USAGE
    assert out.read_text() == "old"
    assert not (tmp_path / "out.jsonl.partial").exists()


def test_an_output_is_replaced_with_its_mode_and_behind_a_link(spec, rows, tmp_path, capsys):
    out, link = tmp_path / "out.jsonl", tmp_path / "link.jsonl"
    out.write_text("old")
    out.chmod(0o600)
    link.symlink_to(out)
    assert run("score", spec, rows, "-o", link) == codes.OK
    assert link.is_symlink() and out.stat().st_mode & 0o777 == 0o600
    assert len(out.read_text().splitlines()) == 10
    assert not list(tmp_path.glob("*.partial"))


# --- full disks, closed streams, pipes -------------------------------------------------------------


@needs_full
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_full_disk_is_one_line(spec, rows, tmp_path, capsys, ending):
    out = tmp_path / f"full.{ending}"
    out.symlink_to("/dev/full")
    assert run("score", spec, rows, "-o", out) == codes.USAGE
    error = capsys.readouterr().err
    assert one_line(error) and "No space left" in error


@needs_full
@pytest.mark.parametrize(
    "words",
    [
        "check g.rwd --no-lint",
        "--help",
        "check --help",
        "score g.rwd rows.jsonl -o -",
        "score g.rwd rows.jsonl",
    ],
)
def test_full_standard_output_is_one_line(tmp_path, rows, words):
    (tmp_path / "g.rwd").write_text(SPEC)
    found = shell(f"rk {words} > /dev/full", cwd=tmp_path)
    assert found.returncode == codes.USAGE
    assert one_line(found.stderr) and "No space left" in found.stderr


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("check g.rwd --no-lint >&-", codes.OK, ""),
        ("check bad.rwd >&-", codes.WRONG_SPEC, "RK0201"),
        ("chek >&-", codes.USAGE, "no verb"),
        ("score g.rwd rows.jsonl -o - >&-", codes.USAGE, "standard output is closed"),
        ("score g.rwd - <&-", codes.USAGE, "standard input is closed"),
        ("score g.rwd rows.jsonl 2>&-", codes.OK, ""),
        ("check bad.rwd 2>&-", codes.WRONG_SPEC, ""),
        ("score bad.rwd rows.jsonl 2>/dev/full", codes.USAGE, ""),
        ("score g.rwd rows.jsonl -o out.jsonl <&- >&- 2>&-", codes.OK, ""),
    ],
)
def test_closed_streams(tmp_path, rows, command, code, says):
    (tmp_path / "g.rwd").write_text(SPEC)
    (tmp_path / "bad.rwd").write_text("term a = x\n")
    found = shell(f"rk {command}", cwd=tmp_path)
    assert found.returncode == code
    assert says in found.stderr and "Traceback" not in found.stderr
    assert says or not found.stderr


def test_rows_on_standard_output_stay_alone_where_standard_error_is_closed(tmp_path, rows):
    (tmp_path / "g.rwd").write_text(SPEC)
    found = shell("rk score g.rwd rows.jsonl -o - 2>&-", cwd=tmp_path)
    assert [json.loads(line)["a"] for line in found.stdout.splitlines()] == list(range(10))


def test_a_reader_that_has_gone_is_no_error(tmp_path, rows):
    (tmp_path / "g.rwd").write_text(SPEC)
    rows.write_text('{"x": 1}\n' * 30_000)
    found = shell("rk score g.rwd rows.jsonl -o - | head -1; exit ${PIPESTATUS[0]}", cwd=tmp_path)
    assert found.returncode == codes.OK
    assert "error" not in found.stderr and len(found.stdout.splitlines()) == 1


def test_the_end_of_an_input_is_no_interrupt(monkeypatch, spec, capsys):
    def broken(source):
        raise EOFError("oops")

    monkeypatch.setattr("rewardkit.cli.check.check", broken)
    monkeypatch.delenv("REWARDKIT_TRACEBACK", raising=False)
    assert run("check", spec) == codes.BUG
    assert "EOFError: oops" in capsys.readouterr().err


def test_an_error_of_the_system_is_one_line(monkeypatch, spec, capsys):
    def broken(source):
        raise PermissionError(13, "Permission denied", "/x")

    monkeypatch.setattr("rewardkit.cli.check.check", broken)
    assert run("check", spec) == codes.USAGE
    assert capsys.readouterr().err == "error: `/x`: Permission denied\n"


# --- cells -----------------------------------------------------------------------------------------


def test_copied_cells_are_valid_json(spec, tmp_path, capsys):
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text('{"x": 1, "c": [NaN, 1e999, {"d": -Infinity}]}\n{"x": 1, "c": "\\ud800 é"}\n')
    assert run("score", spec, rows, "-o", out, "--with", "c") == codes.OK

    def refuse(word):
        raise AssertionError(word)

    found = [json.loads(line, parse_constant=refuse)["c"] for line in out.read_text("utf-8").splitlines()]
    assert found == [[None, None, {"d": None}], "\ud800 é"]


def test_copied_lists_of_a_table_are_lists(spec, tmp_path, capsys):
    rows, out = tmp_path / "rows.parquet", tmp_path / "out.jsonl"
    pl.DataFrame({"x": [1], "c": [[1, 2]]}).write_parquet(rows)
    assert run("score", spec, rows, "-o", out, "--with", "c") == codes.OK
    assert json.loads(out.read_text())["c"] == [1, 2]


@pytest.mark.parametrize(
    ("ending", "cells", "copied"),
    [
        ("csv", [[1], {"a": "b"}], ["[1]", '{"a": "b"}']),
        ("parquet", [[1], [2]], [[1], [2]]),
        ("parquet", [{"a": 1}, 3], ['{"a": 1}', "3"]),
        ("parquet", [1, "b"], ["1", "b"]),
        ("parquet", [2**200, None], [str(2**200), None]),
    ],
)
def test_copied_cells_in_tables(spec, tmp_path, capsys, monkeypatch, ending, cells, copied):
    monkeypatch.setattr("rewardkit.runtime.scoring.BLOCK", 1)  # each block alone would have other types
    rows, out = tmp_path / "rows.jsonl", tmp_path / f"out.{ending}"
    rows.write_text("".join(json.dumps({"x": 1, "c": cell}) + "\n" for cell in cells))
    assert run("score", spec, rows, "-o", out, "--with", "c") == codes.OK
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv}[ending]
    assert read(out)["c"].to_list() == copied


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_lone_surrogate_in_a_table_is_told(spec, tmp_path, capsys, ending):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"x": 1, "c": "a"}\n{"x": 1, "c": "\\ud800"}\n')
    assert run("score", spec, rows, "-o", tmp_path / f"out.{ending}", "--with", "c") == codes.USAGE
    assert "row 1, column `c`: a lone surrogate" in capsys.readouterr().err


@pytest.mark.parametrize("cell", ["1_000", "١", "1.0", "0x1", "1e3", "9" * 50])
def test_whole_numbers_in_csv_are_plain(spec, tmp_path, capsys, cell):
    rows = tmp_path / "rows.csv"
    rows.write_text(f"x,y\n 1,1.5e-3\n+2,.5\n-3,\n{cell},1\n", "utf-8")
    assert run("score", spec, rows) == codes.USAGE
    assert f"row 3, column `x`: '{cell}' is not `int`" in capsys.readouterr().err


@pytest.mark.parametrize("cell", ["1_0", "nan", "inf", "-Infinity", "١.٥", "1e999", ".", "1e"])
def test_numbers_in_csv_are_plain(spec, tmp_path, capsys, cell):
    rows = tmp_path / "rows.csv"
    rows.write_text(f"x,y\n1,{cell}\n", "utf-8")
    assert run("score", spec, rows) == codes.USAGE
    assert f"row 0, column `y`: '{cell}' is not `real?`" in capsys.readouterr().err


@pytest.mark.parametrize("line", ['{"x": 1, "x": 2}', '{"x": 1, "c": [{"x": 1, "x": 1}]}'])
def test_a_key_that_comes_twice_is_told(spec, tmp_path, capsys, line):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"x": 1}\n' + line)
    assert run("score", spec, rows) == codes.USAGE
    assert "line 2: the key 'x' comes twice" in capsys.readouterr().err


def test_a_line_without_end_is_told(spec, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("rewardkit.runtime.files._MAX_LINE", 20)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"x": 1           }\n{"x": 1             }')
    assert run("score", spec, rows) == codes.USAGE
    assert "line 2: longer than 20 bytes" in capsys.readouterr().err


# --- paths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["check", "test"])
def test_an_empty_path_is_an_error(spec, tmp_path, capsys, monkeypatch, verb):
    monkeypatch.chdir(tmp_path)
    assert run(verb, "") == codes.USAGE
    assert "empty path" in capsys.readouterr().err
    assert run("score", "", "rows.jsonl") == codes.USAGE
    assert "empty path" in capsys.readouterr().err


def test_a_pipe_is_no_spec(tmp_path, rows, capsys):
    pipe = tmp_path / "pipe.rwd"
    os.mkfifo(pipe)
    for words in (["check", pipe], ["test", pipe], ["score", pipe, rows]):
        assert run(*words) == codes.USAGE
        assert "a spec is a regular file" in capsys.readouterr().err


def test_a_tree_is_checked_by_its_files(spec, tmp_path, capsys, monkeypatch):
    (tmp_path / "x.rwd").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "bad.rwd").write_text("term a = x\n")
    os.mkfifo(tmp_path / "pipe.rwd")
    assert run("check", tmp_path) == codes.OK
    assert capsys.readouterr().out.count("\n") == 1
    monkeypatch.chdir(tmp_path / "x.rwd")
    assert run("check", "..") == codes.OK
    assert run("check", tmp_path / ".hidden") == codes.WRONG_SPEC  # hidden, and named


def test_a_folder_in_place_of_a_spec(tmp_path, rows, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    assert run("score", folder, rows) == codes.USAGE
    assert "it is a folder" in capsys.readouterr().err
    (folder / "reward.rwd").write_text(SPEC)
    assert run("score", folder, rows) == codes.USAGE
    assert f"did you mean `{folder / 'reward.rwd'}`?" in capsys.readouterr().err
    (folder / "other.rwd").write_text(SPEC)
    assert run("score", folder, rows) == codes.USAGE
    assert "did you mean" not in capsys.readouterr().err
