"""What is damaged on disk or out of all reason in the run file: one line that says what to do."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_toy import score, write_task

from rewardkit.training import ConfigError, ResumeError, TrainError, train
from rewardkit.training.checkpoint import checkpoints, read_state
from rewardkit.training.config import parse_config
from rewardkit.training.logs import read_log

BEFORE, LAST = "step-000001", "step-000002"


def run(folder: Path, fresh: bool = False, **changes: Any) -> Any:
    task = write_task(folder)
    task["train"].update(steps=2, kl_coefficient=0.01)
    overrides = {name.replace("__", "."): value for name, value in changes.items()}
    return train(task, overrides=overrides, base=folder, scorer=score, progress=False, fresh=fresh)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("done")
    run(folder)
    return folder


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Path:
    """A finished run of two steps, to be damaged."""
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    return tmp_path


def cut(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content) and None


def saved(content: Any) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path)


def edited(**changes: Any) -> Callable[[Path], None]:
    return lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), **changes})) and None


def one_weight_less(path: Path) -> None:
    weights = load_file(path)
    del weights["model.norm.weight"]
    save_file(weights, path, metadata={"format": "pt"})


def of_another_model(path: Path) -> None:
    training = torch.load(path, weights_only=True)
    training["optimizer"]["state"][0]["exp_avg"] = torch.zeros(3)
    torch.save(training, path)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", cut),
        ("model.safetensors", empty),
        ("model.safetensors", Path.unlink),
        ("model.safetensors", one_weight_less),
        ("config.json", cut),
        ("config.json", text("{")),
        ("tokenizer.json", cut),
        ("tokenizer.json", text("{}")),
        ("tokenizer_config.json", text("[]")),
        ("training.pt", cut),
        ("training.pt", empty),
        ("training.pt", Path.unlink),
        ("training.pt", saved({"a": 1})),
        ("training.pt", saved([])),
        ("training.pt", saved({"optimizer": {"state": {}, "param_groups": []}, "random": {}})),
        ("training.pt", of_another_model),
        ("run.json", Path.unlink),
        ("run.json", empty),
        ("run.json", text('{"step": "12", "config": []}')),
        ("run.json", text("[]")),
        ("run.json", text("[" * 100_000)),
        ("run.json", edited(step=True)),
        ("run.json", edited(step=1)),
        ("run.json", edited(config=[])),
        ("run.json", edited(more=1)),
    ],
)
def test_a_damaged_checkpoint_is_named(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    last = folder / "run" / "checkpoints" / LAST
    damage(last / name)
    with pytest.raises(ResumeError, match=rf"{LAST} is damaged: .*remove that folder .*--fresh") as caught:
        run(folder)
    assert "\n" not in str(caught.value)
    shutil.rmtree(last)
    assert run(folder).resumed_from == 1


def test_no_code_of_a_checkpoint_runs(folder: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (folder / "ran",))

    file = folder / "run" / "checkpoints" / LAST / "training.pt"
    for write in (
        lambda: torch.save(Evil(), file),
        lambda: file.write_bytes(pickle.dumps(Evil(), protocol=2)),
    ):
        write()
        with pytest.raises(ResumeError, match="more than tensors and plain values"):
            run(folder)
    assert not (folder / "ran").exists()


def test_a_damaged_reference(folder: Path) -> None:
    cut(folder / "run" / "reference" / "model.safetensors")
    with pytest.raises(ResumeError, match=r"the reference in .*reference is damaged: .*--fresh"):
        run(folder)
    assert run(folder, fresh=True).resumed_from is None


def test_what_is_no_checkpoint_is_passed_over(folder: Path) -> None:
    saves = folder / "run" / "checkpoints"
    (saves / "step-000003").mkdir()
    (saves / "step-000004").write_text("stray")
    shutil.copytree(saves / LAST, saves / "step-0000005")
    assert [path.name for path in checkpoints(saves)] == [BEFORE, LAST]
    result = run(folder, train__steps=4)  # and gives way to one
    assert (result.resumed_from, result.checkpoint.name) == (2, "step-000004")


@pytest.mark.parametrize("content", ["[1]\n5\nnull\n", '{"a": 1}\n', '{"step": "1"}\n', None])
def test_a_log_that_is_none(folder: Path, content: str | None) -> None:
    log = folder / "run" / "log.jsonl"
    log.unlink()
    if content is None:
        log.mkdir()
    else:
        log.write_text(content)
    with pytest.raises(ResumeError, match=r"log\.jsonl.*remove it to go on without it.*--fresh"):
        run(folder, train__steps=3)
    assert checkpoints(folder / "run" / "checkpoints")[-1].name == LAST
    assert len(read_log(run(folder, fresh=True).log)) == 2


def test_nested_beyond_reason_is_a_line_cut_off(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text("[" * 100_000 + '\n{"step": 1}\n')
    assert read_log(tmp_path / "log.jsonl") == [{"step": 1}]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.temperature", 1e-300),
        ("train.temperature", 1e300),
        ("train.top_p", 1e-300),
        ("train.threads", 100_000),
        ("train.prompts_per_step", 10**9),
        ("train.completions_per_prompt", 10**9),
        ("train.max_new_tokens", 10**12),
        ("train.epochs", 10**9),
        ("train.steps", 10**30),
        ("train.betas", [1.0, 1.0]),
        ("policy.config.hidden", 10**9),
        ("policy.config.layers", 10**9),
    ],
)
def test_numbers_out_of_all_reason(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=r"input should be (less|greater) than"):
        parse_config(write_task(tmp_path), {key: value})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("log.dir", "/proc/x", "cannot write to /proc/x"),
        ("log.dir", "rows.jsonl", "rows.jsonl: it is not a folder"),
        ("log.dir", "a\0b", "is no path: embedded null byte"),
        ("checkpoint.dir", "rows.jsonl", "rows.jsonl: it is not a folder"),
        ("policy.config.heads", 3, r"cannot build a `llama` policy: .*\(32\) is not a multiple"),
        ("policy.config.extra", {"vocab_size": 1}, "`vocab_size` is 1, and the tokenizer has 9 tokens"),
        ("policy.config.extra", {"vocab_size": -1}, "cannot build a `llama` policy: .*negative"),
        ("policy.config.extra", {"hidden_act": "nope"}, "cannot build a `llama` policy: .*'nope'"),
        ("policy.config.extra", {"num_key_value_heads": 3}, "this `llama` policy cannot run: "),
        ("policy.config.model_type", "bert", "a `bert` policy cannot be trained: .*KV cache"),
        ("policy.config.model_type", "mamba", "a `mamba` policy cannot be trained: .*KV cache"),
    ],
)
def test_settings_that_cannot_work(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(TrainError, match=message) as caught:
        run(tmp_path, **{key: value})
    assert "\n" not in str(caught.value)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    for place in ("checkpoint.save_policy", "loop.save_policy", "checkpoint.torch.save", "logs.os.fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(f"rewardkit.training.{place}", full)
            with pytest.raises(TrainError, match=r"cannot write .*: No space left on device$"):
                run(tmp_path, fresh=True)
    assert run(tmp_path).last is not None


def test_a_file_in_the_place_of_the_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").write_text("")
    with pytest.raises(TrainError, match=r"cannot write .*step-000001: File exists"):
        run(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"), [("position", -5), ("position", 10**30), ("parts", {"filter": 5}), ("parts", {"x": {}})]
)
def test_a_state_that_no_run_wrote(tmp_path: Path, key: str, value: Any) -> None:
    folder = tmp_path / "step-000001"
    folder.mkdir()
    state = {"step": 1, "config": {}, "rows": "", "fingerprint": "", "position": 6, "parts": {}}
    (folder / "run.json").write_text(json.dumps(state))
    assert read_state(folder).position == 6
    (folder / "run.json").write_text(json.dumps({**state, key: value}))
    with pytest.raises(ResumeError, match=r"`run.json` is not as a run wrote it"):
        read_state(folder)
