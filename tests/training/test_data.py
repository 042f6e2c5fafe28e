"""Rows and the order they are visited in."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from rewardkit.training import TrainError
from rewardkit.training.data import read_rows, visit
from rewardkit.training.seeds import Stream, derive


def test_every_epoch_visits_every_row_once() -> None:
    visited = [row for step in range(20) for row in visit(7, 3 * step, 3, seed=1)]
    epochs = [visited[start : start + 7] for start in range(0, 56, 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_the_order_follows_from_seed_and_position_alone() -> None:
    assert visit(100, 40, 8, seed=1) == visit(100, 40, 8, seed=1)
    assert visit(100, 40, 8, seed=1) != visit(100, 40, 8, seed=2)
    assert visit(100, 40, 8, seed=1) != visit(100, 40, 8, seed=1, stream=Stream.DEMONSTRATIONS)


def test_a_batch_may_be_larger_than_the_data() -> None:
    assert sorted(visit(3, 0, 6, seed=0)) == [0, 0, 1, 1, 2, 2]


def test_streams_are_apart() -> None:
    seeds = {derive(seed, stream, i) for seed in range(5) for stream in Stream for i in range(5)}
    assert len(seeds) == 5 * len(Stream) * 5
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_reads_every_kind_of_file(tmp_path: Path) -> None:
    frame = pl.DataFrame({"prompt": ["a", "b"], "n": [1, 2]})
    frame.write_ndjson(tmp_path / "rows.jsonl")
    frame.write_parquet(tmp_path / "rows.parquet")
    frame.write_csv(tmp_path / "rows.csv")
    for kind in ("jsonl", "parquet", "csv"):
        rows = read_rows(tmp_path / f"rows.{kind}")
        assert (len(rows), rows.take([1, 0, 1])) == (2, {"prompt": ["b", "a", "b"], "n": [2, 1, 2]})


def test_objects_keep_their_own_keys(tmp_path: Path) -> None:
    calls = [{"call": {"arguments": {"x": 1}}}, {"call": {"arguments": {"y": 2}}, "late": True}]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, calls)))
    assert dict(read_rows(file).columns) == {"call": [c["call"] for c in calls], "late": [None, True]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.jsonl", b'{"a": 1}\n{"a":', r"rows.jsonl:2: not JSON"),
        ("rows.jsonl", b"[1]", r"rows.jsonl:1: a row is an object"),
        ("rows.jsonl", b"\xff\n", "is not UTF-8 text"),
        ("rows.jsonl", b"\n\n", "has no rows"),
        ("rows.csv", b"", "cannot read"),
        ("rows.parquet", b"nonsense", "cannot read"),
        ("rows.txt", b"a", "rows are read from"),
        ("rows.jsonl", None, "cannot read"),
    ],
)
def test_wrong_files_are_one_line(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TrainError, match=message) as caught:
        read_rows(file)
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"question": "a", "answer": "b"}')
    with pytest.raises(TrainError, match="no column `prompt`; they have `question`, `answer`"):
        read_rows(file).column("prompt")
