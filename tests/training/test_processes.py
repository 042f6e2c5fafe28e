"""Several processes take the steps that one would take, and what ends one ends all."""

from __future__ import annotations

import random
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import several
from several import finish, start, together
from test_resume import same_end, without_times

from rewardkit.training.checkpoint import checkpoints
from rewardkit.training.logs import read_log
from rewardkit.training.processes import is_left_alone


def close(one: Any, other: Any) -> bool:
    return np.allclose(one, other, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_two_processes_and_one_give_the_same(tmp_path: Path) -> None:
    """Advantages, loss and all other measures, and the weights after the update, of every algorithm."""
    first, second = together("several_updates:equal", tmp_path)
    assert len(first) >= 12
    for name, found in first.items():
        both, alone = found["together"], found["alone"]
        assert both["rows"] == 20
        assert both["tokens"] > 0
        assert close(both["total"], alone["total"]), name
        assert close(both["advantages"], alone["advantages"]), name
        assert np.abs(both["advantages"]).max() > 0.1, name
        assert both["measures"].keys() == alone["measures"].keys(), name
        for measure, value in both["measures"].items():
            assert value == pytest.approx(alone["measures"][measure], rel=1e-5, abs=1e-5), (name, measure)
        assert all(map(close, both["weights"], alone["weights"])), name
        # and both processes hold the same, bit for bit
        for a, b in zip(both["weights"], second[name]["together"]["weights"], strict=True):
            assert np.array_equal(a, b), name


@pytest.fixture(scope="module")
def various(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """The folder of several runs, and what each of the two processes says of them."""
    folder = tmp_path_factory.mktemp("various")
    first, second = together("various", folder)
    return folder, first, second


def test_kill_nine_of_two_processes(various: Any, tmp_path: Path) -> None:
    whole = various[0] / "uninterrupted"
    chance = random.SystemRandom()
    running = start("slow_run", tmp_path)
    log, lines = tmp_path / "run" / "log.jsonl", chance.randint(1, 6)
    while all(p.poll() is None for p in running) and (not log.exists() or len(read_log(log)) < lines):
        time.sleep(0.005)
    time.sleep(chance.uniform(0, 0.05))
    victim = chance.choice(running)
    victim.send_signal(signal.SIGKILL)
    ends = finish(running)  # the other one does not wait for ever
    codes = [code for code, _ in ends]
    assert codes[running.index(victim)] == -signal.SIGKILL
    assert 0 not in codes
    assert is_left_alone(RuntimeError(ends[1 - running.index(victim)][1]))

    steps, resumed, _ = together("whole_run", tmp_path)[0]
    assert steps == 8
    assert resumed in (None, 1, 3, 6)
    saved = [checkpoints(folder / "run" / "checkpoints")[-1] for folder in (tmp_path, whole)]
    assert same_end(*saved)
    assert without_times(log) == without_times(whole / "run" / "log.jsonl")


def test_dropped_groups_are_sampled_anew(various: Any) -> None:
    folder, *both = various
    first, second = (found["resampled"] for found in both)
    assert first[1:] == second[1:]
    assert len(first[0]) >= 4
    assert sum(first[0]) + sum(second[0]) > 4 * 40  # more rows than 4 steps of 5 groups of 8
    assert first[3] == 0  # what is left has a signal
    lines = read_log(folder / "resampled" / "run" / "log.jsonl")
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert any(line["kept"] < 1 for line in lines)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("failing", "ValueError: the judge of process 1 is away"),
        ("faulty", "FaultLimitError: step 2: 3 of 40 rows faulted, and `max_faults` allows 5%"),
        ("full_disk", "TrainError: cannot write .*step-000001: No space left on device"),
    ],
)
def test_what_one_process_fails_at_ends_all(various: Any, program: str, message: str) -> None:
    for found in various[1:]:
        assert re.match(message, found[program])


def test_another_number_of_processes_may_go_on(various: Any, tmp_path: Path) -> None:
    shutil.copytree(various[0] / "uninterrupted", tmp_path / "copy")
    result = several.run(tmp_path / "copy", train__steps=9)
    assert (result.resumed_from, result.steps) == (8, 9)
