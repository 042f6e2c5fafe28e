"""docs/context.md has every key of a context run with its default, and every field of its log."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from documented import defaults, rows, value
from pydantic import BaseModel

from rewardkit.training.context import read_run
from rewardkit.training.context.config import (
    ContextConfig,
    ContextModelConfig,
    GepaConfig,
    LocalConfig,
    TrainingFreeGrpoConfig,
)
from rewardkit.training.context.records import ContextRecord

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "context.md").read_text(encoding="utf-8")
TABLES: dict[str, type[BaseModel]] = {
    "context": ContextConfig,
    "context.model": ContextModelConfig,
    "context.local": LocalConfig,
    "context.training_free_grpo": TrainingFreeGrpoConfig,
    "context.gepa": GepaConfig,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_key_and_its_default(table: str) -> None:
    assert {name: value(cell) for name, cell in rows(TEXT, f"### [{table}]").items()} == defaults(
        TABLES[table]
    )


def test_every_table() -> None:
    assert re.findall(r"^### \[(.*)\]$", TEXT, re.MULTILINE) == list(TABLES)


def test_every_field_of_the_log() -> None:
    assert list(rows(TEXT, "## What a run leaves")) == [field.name for field in fields(ContextRecord)]


def test_the_run_files_are_run_files() -> None:
    shown = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    shown += [path.read_text() for path in sorted((ROOT / "examples" / "context").glob("*.toml"))]
    optimizers = [read_run(tomllib.loads(text)).context.optimizer for text in shown]
    assert optimizers == ["training_free_grpo", "gepa", "gepa", "training_free_grpo"]
