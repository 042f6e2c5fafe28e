"""How a run starts: what cannot start changes nothing, and what stops says where it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_toy import score, write_task

from rewardkit.cli.main import main
from rewardkit.runtime.devices import find_device
from rewardkit.runtime.scores import Scores
from rewardkit.training import ConfigError, TrainError, train
from rewardkit.training.config import parse_config
from rewardkit.training.folders import locked, place
from rewardkit.training.logs import read_log

SPEC = """
language 1
input count: int per prompt
let said = text.count(completion.text, "x")
term near in [0, 1] = 1 - clamp(abs(said - count) / 6, 0, 1)
reward { near: 1 }
advantage grpo
"""


@pytest.fixture
def task(tmp_path: Path) -> dict[str, Any]:
    task = write_task(tmp_path)
    task["train"].update(steps=2, kl_coefficient=0.01)
    task["reward"] = {"spec": "toy.rwd"}
    (tmp_path / "toy.rwd").write_text(SPEC)
    return task


def run(
    task: Mapping[str, Any], folder: Path, fresh: bool = False, scorer: Any = None, **changes: Any
) -> Any:
    overrides = {name.replace("__", "."): value for name, value in changes.items()}
    return train(task, overrides=overrides, base=folder, fresh=fresh, scorer=scorer, progress=False)


def content(folder: Path) -> dict[str, bytes]:
    """All files of a run but its lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def write_rows(folder: Path, counts: Sequence[Any]) -> None:
    rows = [{"prompt": f"{i % 3 + 1}=", "count": count} for i, count in enumerate(counts)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))


@pytest.mark.parametrize(
    "changes",
    [
        {"data__rows": "nothere.jsonl"},
        {"train__max_new_tokens": 600},
        {"train__normalizer": "gdop"},
        {"train__normalizer": "grpo", "train__normalizer_options": {"zzz": 1}},
        {"policy__tokenizer": ["1", "2", "="]},
        {"warmup": {"rows": "nothere.jsonl", "steps": 1}},
        {"data__rows": "bad.jsonl"},
    ],
)
def test_a_fresh_start_that_fails_leaves_the_earlier_run(
    task: dict[str, Any], tmp_path: Path, changes: dict[str, Any]
) -> None:
    (tmp_path / "bad.jsonl").write_text('{"prompt": "1=", "count": "one"}\n')
    run(task, tmp_path)
    before = content(tmp_path / "run")
    with pytest.raises(TrainError):
        run(task, tmp_path, fresh=True, **changes)
    assert content(tmp_path / "run") == before
    assert run(task, tmp_path, train__steps=3).resumed_from == 2


def test_a_start_that_fails_does_not_bind_the_next(task: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="do not fit the policy"):
        run(task, tmp_path, train__max_new_tokens=600)
    assert content(tmp_path / "run") == {}

    def failing(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        raise TrainError("the judge is away")

    with pytest.raises(TrainError, match="the judge is away"):  # in the first step
        run(task, tmp_path, scorer=failing)
    assert content(tmp_path / "run") == {}
    assert run(task, tmp_path, train__learning_rate=1e-4).resumed_from is None


def test_a_fresh_run_takes_the_place_of_all_of_the_earlier(task: dict[str, Any], tmp_path: Path) -> None:
    first = run(task, tmp_path, train__steps=3, log__tensorboard=True)
    run(task, tmp_path, fresh=True, train__seed=1, train__kl_coefficient=0.0)
    assert [line["step"] for line in read_log(first.log)] == [1, 2]
    names = {path.name for path in first.folder.iterdir()}
    assert names == {".lock", "checkpoints", "log.jsonl", "policy"}
    saved = sorted(path.name for path in first.checkpoint.parent.iterdir())
    assert saved == ["step-000001", "step-000002"]


def test_no_steps_at_all_are_a_run_that_others_go_on_from(task: dict[str, Any], tmp_path: Path) -> None:
    none = run(task, tmp_path, train__steps=0)
    assert none.checkpoint.name == "step-000000"
    kept = (none.folder / "reference" / "model.safetensors").read_bytes()
    more = run(task, tmp_path)
    assert (more.steps, len(read_log(more.log))) == (2, 2)
    assert (none.folder / "reference" / "model.safetensors").read_bytes() == kept


def test_data_is_checked_by_rows_of_the_file_before_anything_runs(
    task: dict[str, Any], tmp_path: Path
) -> None:
    write_rows(tmp_path, [1, 2, None, 1, 2, 3])
    with pytest.raises(TrainError, match=r"rows\.jsonl, rows counted from 0: row 2, column `count`"):
        run(task, tmp_path)
    write_rows(tmp_path, [1, 2, 3, 1, "two"])
    with pytest.raises(TrainError, match=r"row 4, column `count`"):
        run(task, tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"prompt": "1=", "number": 1}\n')
    with pytest.raises(TrainError, match=r"no column `count`.*`\[data\] map` may rename .*`number`"):
        run(task, tmp_path)
    assert not (tmp_path / "run").exists()
    assert run(task, tmp_path, data__map={"count": "number"}).steps == 2


def test_a_changed_spec_is_refused_with_no_step_left(task: dict[str, Any], tmp_path: Path) -> None:
    run(task, tmp_path)
    (tmp_path / "toy.rwd").write_text(SPEC.replace("/ 6", "/ 7"))
    with pytest.raises(TrainError, match="the spec is not the one it began with"):
        run(task, tmp_path)
    (tmp_path / "toy.rwd").write_text("# a comment changes nothing" + SPEC)
    assert run(task, tmp_path).last is None


def interrupted(at: int) -> Any:
    def scorer(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        if step == at:
            raise KeyboardInterrupt
        return score(rows, group=group, step=step)

    return scorer


def test_an_interrupt_says_where_the_run_goes_on(task: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt, match="no step is done yet, so nothing on disk has changed"):
        run(task, tmp_path, scorer=interrupted(0))
    with pytest.raises(KeyboardInterrupt, match=r"goes on from step 4 with the same command$"):
        run(task, tmp_path, scorer=interrupted(6), train__steps=9)
    with pytest.raises(KeyboardInterrupt, match="nothing on disk has changed"):
        run(task, tmp_path, fresh=True, scorer=interrupted(0), train__steps=9)
    with pytest.raises(KeyboardInterrupt, match=r"from step 1 with the same command without --fresh$"):
        run(task, tmp_path, fresh=True, scorer=interrupted(2), train__steps=9)
    assert run(task, tmp_path, scorer=score, train__steps=9).resumed_from == 1


def test_an_interrupt_on_the_command_line(
    task: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("rewardkit.training.loop.load_scorer", lambda config, base: interrupted(5))
    monkeypatch.setattr(
        "rewardkit.training.load_config", lambda path, overrides: parse_config(task, overrides)
    )
    with pytest.raises(SystemExit) as caught:
        main(["train", str(tmp_path / "run.toml"), "--quiet", "--set", "train.steps=9"])
    assert caught.value.code == 130
    assert "the run goes on from step 4 with the same command" in capsys.readouterr().err


def test_two_runs_in_one_folder_are_refused(task: dict[str, Any], tmp_path: Path) -> None:
    for folder, change in (("run", {}), ("saves", {"checkpoint__dir": "saves"})):
        with locked(tmp_path / folder), pytest.raises(TrainError, match=rf"process {os.getpid()}\) is using"):
            run(task, tmp_path, **change)
    assert run(task, tmp_path, checkpoint__dir="run").steps == 2  # one folder is locked once


def test_devices(task: dict[str, Any], tmp_path: Path) -> None:
    assert find_device("cpu").type == "cpu"
    for name in ("auto", "cpu", "mps", "cuda", "cuda:0"):
        assert parse_config(task, {"policy.device": name}).policy.device == name
    with pytest.raises(ConfigError, match=r"\[policy\] `device` is .* not 'gpu'"):
        parse_config(task, {"policy.device": "gpu"})
    with pytest.raises(ConfigError, match=r"torch cannot use `cuda:99` here .*`auto`"):
        run(task, tmp_path, policy__device="cuda:99")


def test_nothing_left_is_nothing_logged(task: dict[str, Any], tmp_path: Path) -> None:
    result = run(task, tmp_path, log__tensorboard=True)
    before = content(result.folder / "tensorboard")
    run(task, tmp_path, log__tensorboard=True)
    assert content(result.folder / "tensorboard") == before


def test_paths_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path)
    assert place(Path("a"), "../runs/x") == Path("runs/x")
    assert place(Path("a"), "../..") == tmp_path.resolve().parent
    assert place(Path(), ".") == Path()
