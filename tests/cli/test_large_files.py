"""Files larger than memory should have to be: blocks are read, scored and written one after the other."""

import json
import os
import subprocess
import sys

import polars as pl
import pytest

from rewardkit.cli import codes
from rewardkit.cli.main import _run

SPEC = """
input q: text
term a in [0, 1] = 1 - clamp(completion.chars / 4000ch, 0, 1)
term b in [0, 1] = (if completion.chars > (mean(completion.chars) over group) then 0 else 1)
reward { a: 1  b: 1 }
"""

MEASURE = r"""
import re, sys
from rewardkit.cli.main import _run
code = _run(sys.argv[1:])
# not `getrusage`, which counts what the parent of this process took
print(int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) // 1024, file=sys.stderr)
sys.exit(code)
"""


def write(path, rows):
    """Rows of 4 KB, in groups of 4."""
    with open(path, "w") as file:
        for i in range(rows):
            text = f"{i} " * (i % 7) + "word " * 800
            file.write(json.dumps({"completion": text, "q": f"q{i // 4}"}) + "\n")


def peak(tmp_path, rows, ending, group):
    """The most memory that scoring took, in MB."""
    path, out = tmp_path / f"rows{rows}.{ending}", tmp_path / f"out.{ending}"
    if not path.exists():
        write(tmp_path / "rows.jsonl", rows)
        if ending == "parquet":
            pl.scan_ndjson(tmp_path / "rows.jsonl").sink_parquet(path, row_group_size=2_000)
        else:
            os.rename(tmp_path / "rows.jsonl", path)
    words = ["score", str(tmp_path / "s.rwd"), str(path), *group, "-o", str(out), "--with", "q"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *words], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return int(done.stderr.split()[-1])


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted otherwise elsewhere")
@pytest.mark.parametrize("group", [["--group-size", "4"], ["--group", "q"]], ids=" ".join)
@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path, ending, group):
    (tmp_path / "s.rwd").write_text(SPEC)
    small, large = peak(tmp_path, 16_000, ending, group), peak(tmp_path, 80_000, ending, group)
    # 256 MB more of rows
    assert large - small < 100, (small, large)


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_blocks_change_nothing(tmp_path, capsys, monkeypatch, ending):
    (tmp_path / "s.rwd").write_text(SPEC)
    table = pl.DataFrame(
        {"completion": ["x" * (i * 7 % 40) for i in range(40)], "q": [f"q{i // 8}" for i in range(40)]}
    )
    rows = tmp_path / f"rows.{ending}"
    {"parquet": table.write_parquet, "csv": table.write_csv, "jsonl": table.write_ndjson}[ending](rows)
    summaries, outputs = [], []
    for block in (3, 40):
        monkeypatch.setattr("rewardkit.runtime.scoring.BLOCK", block)
        out = tmp_path / f"out{block}.jsonl"
        words = ["score", tmp_path / "s.rwd", rows, "--group", "q", "-o", out, "--format", "json"]
        assert _run([str(word) for word in words]) == codes.OK
        summaries.append(json.loads(capsys.readouterr().out))
        outputs.append(out.read_text())
    assert outputs[0] == outputs[1]
    for one, other in zip(*(s["columns"] for s in summaries), strict=True):
        assert one["mean"] == pytest.approx(other["mean"]) and one["std"] == pytest.approx(other["std"])
    assert summaries[0]["rows"] == 40


@pytest.mark.parametrize(
    ("ending", "cell", "told"),
    [("jsonl", "null", "row 7, column `x`"), ("csv", "1.5", "row 7, column `x`")],
)
def test_rows_are_counted_from_the_start_of_the_file(tmp_path, capsys, monkeypatch, ending, cell, told):
    monkeypatch.setattr("rewardkit.runtime.scoring.BLOCK", 2)
    (tmp_path / "s.rwd").write_text("input x: int\nterm a = x\nreward { a: 1 }\n")
    cells = ["1"] * 7 + [cell] + ["1"] * 3
    rows = tmp_path / f"rows.{ending}"
    rows.write_text(
        "x\n" + "\n".join(cells) if ending == "csv" else "\n".join(f'{{"x": {c}}}' for c in cells)
    )
    out = tmp_path / "out.jsonl"
    assert _run(["score", str(tmp_path / "s.rwd"), str(rows), "-o", str(out)]) == codes.USAGE
    error = capsys.readouterr().err
    assert told in error and "the scores of the first 6 of 11 rows" in error


def test_a_malformed_line_late_in_a_file_keeps_what_was_scored(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("rewardkit.runtime.scoring.BLOCK", 2)
    (tmp_path / "s.rwd").write_text("input x: int\nterm a = x\nreward { a: 1 }\n")
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text('{"x": 1}\n\n{"x": 2}\n{"x": 3\n')
    assert _run(["score", str(tmp_path / "s.rwd"), str(rows), "-o", str(out)]) == codes.USAGE
    assert "line 4: not JSON" in (error := capsys.readouterr().err) and "first 2 of 3 rows" in error
    assert not out.exists()


def test_a_column_that_a_later_block_lacks_is_null_there(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("rewardkit.runtime.scoring.BLOCK", 1)
    (tmp_path / "s.rwd").write_text("input x: int?\nterm a = x ?? 5\nreward { a: 1 }\n")
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text('{"x": 1}\n{"y": 2}\n')
    assert _run(["score", str(tmp_path / "s.rwd"), str(rows), "-o", str(out)]) == codes.OK
    assert [json.loads(line)["a"] for line in out.read_text().splitlines()] == [1, 5]


def test_a_pipe_is_read_as_a_file_is(tmp_path):
    (tmp_path / "s.rwd").write_text("input x: int\nterm a = x\nreward { a: 1 }\n")
    (tmp_path / "rows.csv").write_text("x\n1\n2\n")
    os.mkfifo(tmp_path / "pipe.csv")
    command = (
        f'cat rows.csv > pipe.csv & "{sys.executable}" -m rewardkit score s.rwd pipe.csv -o - 2>/dev/null'
    )
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert [json.loads(line)["a"] for line in done.stdout.splitlines()] == [1, 2]
