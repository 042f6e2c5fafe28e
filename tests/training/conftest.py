from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from training_toy import PIECES

from rewardkit.training.config import ModelConfig, PolicyConfig
from rewardkit.training.policy import Policy, load_policy


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # tiny tensors: more threads only wait for each other
    yield
    torch.set_num_threads(before)


@pytest.fixture
def policy() -> Policy:
    config = PolicyConfig(
        config=ModelConfig(hidden=32, layers=1, heads=2, mlp=64, max_length=64), tokenizer=PIECES
    )
    built = load_policy(config, Path(), seed=0)
    with torch.no_grad():  # far from uniform, so that every position and every mask shows
        for parameter in built.model.parameters():
            parameter.mul_(4.0)
    return built
