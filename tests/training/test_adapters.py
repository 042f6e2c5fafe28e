"""LoRA and mixed precision: what is trained, what is saved, and what the reference is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_toy import score, write_task

from rewardkit.runtime.scores import Scores
from rewardkit.training import ConfigError, ResumeError, train
from rewardkit.training.adapters import add_adapter, has_adapter, restore_adapter, without_adapter
from rewardkit.training.config import LoraConfig, parse_config
from rewardkit.training.logs import read_log
from rewardkit.training.policy import Policy, open_policy
from rewardkit.training.precision import autocast
from rewardkit.training.rollout import token_logps


@pytest.fixture
def task(tmp_path: Path) -> dict[str, Any]:
    task = write_task(tmp_path)
    task["policy"]["lora"] = {"rank": 4, "alpha": 8.0}
    task["train"].update(steps=5, kl_coefficient=0.05, learning_rate=1e-2)
    task["checkpoint"]["every"] = 2
    return task


def run(task: Mapping[str, Any], folder: Path, scorer: Any = score, **overrides: Any) -> Any:
    changes = {name.replace("__", "."): value for name, value in overrides.items()}
    return train(task, overrides=changes, base=folder, scorer=scorer, progress=False)


def logps(policy: Policy) -> torch.Tensor:
    prompts = torch.tensor([[3, 6], [4, 6]])
    with torch.no_grad():
        return token_logps(policy, prompts, torch.ones(2, 2, dtype=torch.bool), torch.tensor([[7, 7, 1]] * 2))


def test_an_adapter_is_trained_and_merged(task: dict[str, Any], tmp_path: Path) -> None:
    result = run(task, tmp_path)
    names = {path.name for path in result.checkpoint.iterdir()}
    assert "adapter_model.safetensors" in names
    assert "model.safetensors" not in names
    assert not (result.folder / "reference").exists()  # it is the policy without its adapter
    first, *others = [line["kl"] for line in read_log(result.log)]
    assert first < others[-1]
    assert all(kl > 0 for kl in others)

    # the merged folder is what base and adapter are together
    del task["policy"]["lora"]
    base = open_policy(run(task, tmp_path, log__dir="base", train__steps=0).policy)
    plain = logps(base)
    both = restore_adapter(base, result.folder / "adapter")
    together, merged = logps(both), logps(open_policy(result.policy))
    assert (plain - merged).abs().max() > 0.01
    torch.testing.assert_close(together, merged, atol=1e-5, rtol=1e-5)


def test_a_run_with_an_adapter_goes_on_bit_for_bit(task: dict[str, Any], tmp_path: Path) -> None:
    def stopping(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
        if step == 3:
            raise InterruptedError
        return score(rows, group=group, step=step)

    whole = run(task, tmp_path)
    with pytest.raises(InterruptedError):
        run(task, tmp_path, stopping, log__dir="again")
    again = run(task, tmp_path, log__dir="again")
    assert again.resumed_from == 2
    for name in ("adapter_model.safetensors", "training.pt"):
        assert (again.checkpoint / name).read_bytes() == (whole.checkpoint / name).read_bytes()
    assert (again.policy / "model.safetensors").read_bytes() == (
        whole.policy / "model.safetensors"
    ).read_bytes()

    weights = again.checkpoint / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ResumeError, match=r"step-000005 is damaged: cannot load the adapter.*--fresh"):
        run(task, tmp_path, log__dir="again", train__steps=6)


def test_without_its_adapter_a_policy_is_what_it_was(policy: Policy) -> None:
    before = logps(policy)
    wrapped = add_adapter(policy, LoraConfig(rank=2), seed=0)
    assert has_adapter(wrapped.model)
    assert torch.equal(logps(wrapped), before)  # a new adapter adds nothing
    trained = [parameter for parameter in wrapped.model.parameters() if parameter.requires_grad]
    with torch.no_grad():
        for parameter in trained:
            parameter.add_(0.1)
    assert not torch.allclose(logps(wrapped), before)
    with without_adapter(wrapped.model):
        assert torch.equal(logps(wrapped), before)


def test_wrong_targets_are_named(task: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[policy.lora\].*nothere"):
        run(task, tmp_path, policy__lora={"targets": ["nothere"]})


def test_mixed_precision(task: dict[str, Any], tmp_path: Path) -> None:
    """Weights stay float32, and what is recomputed is what was sampled, but for the rounding."""
    del task["policy"]["lora"]
    result = run(task, tmp_path, policy__precision="bf16", train__minibatches=1)
    for line in read_log(result.log):
        assert abs(line["approx_kl"]) < 1e-3
        assert line["clip_fraction"] < 0.01
    saved = open_policy(result.policy).model
    assert {parameter.dtype for parameter in saved.parameters()} == {torch.float32}
    full = run(task, tmp_path, log__dir="full", train__minibatches=1)
    assert (full.policy / "model.safetensors").read_bytes() != (
        result.policy / "model.safetensors"
    ).read_bytes()
    with pytest.raises(ConfigError, match="keeps float32 weights"):
        parse_config(task, {"policy.precision": "bf16", "policy.dtype": "bfloat16"})


def test_a_copy_computes_with_its_own_weights(policy: Policy) -> None:
    import copy

    autocast(policy.model)
    other = Policy(**{**vars(policy), "model": copy.deepcopy(policy.model)})
    before = logps(other)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.mul_(0.5)
    assert torch.equal(logps(other), before)
    assert not torch.equal(logps(policy), before)


def test_weights_and_biases(task: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline: the files of the run, of one id also when it goes on, with what TensorBoard gets."""
    pytest.importorskip("wandb")
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    task["log"]["wandb"] = {"project": "toy", "mode": "offline"}
    first = run(task, tmp_path, train__steps=2)
    folder = first.folder / "wandb"
    name = (folder / "id").read_text()
    run(task, tmp_path, train__steps=3)
    runs = [path for path in folder.iterdir() if path.name.startswith("offline-run-")]
    assert len(runs) == 2
    assert all(path.name.endswith(name) for path in runs)
    logged = {key: value for path in runs for key, value in _history(path).items()}
    assert {step for step, _ in logged} == {1, 2, 3}
    for line in read_log(first.log):
        assert logged[line["step"], "train/reward"] == pytest.approx(line["reward"])
        assert logged[line["step"], "term/near"] == pytest.approx(line["terms"]["near"])


def _history(folder: Path) -> dict[tuple[int, str], float]:
    """(step, name) -> value, of an offline run's file."""
    from wandb.proto import wandb_internal_pb2

    found = {}
    for data in _records(next(folder.glob("*.wandb")).read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        for item in record.history.item:
            key = item.key or "/".join(item.nested_key)
            found[record.history.step.num, key] = json.loads(item.value_json)
    return found


def _records(data: bytes) -> Iterator[bytes]:
    """Of LevelDB's log format: blocks of 32 KiB, records of checksum, length and kind, whole or in parts."""
    block, at, whole = 32 * 1024, 7, b""
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):
            yield whole
            whole = b""
