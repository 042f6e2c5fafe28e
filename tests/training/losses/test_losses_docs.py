"""docs/losses.md runs, and names what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, get_args

import torch

from rewardkit.training.algorithm import Algorithm
from rewardkit.training.losses import KL, OBJECTIVES, Aggregation

TEXT = (Path(__file__).parents[3] / "docs" / "losses.md").read_text(encoding="utf-8")


def table(head: str) -> list[list[str]]:
    """The cells of the table that begins so."""
    rows = TEXT.split(f"| `{head}` |", 1)[1].split("\n\n", 1)[0].split("\n")[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_page_runs() -> None:
    """And the parts that it shows add up: the second block adds a whole gradient to that of the first."""
    names: dict[str, Any] = {}
    first, second = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    exec(compile(first, "docs/losses.md", "exec"), names)
    one = names["new"].grad.clone()
    exec(compile(second, "docs/losses.md", "exec"), names)
    given = names["new"].detach().requires_grad_(), names["old"], names["advantages"], names["mask"]
    loss, _ = OBJECTIVES["ppo_clip"].function(*given)
    torch.testing.assert_close(names["new"].grad - one, torch.autograd.grad(loss, given[0])[0])


def test_every_objective_and_its_options() -> None:
    rows = table("objective")
    assert [cells[0].strip("`") for cells in rows] == list(OBJECTIVES)
    for cells in rows:
        options = set(re.findall(r"`(\w+)`", cells[2])) - {"objective_options"}
        parameters = inspect.signature(OBJECTIVES[cells[0].strip("`")].function).parameters.values()
        takes = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY} - {"counts", "kl", "max_length"}
        assert options == takes
        assert ("objective_options" in cells[2]) != (takes <= Algorithm.model_fields.keys())


def test_every_aggregation_and_estimator() -> None:
    assert [cells[0].strip("`") for cells in table("aggregation")] == list(get_args(Aggregation))
    assert [cells[0].strip("`") for cells in table("kl_kind")] == list(get_args(KL))
