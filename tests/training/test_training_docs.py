"""docs/training.md has every key of the run file with its default, and every field of the log."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from documented import defaults, rows, value

from rewardkit.runtime.brought import BackendTables
from rewardkit.training import config as run_file
from rewardkit.training import parse_config
from rewardkit.training.algorithm import CriticConfig
from rewardkit.training.records import StepRecord

TEXT = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
TABLES = {
    "policy": run_file.PolicyConfig,
    "policy.config": run_file.ModelConfig,
    "policy.lora": run_file.LoraConfig,
    "data": run_file.DataConfig,
    "reward": run_file.RewardConfig,
    "train": run_file.TrainConfig,
    "train.critic": CriticConfig,
    "warmup": run_file.WarmupConfig,
    "log": run_file.LogConfig,
    "log.wandb": run_file.WandbConfig,
    "checkpoint": run_file.CheckpointConfig,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_and_its_default(table: str) -> None:
    assert {name: value(cell) for name, cell in rows(TEXT, f"### [{table}]").items()} == defaults(
        TABLES[table]
    )


def test_every_table() -> None:
    assert set(re.findall(r"^### \[(.*)\]$", TEXT, re.MULTILINE)) == set(TABLES)
    here = {table.partition(".")[0] for table in TABLES}
    assert set(run_file.RunConfig.model_fields) == here | set(BackendTables.model_fields)


def test_every_field_of_the_log() -> None:
    assert list(rows(TEXT, "## What is logged")) == [field.name for field in fields(StepRecord)]


def test_the_first_run_file_is_one() -> None:
    first = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0]
    assert parse_config(tomllib.loads(first)).train.steps == 200
