"""Parts that another package offers: found by their entry points, and taken as ours are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from training_toy import score, write_task

from rewardkit.cli import codes
from rewardkit.cli.main import _run
from rewardkit.training import ConfigError, recipe_table, train
from rewardkit.training.logs import read_log

PACKAGE = '''
import numpy as np
from rewardkit.training.recipes import Recipe

calls = []

def half(rewards, lengths, groups, weights, state, *, odd=False):
    """Every second row counts."""
    calls.append("filter")
    return np.arange(len(groups)) % 2 == int(odd), {"seen": state.get("seen", 0) + 1}

def flat(advantages, pieces, mask, correct, state):
    calls.append("shaper")
    assert [len(row) for row in pieces] == mask.sum(axis=1).tolist()
    return advantages, {}

def reinforce(new_logp, old_logp, advantages, mask, groups, *, counts=None, scale=1.0):
    calls.append("objective")
    loss = -(new_logp * advantages * mask).sum() * scale / counts.tokens
    return loss, {"answer": new_logp.new_tensor(42.0)}

def centred(rewards, groups, weights):
    calls.append("normalizer")
    return rewards @ weights - (rewards @ weights).mean()

OURS = Recipe("a report", "all of ours", {
    "filter": "half", "filter_options": {"odd": True}, "normalizer": "centred", "shaper": "flat",
    "objective": "reinforce", "objective_options": {"scale": 2.0},
})
TYPO = Recipe("a report", "one key is misspelled", {"filtr": "half"})
TABLE = {"filter": "half"}

def deaf(new_logp, old_logp, advantages, mask, groups):
    return new_logp.sum(), {}
'''
POINTS = """
[rewardkit.filters]
half = theirs:half
[rewardkit.shapers]
flat = theirs:flat
[rewardkit.objectives]
reinforce = theirs:reinforce
deaf = theirs:deaf
[rewardkit.normalizers]
centred = theirs:centred
[rewardkit.recipes]
ours = theirs:OURS
"""


@pytest.fixture
def theirs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    site = tmp_path_factory.mktemp("site")
    (site / "theirs.py").write_text(PACKAGE)
    info = site / "theirs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "theirs", raising=False)
    import theirs  # type: ignore[import-not-found]

    return theirs


def test_a_recipe_of_another_package(theirs: Any, tmp_path: Path) -> None:
    task = write_task(tmp_path)
    task["train"].update(recipe="ours", steps=2)
    result = train(task, base=tmp_path, scorer=score, progress=False)
    assert set(theirs.calls) == {"filter", "shaper", "objective", "normalizer"}
    last = read_log(result.log)[-1]
    assert last["measures"]["answer"] == 42
    assert last["kept"] == 0.5
    assert recipe_table.row("ours")["filter"] == "half (odd True)"
    assert [row["recipe"] for row in recipe_table.table()][-1] == "ours"


def test_a_part_that_cannot_be_loaded(theirs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(theirs, "half")
    task = write_task(tmp_path)
    task["train"].update(filter="half")
    with pytest.raises(ConfigError, match=r"filter `half` of `theirs` cannot be loaded: .*half"):
        train(task, base=tmp_path, scorer=score, progress=False)


def test_a_broken_recipe_hides_no_other(theirs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    broken = "typo = theirs:TYPO\ntable = theirs:TABLE\ngone = theirs:GONE\n"
    points = Path(theirs.__file__).parent / "theirs-1.0.dist-info" / "entry_points.txt"
    points.write_text(POINTS + broken)
    assert _run(["train", "--recipes"]) == codes.OK
    printed = capsys.readouterr()
    assert "dapo" in printed.out
    assert "ours" in printed.out
    gone, table, typo = printed.err.splitlines()
    assert "recipe `gone` of `theirs` cannot be loaded" in gone
    assert "recipe `table` is a dict; its package must offer a `rewardkit.training.recipes.Recipe`" in table
    assert "recipe `typo`: unknown key `filtr`; did you mean `filter`?" in typo


def test_an_objective_that_does_not_take_what_it_is_given(theirs: Any, tmp_path: Path) -> None:
    task = write_task(tmp_path)
    task["train"].update(objective="deaf")
    with pytest.raises(ConfigError, match=r"\[train\] .*deaf.* 'counts'"):
        train(task, base=tmp_path, scorer=score, progress=False)
