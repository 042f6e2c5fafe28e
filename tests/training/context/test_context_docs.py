"""docs/context.md has every key of a context run with its default, and every field of its log."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
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


def rows(heading: str) -> dict[str, str]:
    """First cell -> second cell of the table under a heading."""
    section = TEXT.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section, re.MULTILINE))


def value(cell: str) -> Any:
    if cell in ("required", "–"):
        return {"required": ..., "–": None}[cell]
    return tomllib.loads(f"value = {cell.strip('`')}")["value"]


@pytest.mark.parametrize("table", TABLES)
def test_every_key_and_its_default(table: str) -> None:
    defaults = {
        name: ... if field.is_required() else field.get_default(call_default_factory=True)
        for name, field in TABLES[table].model_fields.items()
    }
    plain = {name: {} if isinstance(each, BaseModel) else each for name, each in defaults.items()}
    assert {name: value(cell) for name, cell in rows(f"### [{table}]").items()} == plain


def test_every_table() -> None:
    assert re.findall(r"^### \[(.*)\]$", TEXT, re.MULTILINE) == list(TABLES)


def test_every_field_of_the_log() -> None:
    assert list(rows("## What a run leaves")) == [field.name for field in fields(ContextRecord)]


def test_the_run_files_are_run_files() -> None:
    shown = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    shown += [path.read_text() for path in sorted((ROOT / "examples" / "context").glob("*.toml"))]
    optimizers = [read_run(tomllib.loads(text)).context.optimizer for text in shown]
    assert optimizers == ["training_free_grpo", "gepa", "gepa", "training_free_grpo"]
