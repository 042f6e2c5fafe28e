"""Recipes: each a row of parts, each trains, and what the run file says lies over it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_toy import make_scores, score, write_task

from rewardkit.normalizers import advantage
from rewardkit.runtime import load
from rewardkit.training import ConfigError, TrainError, parse_config, recipe_table, train
from rewardkit.training.algorithm import laid_over
from rewardkit.training.checkpoint import read_state
from rewardkit.training.config import TrainConfig
from rewardkit.training.logs import read_log
from rewardkit.training.progress import Silent
from rewardkit.training.recipes import RECIPES
from rewardkit.training.run import check_algorithm
from rewardkit.training.step import with_kl

# `shortest` and the adaptive filter keep 4 of 8 here
SMALL: dict[str, dict[str, Any]] = {
    "gvpo": {"train.learning_rate": 1e-3},
    "reinforce_pp": {},
}


@pytest.fixture
def task(tmp_path: Path) -> dict[str, Any]:
    return write_task(tmp_path)


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_learns(task: dict[str, Any], tmp_path: Path, recipe: str) -> None:
    overrides = {"train.recipe": recipe, "train.steps": 40, **SMALL.get(recipe, {})}
    result = train(task, overrides=overrides, base=tmp_path, scorer=score, progress=False)
    rewards = [line["reward"] for line in read_log(result.log)]
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.4


def test_what_the_file_says_lies_over_the_recipe() -> None:
    config = TrainConfig(steps=1, recipe="dapo", clip_high=0.5)
    assert (config.filter, config.max_resamples, config.clip_range) == ("dynamic_sampling", 10, (0.2, 0.5))
    assert TrainConfig(steps=1, recipe="dapo", clip=0.1).clip_range == (0.1, 0.1)
    assert TrainConfig(steps=1, recipe="ppo", critic=False, normalizer="rloo").value_head is None
    lam = TrainConfig.model_validate({"steps": 1, "recipe": "ppo", "critic": {"lam": 1.0}})
    assert lam.value_head is not None
    assert lam.value_head.lam == 1.0


def test_what_a_recipe_says_of_a_part_goes_with_the_part() -> None:
    none = TrainConfig(steps=1, recipe="dapo", filter="none")
    assert none.max_resamples == 0
    assert TrainConfig(steps=1, recipe="gfpo", normalizer="gdpo").normalizer_options == {}
    mixed = TrainConfig(steps=1, recipe="gfpo", normalizer_options={"eps": 0.1})
    assert mixed.normalizer_options == {"ddof": 0, "eps": 0.1}
    assert TrainConfig(steps=1, recipe="cispo", objective="ppo_clip").clip_range == (0.2, 0.2)
    # k1 in the loss teaches nothing: its expected gradient is 0
    moved = TrainConfig(steps=1, recipe="rloo", normalizer="gdpo", kl_in="loss")
    assert (moved.kl_kind, moved.kl_coefficient) == ("k3", 0.001)
    assert TrainConfig(steps=1, recipe="rloo", kl_in="reward").kl_kind == "k1"
    assert TrainConfig(steps=1, recipe="rloo", kl_in="loss", kl_kind="k2").kl_kind == "k2"


@pytest.mark.parametrize("critic", [True, {"lam": 1.0}])
def test_a_critic_takes_the_place_of_a_recipes_normalizer(critic: Any) -> None:
    mixed = TrainConfig.model_validate({"steps": 1, "recipe": "gfpo", "critic": critic})
    assert (mixed.normalizer, mixed.normalizer_options, mixed.filter) == (None, {}, "shortest")
    assert mixed.value_head is not None
    assert TrainConfig(steps=1, recipe="gfpo", critic=False).normalizer == "grpo"


def test_given_values_are_left_alone() -> None:
    given = {"filter_options": {"k": 3}}
    recipe = {"filter": "shortest", "filter_options": {"k": 8, "other": 1}}
    assert laid_over(given, recipe) == {"filter": "shortest", "filter_options": {"k": 3, "other": 1}}
    assert given == {"filter_options": {"k": 3}}
    assert recipe["filter_options"] == {"k": 8, "other": 1}


def test_a_run_in_python_may_change_its_recipe(task: dict[str, Any], tmp_path: Path) -> None:
    """What the first recipe said of the parts is gone with it."""
    first = parse_config({**task, "train": {**task["train"], "recipe": "dapo", "steps": 1}})
    overrides = {"train.recipe": "dr_grpo", "train.steps": 1}
    result = train(first, overrides=overrides, base=tmp_path, scorer=score, progress=False)
    saved = parse_config(read_state(result.checkpoint).config)
    assert (saved.train.recipe, saved.train.filter, saved.train.clip_range) == ("dr_grpo", "none", (0.2, 0.2))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"recipe": "dappo"}, r"recipe `dappo` is unknown; known: grpo, dr_grpo, .*cispo"),
        ({"filter": "shrotest"}, r"filter `shrotest` is unknown; known: dynamic_sampling, shortest, "),
        (
            {"filter": "shortest", "filter_options": {"kk": 1}},
            r"filter `shortest` has no option `kk`; known: ",
        ),
        ({"filter_options": {"k": 1}}, r"`filter_options` are of no filter; name one"),
        ({"filter": "shortest", "filter_options": {"k": 1}}, r"\[train\] .*k"),
        ({"filter": "shortest", "filter_options": {"k": "all"}}, r"\[train\] .*"),
        ({"shaper": "hicra", "shaper_options": {"alpha": 2.0}}, r"\[train\] alpha"),
        ({"shaper": "hicra", "shaper_options": {"grams": "no.json"}}, r"cannot read `no.json`: No such file"),
        (
            {"shaper": "hicra", "correct": "rihgt"},
            r"`correct` names `rihgt`, which is no term; they are near, clean",
        ),
        (
            {"filter": "token_efficiency", "filter_options": {"terms": ["nera"]}},
            r"filter `token_efficiency`: term `nera` is unknown; known: near, clean, brief",
        ),
        ({"shaper": "hickra"}, r"shaper `hickra` is unknown; known: hicra"),
        ({"objective": "pg"}, r"objective `pg` is unknown; known: ppo_clip, cispo, gvpo, disco"),
        ({"objective": "gvpo", "objective_options": {"tau": 1.0}}, r"objective `gvpo` has no option `tau`"),
        ({"objective": "gvpo", "clip_high": 0.3}, r"objective `gvpo` has no `clip_high`; leave it out"),
        ({"objective": "disco", "ratio": "sequence"}, r"objective `disco` has no `ratio`; leave it out"),
        ({"objective_options": {"ratio": "sequence"}}, r"`ratio` is a key of `\[train\]` itself"),
        (
            {"objective": "gvpo", "objective_options": {"beta": -1.0}},
            r"\[train\] objective `gvpo`: beta must be above 0",
        ),
        (
            {"recipe": "disco", "objective_options": {"score": "l"}},
            r"\[train\] objective `disco`: score must be log_l or l_ratio, not 'l'",
        ),
        (
            {"recipe": "hicra", "objective": "disco"},
            r'`disco` takes one advantage per completion, and a shaper .*; write `shaper = "none"`',
        ),
        (
            {"recipe": "ppo", "objective": "gvpo", "kl_in": "loss"},
            r"`gvpo` takes one advantage per completion, and a critic .*; write `critic = false`",
        ),
        ({"recipe": "dr_grpo", "normalizer_options": {"eps": "x"}}, r"eps must be a number >= 0, not 'x'"),
        ({"max_resamples": 3}, r"`max_resamples` is for groups that a `filter` drops; name one"),
        (
            {"recipe": "ppo", "normalizer": "gdpo"},
            r"a `critic` makes the advantages itself; leave `normalizer`",
        ),
        (
            {"normalizer": "gdpo", "kl_in": "reward", "kl_coefficient": 0.1},
            r'gdpo would normalize the KL as a term of its own; write `kl_in = "loss"`',
        ),
        ({"recipe": "rloo", "normalizer_options": {"no": 1}}, r"normalizer `rloo` has no option `no`"),
        (
            {"recipe": "grpo", "normalizer_options": {"eps": -1.0}},
            r"eps must be a number >= 0, not -1.0",
        ),
        ({"recipe": "gdpo", "normalizer_options": {"profile": "trlx"}}, r"\[train\] .*profile"),
    ],
)
def test_wrong_parts(task: dict[str, Any], tmp_path: Path, values: dict[str, Any], message: str) -> None:
    task["train"].update(values)
    with pytest.raises(TrainError, match=message):
        train(task, base=tmp_path, scorer=score, progress=False)
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_every_recipe_is_in_the_table() -> None:
    rows = recipe_table.table()
    assert [row["recipe"] for row in rows] == list(RECIPES)
    assert all(list(row) == list(recipe_table.COLUMNS) for row in rows)
    assert len({tuple(row.values())[1:] for row in rows}) == len(rows)  # no two are the same algorithm


SPEC = """language 1
term near = completion.words
reward { near: 1 }
advantage gdpo
"""


def notes(folder: Path, **values: Any) -> list[str]:
    (folder / "spec.rwd").write_text(SPEC)
    config = TrainConfig.model_validate({"steps": 1, **values})
    return list(check_algorithm(config, load(folder / "spec.rwd")))


def test_a_recipe_says_that_it_replaces_the_specs_normalizer(tmp_path: Path) -> None:
    [note] = notes(tmp_path, recipe="dapo")
    assert "grpo takes the place of the spec's `advantage gdpo`" in note
    assert notes(tmp_path, recipe="gdpo") == []
    assert notes(tmp_path, recipe="dapo", normalizer="spec") == []
    assert notes(tmp_path, normalizer="grpo") == []
    [note] = notes(tmp_path, recipe="ppo")
    assert "the value head takes the place" in note


def test_a_sequence_ratio_over_tokens_is_told(tmp_path: Path) -> None:
    assert notes(tmp_path, ratio="sequence", aggregation="sequence_mean") == []
    [note] = notes(tmp_path, ratio="sequence")
    assert 'the loss of GSPO is "sequence_mean"' in note


@pytest.mark.parametrize("values", [{}, {"normalizer": "spec", "recipe": "rloo"}, {"normalizer": "gdpo"}])
def test_gdpo_takes_no_kl_in_the_reward(tmp_path: Path, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="gdpo would normalize the KL as a term of its own"):
        notes(tmp_path, kl_in="reward", kl_coefficient=0.1, **values)
    assert notes(tmp_path, kl_in="loss", kl_coefficient=0.1) == []


def test_a_kl_is_no_reward_of_a_row_without_one() -> None:
    """A row of which no term has a value is in no statistic and has no advantage, with the KL as without."""
    scores = make_scores({"near": [1.0, math.nan, 0.0]}, np.zeros(3, dtype=np.int64))
    found = with_kl(scores, np.array([2.0, 30.0, 0.0]), 0.1)
    np.testing.assert_allclose(advantage(found, "dr_grpo"), [0.4, 0.0, -0.4], atol=1e-12)
    np.testing.assert_allclose(advantage(found, "rloo"), [0.8, 0.0, -0.8], atol=1e-12)


@pytest.mark.parametrize("recipe", ["dapo", "gfpo_adaptive", "hicra", "ppo", "rloo", "reinforce_pp"])
def test_a_recipe_goes_on_bit_for_bit(task: dict[str, Any], tmp_path: Path, recipe: str) -> None:
    """What its parts keep from step to step is in the checkpoint: position, sketch, grams, value head."""

    def weights(folder: str, *steps: int) -> bytes:
        for count in steps:
            overrides = {"train.recipe": recipe, "train.steps": count, "log.dir": folder}
            result = train(task, overrides=overrides, base=tmp_path, scorer=score, progress=False)
        return (result.policy / "model.safetensors").read_bytes()

    assert weights("stopped", 3, 7) == weights("through", 7)


def test_parts_know_the_terms(task: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "grams.json").write_text('["x x x"]')
    task["train"] |= {
        "steps": 2,
        "filter": "token_efficiency",
        "filter_options": {"terms": ["near", "clean"], "k": 4},
        "shaper": "hicra",
        "shaper_options": {"grams": "grams.json"},
        "correct": "clean",
    }
    result = train(task, base=tmp_path, scorer=score, progress=False)
    last = read_log(result.log)[-1]
    assert last["kept"] == 0.5
    assert last["measures"]["shaper_grams"] == 1


def test_correct_names_a_term_of_the_spec(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`correct` names `neer`, which is no term; they are near"):
        notes(tmp_path, shaper="hicra", correct="neer")
    assert notes(tmp_path, shaper="hicra", correct="near") == []


def test_what_is_dropped_is_let_go_of(task: dict[str, Any], tmp_path: Path) -> None:
    """Nothing is ever kept: the step still ends, is told of, and holds no more than its first groups."""
    told: list[str] = []

    class Screen(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    def level(rows: Any, /, *, group: np.ndarray, step: int) -> Any:
        return make_scores({"a": [1.0] * len(group)}, group, step=step)

    task["train"] |= {"steps": 1, "filter": "dynamic_sampling", "max_resamples": 25}
    result = train(task, base=tmp_path, scorer=level, progress=Screen())
    line = read_log(result.log)[-1]
    assert (line["kept"], line["loss"], line["reward"], line["no_signal"]) == (0.0, None, 1.0, 1.0)
    assert told == [
        "step 1: 60 groups sampled, 0 of 6 kept",
        "step 1: 120 groups sampled, 0 of 6 kept",
    ]
