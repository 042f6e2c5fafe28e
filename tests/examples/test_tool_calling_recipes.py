"""Every recipe trains the tool-calling example, from one warmed-up policy, and its reward rises."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from rewardkit.training import train
from rewardkit.training.logs import read_log
from rewardkit.training.recipes import RECIPES

RUN = Path(__file__).parents[2] / "examples" / "tool_calling" / "run.toml"
STEPS = 20


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm")
    return train(RUN, overrides={"train.steps": 0, "log.dir": str(folder)}, progress=False).policy


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_reward_rises(warm: Path, tmp_path: Path, recipe: str) -> None:
    overrides = {
        "policy": {"path": str(warm)},
        "warmup": None,
        "log.dir": str(tmp_path),
        "train.steps": STEPS,
        "train.recipe": recipe,
    }
    result = train(RUN, overrides=overrides, progress=False)
    rewards = [line["reward"] for line in read_log(result.log)]
    assert statistics.fmean(rewards[-5:]) > statistics.fmean(rewards[:2]) + 1.0
