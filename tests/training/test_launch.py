"""`accelerate launch -m rewardkit train`: the command line in two processes, as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from several import SECONDS
from training_toy import write_task

from rewardkit.training.logs import read_log

pytest.importorskip("psutil")
import psutil

SPEC = """
language 1
input count: int per prompt
extern nearness(said: int, count: int): real in [0, 1]
term near in [0, 1] = nearness(text.count(completion.text, "x"), count)
reward { near: 1 }
advantage grpo
"""
#: away in the second process, once there is the file `away`
EXTERN = """
import os
from pathlib import Path

def nearness(said, count):
    if os.environ["RANK"] == "1" and Path("away").exists():
        raise ValueError("the service is away")
    return max(0.0, 1 - abs(said - count) / 6)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    task = write_task(tmp_path)
    task["train"] |= {"steps": 3, "prompts_per_step": 5}
    task["reward"] = {"spec": "toy.rwd", "externs": {"nearness": "mine:nearness"}}
    (tmp_path / "toy.rwd").write_text(SPEC)
    (tmp_path / "mine.py").write_text(EXTERN)
    lines = []
    for name, table in task.items():
        inner = {key: value for key, value in table.items() if isinstance(value, dict)}
        lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in table.items() if k not in inner)]
        for key, values in inner.items():
            lines += [f"[{name}.{key}]", *(f"{k} = {json.dumps(v)}" for k, v in values.items())]
    (tmp_path / "run.toml").write_text("\n".join(lines))
    return tmp_path


def launch(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu"]
    command += ["--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"]
    command += ["--dynamo_backend", "no", "--main_process_port", "0"]
    return subprocess.Popen(
        [*command, "-m", "rewardkit", "train", "run.toml", *words],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> str:
    """What a launched run said; nothing of it is left when this returns."""
    began = psutil.Process(process.pid).children(recursive=True)
    try:
        out, _ = process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    _, left = psutil.wait_procs(began, timeout=10)
    assert not left
    return out


def test_two_processes_from_the_command_line(folder: Path) -> None:
    process = launch(folder)
    out = end(process)
    assert process.returncode == 0, out
    assert [line["step"] for line in read_log(folder / "run" / "log.jsonl")] == [1, 2, 3]
    assert out.count("step 3/3") == 1
    assert out.count("3 steps in") == 1
    assert (folder / "run" / "policy" / "model.safetensors").exists()

    (folder / "away").touch()
    process = launch(folder, "--set", "log.dir=other")
    out = end(process)
    assert process.returncode != 0
    assert out.count("error: ") == 1, out
    assert "error: the extern `nearness`, on row " in out
    assert "ValueError: the service is away" in out


def test_an_interrupt_ends_all(folder: Path) -> None:
    process = launch(folder, "--quiet", "--set", "train.steps=100000")
    log, deadline = folder / "run" / "log.jsonl", time.monotonic() + SECONDS
    while process.poll() is None and not log.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out = end(process)
    assert process.returncode != 0
    assert out.count("interrupted: the run goes on from step ") == 1, out
