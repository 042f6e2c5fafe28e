"""Runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rewardkit.training import TrainError
from rewardkit.training.curves import _smooth, plot, series, table


def write_log(path: Path, values: list[float | None]) -> Path:
    lines = [
        {
            "step": step,
            "reward": value,
            "tokens": 4.0,
            "no_signal": 0.5,
            "terms": {"format": value, "metric": None},
            "gates": {"format": 0.5},
            "shares": {"format": 1.0},
        }
        for step, value in enumerate(values, start=1)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, list[Path]]:
    return {
        "gdpo": [
            write_log(tmp_path / "a.jsonl", [0.0, 0.5, 1.0, 1.0]),
            write_log(tmp_path / "b.jsonl", [0.0, None, 0.2, 0.8]),
        ],
        "grpo": [write_log(tmp_path / "c.jsonl", [0.0, 0.25])],
    }


def test_a_table(runs: dict[str, list[Path]]) -> None:
    lines = table(runs, {"format": 0.5}, last=2).splitlines()
    cells = {line[:24].strip(): line[24:].split("  ") for line in lines}
    assert [" ".join(cells[name]).split() for name in ("format", "metric", "steps to format >= 0.5")] == [
        ["0.750", "±", "0.354", "0.125"],
        ["-", "-"],
        ["3.0", "[2,", "4]", "never"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_some_never_get_there(runs: dict[str, list[Path]]) -> None:
    assert "3, 1 of 2 never" in table(runs, {"format": 0.9})


def test_a_plot(runs: dict[str, list[Path]], tmp_path: Path) -> None:
    path = plot(runs, tmp_path / "plots" / "curves.png", smooth=2)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_smoothing_looks_back_over_what_is_there() -> None:
    values = series([{"x": v} for v in (1.0, None, 3.0, 5.0)], ["x"])
    assert _smooth(values, 2).tolist() == [1, 1, 3, 4]
    assert _smooth(values, 9).tolist() == [1, 1, 2, 3]


def test_what_is_not_there_is_named(runs: dict[str, list[Path]], tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no term `fromat`; they have format, metric"):
        table(runs, {"fromat": 1.0})
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(TrainError, match="no steps in the logs of `x`"):
        plot({"x": [tmp_path / "empty.jsonl"]}, tmp_path / "x.png")
