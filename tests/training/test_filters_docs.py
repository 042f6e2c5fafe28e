"""docs/filters.md runs, and has every option of every filter and shaper with its default."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rewardkit.training import parse_config
from rewardkit.training.filters import FILTERS
from rewardkit.training.shapers import SHAPERS

TEXT = (Path(__file__).parents[2] / "docs" / "filters.md").read_text(encoding="utf-8")
#: where the table of options of each part follows
BEFORE = {
    "dynamic_sampling": "## Dynamic sampling",
    "shortest": "**`shortest`**",
    "token_efficiency": "**`token_efficiency`**",
    "adaptive_difficulty": "**`adaptive_difficulty`**",
    "hicra": "## HICRA",
}


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/filters.md", "exec"), names)
    assert len(blocks) == 5 and names["entropy"] > 0


@pytest.mark.parametrize("part", [*FILTERS.values(), *SHAPERS.values()], ids=lambda part: part.__name__)
def test_every_option_and_its_default(part: Callable[..., Any]) -> None:
    table = TEXT.split(BEFORE[part.__name__], 1)[1].split("| --- | --- | --- |\n", 1)[1].split("\n\n", 1)[0]
    shown = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE))
    options = {
        name: parameter.default
        for name, parameter in inspect.signature(part).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name != "names"
    }
    assert shown == {name: _written(value) for name, value in options.items()}


def _written(value: Any) -> str:
    if value is None:
        return "–"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def test_the_first_run_file_is_one() -> None:
    first = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)[0]
    rest = {
        "policy": {"path": "p"},
        "data": {"rows": "rows.jsonl"},
        "reward": {"spec": "reward.rwd"},
        "log": {"dir": "runs/first"},
    }
    train = parse_config({**rest, **tomllib.loads(first)}).train
    assert FILTERS[train.filter] and SHAPERS[train.shaper]
