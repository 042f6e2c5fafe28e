"""Whole runs of a tiny policy: it learns, it logs, it stops where it should."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from rich.console import Console
from training_toy import make_scores, score, write_task

from rewardkit.runtime import FaultLimitError
from rewardkit.runtime.scores import Scores
from rewardkit.training import ConfigError, TrainError, train
from rewardkit.training.logs import read_log
from rewardkit.training.policy import open_policy
from rewardkit.training.progress import show


@pytest.fixture
def task(tmp_path: Path) -> dict[str, Any]:
    return write_task(tmp_path)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def run(task: Mapping[str, Any], folder: Path, scorer: Any = score, **overrides: Any) -> Any:
    changes = {name.replace("__", "."): value for name, value in overrides.items()}
    return train(task, overrides=changes, base=folder, scorer=scorer, progress=False)


@pytest.mark.parametrize("normalizer", ["grpo", "dr_grpo", "gdpo"])
def test_rewards_rise(task: dict[str, Any], tmp_path: Path, normalizer: str) -> None:
    result = run(task, tmp_path, train__steps=40, train__normalizer=normalizer)
    rewards = [line["reward"] for line in read_log(result.log)]
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.7


def test_what_is_logged(task: dict[str, Any], tmp_path: Path) -> None:
    result = run(task, tmp_path, train__steps=3, log__tensorboard=True)
    lines = read_log(result.log)
    assert [line["step"] for line in lines] == [1, 2, 3]
    for line in lines:
        assert list(line["terms"]) == ["near", "clean", "brief"]
        assert line["reward"] == pytest.approx(sum(line["terms"].values()))
        assert list(line["gates"]) == ["brief"]
        assert sum(line["shares"].values()) == pytest.approx(1)
        assert 0 <= line["no_signal"] <= 1
        assert 1 <= line["tokens"] <= 6
        assert list(line["seconds"]) == ["rollout", "score", "update"]
        assert line["fingerprint"] == "toy"
    assert result.last is not None
    assert json.loads(result.last.to_json()) == lines[-1]
    assert list((result.folder / "tensorboard").iterdir())


def test_the_scorer_sees_rows_and_completions(task: dict[str, Any], tmp_path: Path) -> None:
    calls = []

    def spy(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        calls.append((rows, group, step))
        return score(rows, group=group, step=step)

    task["data"]["map"] = {"goal": "count"}
    task["data"]["prompt"] = "question"
    rows = [{"question": f"{n}=", "count": n, "completion": "gold"} for n in (1, 2, 3)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    result = run(task, tmp_path, spy, train__steps=2)
    assert [step for _, _, step in calls] == [0, 1]
    rows_seen, group, _ = calls[0]
    assert {name: len(values) for name, values in rows_seen.items()} == dict.fromkeys(
        ["question", "count", "goal", "prompt", "completion", "completion_tokens", "finished"], 48
    )
    assert group.tolist() == [g for g in range(6) for _ in range(8)]
    assert all(len(set(rows_seen["prompt"][i : i + 8])) == 1 for i in range(0, 48, 8))
    assert rows_seen["goal"] == rows_seen["count"]
    assert "gold" not in rows_seen["completion"]
    for text, tokens, finished in zip(
        rows_seen["completion"], rows_seen["completion_tokens"], rows_seen["finished"], strict=True
    ):
        assert tokens == len(text) + finished  # pieces of one character, and the end token
        assert finished or tokens == 6
    assert result.steps == 2


def test_the_same_seed_gives_the_same_bits(task: dict[str, Any], tmp_path: Path) -> None:
    results = [
        run(task, tmp_path, train__steps=3, train__seed=seed, log__dir=name)
        for name, seed in (("one", 0), ("same", 0), ("other", 1))
    ]
    one, same, other = (weights(result.policy) for result in results)
    assert one == same
    assert one != other


def test_the_global_generators_do_not_matter(task: dict[str, Any], tmp_path: Path) -> None:
    def noisy(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        torch.rand(7)
        np.random.rand(3)
        return score(rows, group=group, step=step)

    plain = run(task, tmp_path, train__steps=3, log__dir="plain")
    assert weights(plain.policy) == weights(run(task, tmp_path, noisy, train__steps=3).policy)


def test_a_small_policy_takes_one_thread(task: dict[str, Any], tmp_path: Path) -> None:
    seen = []

    def spy(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        seen.append(torch.get_num_threads())
        return score(rows, group=group, step=step)

    torch.set_num_threads(2)
    run(task, tmp_path, spy, train__steps=1, train__threads=None)
    assert (seen, torch.get_num_threads()) == ([1], 2)


def test_warm_up_imitates(task: dict[str, Any], tmp_path: Path) -> None:
    demos = [{"prompt": f"{n}=", "completion": "x" * n} for n in (1, 2, 3)]
    (tmp_path / "demos.jsonl").write_text("\n".join(map(json.dumps, demos)))
    task["warmup"] = {"rows": "demos.jsonl", "steps": 80, "batch": 12, "learning_rate": 1e-2, "ramp": 5}
    warmed = run(task, tmp_path, train__steps=0, log__dir="warm")
    assert warmed.last is None
    # a policy that is warmed up once can start several runs
    del task["warmup"]
    task["policy"] = {"path": "warm/policy", "device": "cpu"}
    result = run(task, tmp_path, train__steps=1)
    assert read_log(result.log)[0]["gates"]["brief"] > 0.9


def test_warm_up_names_the_row_it_cannot_spell(task: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "demos.jsonl").write_text(
        '{"prompt": "1=", "completion": "x"}\n{"prompt": "1=", "completion": "?"}'
    )
    task["warmup"] = {"rows": "demos.jsonl", "steps": 1}
    with pytest.raises(TrainError, match=r"demonstration 2: no piece of the tokenizer spells '\?'"):
        run(task, tmp_path)


def test_kl_holds_the_policy_back(task: dict[str, Any], tmp_path: Path) -> None:
    free = run(task, tmp_path, train__steps=8, train__kl_coefficient=1e-6, log__dir="free")
    held = run(task, tmp_path, train__steps=8, train__kl_coefficient=5.0, log__dir="held")
    assert 0 < read_log(held.log)[-1]["kl"] < read_log(free.log)[-1]["kl"]


def test_several_epochs_move_further(task: dict[str, Any], tmp_path: Path) -> None:
    drift = [
        read_log(run(task, tmp_path, train__steps=2, train__epochs=n, log__dir=str(n)).log)[1]["approx_kl"]
        for n in (1, 4)
    ]
    assert drift[0] < drift[1]


def test_too_many_faults_stop(task: dict[str, Any], tmp_path: Path) -> None:
    def faulty(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        faults = pl.DataFrame({"row": [0, 0, 3, 5], "name": ["right"] * 4, "reason": ["timeout"] * 4})
        return make_scores({"a": [0.0] * len(group)}, group, faults=faults)

    with pytest.raises(FaultLimitError, match=r"step 1: 3 of 48 rows.*5%.*`right`: timeout \(4 times\)"):
        run(task, tmp_path, faulty)
    assert run(task, tmp_path, faulty, train__steps=1, train__max_faults=0.0625).last.faults == 3


def test_nulls_and_skipped_rows_are_no_numbers(task: dict[str, Any], tmp_path: Path) -> None:
    def holed(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        nan = float("nan")
        skipped = [i % 2 == 0 for i in range(48)]
        a = [nan if gone else float(i % 3) for i, gone in enumerate(skipped)]
        return make_scores(
            {"a": a, "none": [nan] * 48}, group, skipped=skipped, masked=[i < 8 for i in range(48)]
        )

    last = run(task, tmp_path, holed, train__steps=2).last
    assert (last.terms["none"], last.skipped, last.masked) == (None, 0.5, pytest.approx(1 / 6))
    assert last.reward == last.terms["a"] == pytest.approx(1)
    assert "NaN" not in last.to_json()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.normalizer": "gdop"}, "normalizer `gdop`"),
        ({"train.normalizer": "grpo", "train.normalizer_options": {"zzz": 1}}, "no option `zzz`"),
        ({"data.prompt": "question"}, "no column `question`"),
        ({"policy.tokenizer": ["1", "2", "="]}, "no piece of the tokenizer spells '3'"),
        ({"train.max_new_tokens": 600}, "do not fit the policy"),
    ],
)
def test_what_does_not_fit_is_one_line(
    task: dict[str, Any], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainError, match=message) as caught:
        train(task, overrides=changes, base=tmp_path, scorer=score, progress=False)
    assert "\n" not in str(caught.value)


SPEC = """
language 1
input count: int per prompt
param longest: tokens in [1tok, 100tok] = 6tok

let said = text.count(completion.text, "x")

term near in [0, 1] = 1 - clamp(abs(said - count) / 6, 0, 1)
term brief in [0, 1] when said == count = 1 - clamp(completion.tokens / longest, 0, 1)
term spread = std(said) over group ?? 0

reward {
  near:  1
  brief: 0.5
}

advantage gdpo
"""


def test_a_spec_from_the_run_file(task: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "toy.rwd").write_text(SPEC)
    task["reward"] = {"spec": "toy.rwd", "set": {"longest": 10}}
    result = train(task, overrides={"train.steps": 40}, base=tmp_path, progress=False)
    lines = read_log(result.log)
    assert [list(lines[-1][kind]) for kind in ("terms", "gates", "shares")] == [
        ["near", "brief", "spread"],
        ["brief"],
        ["near", "brief"],
    ]
    assert np.mean([line["reward"] for line in lines[-5:]]) > np.mean([line["reward"] for line in lines[:5]])


def test_a_run_needs_a_reward(task: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a table \[reward\]"):
        train(task, base=tmp_path, progress=False)


def test_a_checkpoint_is_an_ordinary_folder(task: dict[str, Any], tmp_path: Path) -> None:
    result = run(task, tmp_path, train__steps=2)
    assert weights(result.checkpoint) == weights(result.policy)
    assert open_policy(result.checkpoint).tokenizer.decode([3, 4]) == "12"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_every_term(task: dict[str, Any], tmp_path: Path, terminal: bool) -> None:
    console = Console(force_terminal=terminal, width=100, record=True, file=StringIO())
    with show(3, console) as screen:
        train(task, overrides={"train.steps": 3}, base=tmp_path, scorer=score, progress=screen)
    text = " ".join(console.export_text().split())
    assert all(word in text for word in ("near", "clean", "brief", "reward", "no signal", "share"))
    assert re.search(r"rollout \d+\.\d\d s, score \d+\.\d\d s, update \d+\.\d\d s", text)
    assert "kl" not in text
