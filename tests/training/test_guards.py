"""Parts that do what no part may, options that are none, and states that somebody wrote to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_toy import make_scores, score, write_task

from rewardkit.normalizers import NORMALIZERS
from rewardkit.training import ConfigError, ResumeError, TrainError, train
from rewardkit.training.checkpoint import checkpoints
from rewardkit.training.filters import FILTERS
from rewardkit.training.losses import OBJECTIVES, Objective
from rewardkit.training.shapers import SHAPERS


def run(folder: Path, **values: Any) -> Any:
    task = write_task(folder)
    task["train"].update(
        {"steps": 2, "prompts_per_step": 2, "completions_per_prompt": 4, "minibatches": 1, **values}
    )
    return train(task, base=folder, scorer=score, progress=False)


def broken(*_: Any, **__: Any) -> Any:
    raise KeyError("nothing")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"filter": "shortest", "filter_options": {"k": 0}}, "k must be an integer"),
        (
            {"filter": "token_efficiency", "filter_options": {"names": ["a"]}},
            "is no option: the run gives it",
        ),
        ({"filter": "dynamic_sampling", "filter_options": {"tolerance": 10**400}}, "tolerance must be"),
        ({"filter": "dynamic_sampling", "filter_options": {"tolerance": "a"}}, "tolerance must be"),
        ({"filter": "adaptive_difficulty", "filter_options": {"warmup": "a"}}, "warmup must be"),
        ({"shaper": "hicra", "shaper_options": {"window": 10**400}}, "window must be"),
        ({"shaper": "hicra", "shaper_options": {"every": "a"}}, "every must be"),
        ({"shaper": "hicra", "shaper_options": {"top": []}}, "top must be"),
        ({"shaper": "hicra", "shaper_options": {"alpha": "a"}}, "alpha must be"),
        ({"shaper": "hicra", "shaper_options": {"grams": 1}}, "grams must be a list"),
        ({"shaper": "hicra", "shaper_options": {"grams": ["let me", 1]}}, "grams must be a list"),
        ({"objective": "gvpo", "objective_options": {"beta": "a"}}, "`gvpo`: beta must be above 0"),
        ({"objective": "gvpo", "objective_options": {"beta": 0}}, "`gvpo`: beta must be above 0"),
        ({"objective": "disco", "objective_options": {"score": [1]}}, "`disco`: score must be"),
        ({"objective": "disco", "objective_options": {"delta": 10**30}}, "`disco`: delta must be"),
        ({"objective": "disco", "objective_options": {"tau": "a"}}, "`disco`: tau must be"),
        ({"objective": "disco", "objective_options": {"kl": 1.0}}, "is no option: the run gives it"),
        ({"objective_options": {"counts": 1}}, "is no option: the run gives it"),
        ({"clip_high": 1e308}, "objective `ppo_clip`: "),
        ({"normalizer": "gdpo", "normalizer_options": {"lengths": 1}}, "is no option: the run gives it"),
        ({"normalizer_options": {"scores": 1}}, "is no option: the run gives it"),
        ({"normalizer": "gdpo", "normalizer_options": {"eps": "a"}}, "normalizer `gdpo`: eps must be"),
        ({"normalizer": "grpo", "normalizer_options": {"ddof": 2}}, "normalizer `grpo`: ddof must be"),
    ],
    ids=str,
)
def test_an_option_that_is_none_is_told_before_anything_runs(
    tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=r"^\[train\] ") as caught:
        run(tmp_path, **options)
    assert said in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("terms", [True, 0.5, float("nan"), [True], 99, "far"], ids=str)
def test_a_term_that_there_is_not(tmp_path: Path, terms: Any) -> None:
    for name in ("dynamic_sampling", "token_efficiency", "adaptive_difficulty"):
        with pytest.raises(TrainError, match=rf"filter `{name}`: .*term"):
            run(tmp_path, filter=name, filter_options={"terms": terms})


def test_any_k_is_large_enough(tmp_path: Path) -> None:
    assert run(tmp_path, filter="shortest", filter_options={"k": 10**30}).last.kept == 1


def stateful(state: Any) -> Any:
    return lambda rewards, lengths, groups, weights, old: (np.ones(len(groups), dtype=bool), state)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (broken, "KeyError: "),
        (lambda rewards, *_: np.ones(len(rewards), dtype=bool), "it must return"),
        (lambda rewards, *_: (np.ones(len(rewards) + 1, dtype=bool), {}), "keep must be bool"),
        (lambda rewards, *_: (np.full(len(rewards), np.nan), {}), "keep must be bool"),
        (stateful(None), "its state must be a dict"),
        (stateful({"measures": [1]}), "its state must be a dict"),
        (stateful({"seen": np.int64(1)}), "its state must be JSON"),
    ],
)
def test_a_filter_that_gives_no_filtering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Any, said: str
) -> None:
    monkeypatch.setitem(FILTERS, "theirs", part)
    with pytest.raises(TrainError, match=said):
        run(tmp_path, filter="theirs")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (broken, "KeyError: "),
        (lambda advantages, *_: (advantages * np.nan, {}), "shaper `theirs`: an advantage came back as NaN"),
        (lambda advantages, *_: (advantages[:, :0], {}), "advantages must come back as"),
        (lambda advantages, *_: ("far", {}), "could not convert"),
    ],
)
def test_a_shaper_that_gives_no_advantages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Any, said: str
) -> None:
    monkeypatch.setitem(SHAPERS, "theirs", part)
    with pytest.raises(TrainError, match=said):
        run(tmp_path, shaper="theirs")


def test_an_objective_that_gives_no_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def objective(new: Any, old: Any, advantages: Any, mask: Any, groups: Any, *, counts: Any = None) -> Any:
        return given[-1](new)

    given: list[Any] = []
    monkeypatch.setitem(OBJECTIVES, "theirs", Objective(objective))
    for found, said in (
        (broken, "KeyError: "),
        (lambda new: new.sum(), "it must return"),
        (lambda new: (new, {}), "the loss must be a tensor of one number"),
        (lambda new: (1.0, {}), "the loss must be a tensor of one number"),
        (lambda new: (new.sum(), {"far": new.new_zeros(2)}), "only one element tensors"),
    ):
        given.append(found)
        with pytest.raises(TrainError, match=f"objective `theirs`: {said}"):
            run(tmp_path, objective="theirs")
    given.append(lambda new: ((new * np.nan).sum(), {}))
    with pytest.raises(TrainError, match="the gradient is not finite"):
        run(tmp_path, objective="theirs")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (broken, "KeyError: "),
        (lambda rewards, groups, weights: rewards.sum(axis=1) * np.nan, "gave an advantage that is NaN"),
        (lambda rewards, groups, weights: rewards, "gave advantages of shape"),
        (lambda rewards, groups, weights: "far", "could not convert"),
    ],
)
def test_a_normalizer_that_gives_no_advantages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: Any, said: str
) -> None:
    from rewardkit.normalizers import registry

    names = {**NORMALIZERS, "theirs": part}
    monkeypatch.setattr(registry, "NORMALIZERS", names)
    with pytest.raises(TrainError, match=said):
        run(tmp_path, normalizer="theirs")


SKETCH = {"means": [0.5], "weights": [8], "equal": [1], "range": [0.5, 0.5]}


@pytest.mark.parametrize(
    "state",
    [
        {"filter": {"calls": 3}},
        {"filter": {"sketch": []}},
        {"filter": {"sketch": {**SKETCH, "weights": [-1]}}},
        {"filter": {"sketch": {**SKETCH, "weights": [1e400]}}},
        {"filter": {"sketch": {**SKETCH, "means": [float("nan")]}}},
        {"filter": {"sketch": {**SKETCH, "range": [0.6, 0.7]}}},
        {"filter": {"sketch": {name: 100_000 * SKETCH[name] for name in SKETCH}}},
        {"shaper": {"texts": "abc", "grams": [], "calls": 1}},
        {"shaper": {"texts": [], "grams": [1], "calls": 1}},
        {"shaper": {"texts": [], "grams": [" "], "calls": 1}},
        {"shaper": {"texts": [], "grams": [], "calls": "one"}},
        {"shaper": {"texts": ["a" * 10_000_000], "grams": [], "calls": 1}},
        {"shaper": {"texts": [], "grams": ["let me"] * 100_000, "calls": 1}},
    ],
    ids=lambda state: str(state)[:60],
)
def test_a_state_that_somebody_wrote_to(tmp_path: Path, state: dict[str, Any]) -> None:
    parts = {"filter": "adaptive_difficulty", "shaper": "hicra", "steps": 1}
    run(tmp_path, **parts)
    path = checkpoints(tmp_path / "run" / "checkpoints")[-1] / "run.json"
    saved = json.loads(path.read_text())
    saved["parts"].update(state)
    path.write_text(json.dumps(saved))
    (part,) = state
    with pytest.raises(ResumeError, match=f"^{part} `.*` cannot go on from what the checkpoint kept of it"):
        run(tmp_path, **{**parts, "steps": 2})


def scored(value: Any, **more: Any) -> Any:
    """A reward that is `value` for every second row, and 0 for the others."""

    def score_all(rows: Any, /, *, group: np.ndarray, step: int) -> Any:
        given = {name: make(len(group)) for name, make in more.items()}
        return make_scores({"all": [value * (row % 2) for row in range(len(group))]}, group, **given)

    return score_all


@pytest.mark.parametrize("recipe", ["dr_grpo", "gvpo", "ppo", "rloo"])
@pytest.mark.parametrize("value", [1e60, float("inf")])
def test_rewards_that_nothing_can_be_trained_on(tmp_path: Path, recipe: str, value: float) -> None:
    task = write_task(tmp_path)
    task["train"].update(recipe=recipe, steps=1)
    with pytest.raises(TrainError, match=r"too large to train on|hold an infinity"):
        train(task, base=tmp_path, scorer=scored(value), progress=False)
    assert not (tmp_path / "run" / "log.jsonl").exists()


@pytest.mark.parametrize("micro_batch", [None, 1])
def test_a_critic_where_rows_are_skipped(tmp_path: Path, micro_batch: int | None) -> None:
    for skipped in (lambda rows: [True] * rows, lambda rows: [row % 4 > 0 for row in range(rows)]):
        task = write_task(tmp_path)
        task["train"].update(recipe="ppo", steps=1, micro_batch=micro_batch)
        result = train(task, base=tmp_path, scorer=scored(1.0, skipped=skipped), progress=False, fresh=True)
        assert result.last is not None and result.last.skipped >= 0.75


def test_a_file_of_grams_that_never_ends(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 200_000)
    for grams in ("/dev/zero", "deep.json"):
        with pytest.raises(ConfigError, match=r"must be a JSON list of strategic grams"):
            run(tmp_path, shaper="hicra", shaper_options={"grams": grams})
