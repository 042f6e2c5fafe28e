"""The engine that samples, against a stand-in with vLLM's interface: vLLM itself is not run here."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from training_toy import PIECES, score, write_task

from rewardkit.training import ConfigError, train
from rewardkit.training.logs import read_log
from rewardkit.training.policy import open_policy
from rewardkit.training.rollout import Sampling, generate


class SamplingParams:
    def __init__(self, **given: Any) -> None:
        self.given = given


@dataclass
class Completion:
    index: int
    token_ids: Sequence[int]
    finish_reason: str
    stop_reason: int | None


@dataclass
class Output:
    outputs: list[Completion]


class LLM:
    """Samples by the weights that it was handed; without an end token in every other completion."""

    def __init__(self, **given: Any) -> None:
        self.given, self.awake, self.loads = given, {"weights", "kv_cache"}, 0
        self.policy = open_policy(given["model"])
        made.append(self)

    def sleep(self, level: int) -> None:
        assert level == 2
        self.awake = set()
        with torch.no_grad():
            for parameter in self.policy.model.parameters():
                parameter.fill_(float("nan"))  # gone

    def wake_up(self, tags: list[str]) -> None:
        self.awake |= set(tags)

    def apply_model(self, function: Any) -> list[Any]:
        assert "weights" in self.awake
        self.loads += 1
        return [function(self)]

    def load_weights(self, weights: Any) -> None:
        own = dict(self.policy.model.named_parameters())
        with torch.no_grad():
            for name, value in weights:
                own.pop(name).copy_(value)
        assert not own

    def reset_prefix_cache(self) -> None:
        pass

    def generate(self, prompts: Any, sampling_params: Any, use_tqdm: bool) -> list[Output]:
        assert self.awake == {"weights", "kv_cache"}
        outputs = []
        for prompt, params in zip(prompts, sampling_params, strict=True):
            given = params.given
            drawn = generate(
                self.policy,
                [prompt["prompt_token_ids"]],
                Sampling(given["n"], given["max_tokens"], given["temperature"]),
                torch.Generator().manual_seed(given["seed"]),
            )
            rows = []
            for i in range(given["n"]):
                ids, ended = drawn.completion_ids[i][drawn.mask[i]].tolist(), bool(drawn.finished[i])
                end = ids[-1] if ended else None
                assert end is None or end in given["stop_token_ids"]
                rows.append(
                    Completion(i, ids[:-1] if ended and i % 2 else ids, "stop" if ended else "length", end)
                )
            outputs.append(Output(rows[::-1]))
        return outputs


made: list[LLM] = []


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A policy in a folder, and a module that is called vllm."""
    task = write_task(tmp_path)
    train(task, overrides={"train.steps": 0, "log.dir": "base"}, base=tmp_path, scorer=score, progress=False)
    task["policy"] = {"path": "base/policy", "device": "cpu"}
    task["train"].update(engine="vllm", steps=25)
    fake = ModuleType("vllm")
    fake.__dict__.update(LLM=LLM, SamplingParams=SamplingParams)
    monkeypatch.setitem(sys.modules, "vllm", fake)
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    made.clear()
    return task


def run(task: dict[str, Any], folder: Path, **overrides: Any) -> Any:
    changes = {name.replace("__", "."): value for name, value in overrides.items()}
    return train(task, overrides=changes, base=folder, scorer=score, progress=False)


def test_a_policy_learns_from_what_the_engine_samples(task: dict[str, Any], tmp_path: Path) -> None:
    task["train"]["engine_options"] = {"gpu_memory_utilization": 0.3}
    result = run(task, tmp_path, train__minibatches=1)
    (engine,) = made
    assert engine.given["gpu_memory_utilization"] == 0.3
    assert engine.loads == 25  # the weights of each step
    lines = read_log(result.log)
    rewards = [line["reward"] for line in lines]
    assert sum(rewards[-5:]) > sum(rewards[:5]) + 2
    # one minibatch: the update begins at the sampling policy, as log-probabilities are the policy's own
    assert all(abs(line["approx_kl"]) < 1e-5 for line in lines)
    assert all(line["clip_fraction"] == 0 for line in lines)
    again = run(task, tmp_path, train__minibatches=1, log__dir="again")
    assert (again.policy / "model.safetensors").read_bytes() == (
        result.policy / "model.safetensors"
    ).read_bytes()


def test_what_cannot_be_is_said(
    task: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"does not go with \[policy.lora\]"):
        run(task, tmp_path, policy__lora=True)
    with pytest.raises(ConfigError, match="`engine_options` are of vLLM"):
        run(task, tmp_path, train__engine="transformers", train__engine_options={"seed": 1})
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ConfigError, match="needs vllm: `pip install vllm`"):
        run(task, tmp_path)
    task["policy"] = {"config": {"hidden": 32, "layers": 1, "heads": 2}, "tokenizer": PIECES}
    with pytest.raises(ConfigError, match=r"needs a policy from a folder or the hub"):
        run(task, tmp_path)
