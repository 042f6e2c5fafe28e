"""Every filter and shaper in a whole run: it matters, and a stopped run goes on as if it had not been."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_toy import make_scores, write_task

from rewardkit.runtime.scores import Scores
from rewardkit.training import train
from rewardkit.training.checkpoint import checkpoints
from rewardkit.training.filters import FILTERS
from rewardkit.training.logs import read_log
from rewardkit.training.shapers import SHAPERS

STEPS = 8
#: what a run says of its parts, and which of them keep a state
RUNS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "dynamic_sampling": (
        {"filter": "dynamic_sampling", "filter_options": {"on": "sum"}, "max_resamples": 3},
        set(),
    ),
    "dynamic_sampling, one term": ({"filter": "dynamic_sampling", "filter_options": {"terms": 1}}, set()),
    "shortest": ({"filter": "shortest", "filter_options": {"k": 3}}, set()),
    "token_efficiency": ({"filter": "token_efficiency", "filter_options": {"k": 3}}, set()),
    "adaptive_difficulty": (
        {"filter": "adaptive_difficulty", "filter_options": {"k_easy": 2, "k_hard": 5, "warmup": 12}},
        {"filter"},
    ),
    "hicra, mined": (
        {"shaper": "hicra", "shaper_options": {"window": 40, "every": 1, "alpha": 1.0, "top": 1.0}},
        {"shaper"},
    ),
    "hicra, grams from a file": ({"shaper": "hicra", "shaper_options": {"grams": "grams.json"}}, {"shaper"}),
    "both": (
        {"filter": "adaptive_difficulty", "shaper": "hicra", "shaper_options": {"window": 8}},
        {"filter", "shaper"},
    ),
}


def score(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
    """As many `go` as the prompt says, and no `no`; nothing is right where it says 3."""
    texts, counts = rows["completion"], np.array(rows["count"])
    near = [1 - abs(text.count("go") - n) / 3 for text, n in zip(texts, counts, strict=True)]
    clean = np.array(["no" not in text for text in texts])
    return make_scores(
        {"near": np.where(counts == 3, 0.0, near), "clean": clean & (counts != 3)}, group, step=step
    )


class Stop(Exception):
    pass


def stopping(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
    if step == 5:
        raise Stop
    return score(rows, group=group, step=step)


def run(folder: Path, parts: Mapping[str, Any], scorer: Any = score) -> Any:
    folder.mkdir(exist_ok=True)
    task = write_task(folder)
    task["policy"]["tokenizer"] = ["1", "2", "3", "=", " go", " no", "."]
    task["train"].update(steps=STEPS, prompts_per_step=4, normalizer="grpo", **parts)
    task["checkpoint"] = {"every": 3}
    return train(task, base=folder, scorer=scorer, progress=False)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def lines(path: Path) -> list[dict[str, Any]]:
    return [{**line, "seconds": None} for line in read_log(path)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run(tmp_path_factory.mktemp("plain") / "run", {})


def test_every_part_is_tried() -> None:
    named = {parts[kind] for parts, _ in RUNS.values() for kind in ("filter", "shaper") if kind in parts}
    assert named == FILTERS.keys() | SHAPERS.keys()


@pytest.mark.parametrize("name", RUNS)
def test_it_matters_and_goes_on_bit_for_bit(name: str, plain: Any, tmp_path: Path) -> None:
    parts, states = RUNS[name]
    if (parts.get("shaper_options") or {}).get("grams"):
        (tmp_path / "grams.json").write_text('["go go", "no"]')
        parts = {**parts, "shaper_options": {"grams": str(tmp_path / "grams.json")}}
    whole = run(tmp_path / "whole", parts)
    assert weights(whole.policy) != weights(plain.policy)

    with pytest.raises(Stop):
        run(tmp_path / "stopped", parts, stopping)
    assert checkpoints(tmp_path / "stopped" / "run" / "checkpoints")[-1].name == "step-000003"
    rest = run(tmp_path / "stopped", parts)
    assert rest.resumed_from == 3
    assert weights(rest.checkpoint) == weights(whole.checkpoint)
    assert lines(rest.log) == lines(whole.log)

    saved = [json.loads((each.checkpoint / "run.json").read_text())["parts"] for each in (rest, whole)]
    assert saved[0] == saved[1] and saved[0].keys() == states


def test_hicra_finds_the_phrases_of_its_run(tmp_path: Path) -> None:
    result = run(tmp_path, RUNS["hicra, mined"][0])
    state = json.loads((result.checkpoint / "run.json").read_text())["parts"]["shaper"]
    assert state["grams"] and {word for gram in state["grams"] for word in gram.split()} <= {"go", "no"}
    assert len(state["texts"]) == 40 and 0 < state["measures"]["planning_ratio"] < 1


def test_k_of_a_group_is_what_counts(tmp_path: Path) -> None:
    result = run(tmp_path, RUNS["shortest"][0])
    assert {line["kept"] for line in read_log(result.log)} == {3 / 8}
