"""The tool-calling example trains: every reward rises, from one warm-up, in the length of a test."""

import json
from pathlib import Path

from rewardkit.training import train

ROOT = Path(__file__).parents[2]


def test_every_reward_rises(tmp_path):
    overrides = {
        "log.dir": str(tmp_path / "run"),
        "train.steps": 30,
        "train.threads": 1,
        "checkpoint.every": 30,
    }
    result = train(ROOT / "examples" / "tool_calling" / "run.toml", overrides=overrides, progress=False)
    steps = [json.loads(line) for line in result.log.read_text().splitlines()]
    assert [step["step"] for step in steps] == list(range(1, 31))
    first = steps[0]["terms"]
    last = {name: sum(step["terms"][name] for step in steps[-5:]) / 5 for name in first}
    assert last["format"] > max(0.85, first["format"] + 0.2)
    assert last["correctness"] > max(2.0, first["correctness"] + 1)
    assert last["brevity"] > first["brevity"] + 0.1
    assert all(step["faults"] == 0 for step in steps)
