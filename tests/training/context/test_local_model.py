"""A tiny model on this machine as the task model: it says the letter that its instructions name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from rule_world import completion, world

from rewardkit.training import TrainError, train
from rewardkit.training.config import PolicyConfig
from rewardkit.training.context import ContextResult
from rewardkit.training.context.asking import Ask, chat
from rewardkit.training.context.config import LocalConfig
from rewardkit.training.context.local import LocalModel
from rewardkit.training.logs import read_log

PIECES = ["say ", "x", "y", "1=", "2="]

SPEC = """\
language 1
term right in [0, 1] = text.contains(completion.text, "x")
term brief = completion.tokens <= 2tok
reward in [0, 1] { right: 1.0 }
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a policy that was warmed up to do as it is told."""
    folder = tmp_path_factory.mktemp("local")
    told = [(f"say {letter}{prompt}", letter) for letter in "xy" for prompt in ("1=", "2=")]
    lines = [json.dumps({"prompt": prompt, "completion": said}) for prompt, said in told]
    (folder / "demos.jsonl").write_text("\n".join(lines))
    (folder / "rows.jsonl").write_text('{"prompt": "1="}\n{"prompt": "2="}\n')
    (folder / "spec.rwd").write_text(SPEC)
    train(
        {
            "policy": {
                "config": {"hidden": 32, "layers": 1, "heads": 2, "mlp": 64, "max_length": 64},
                "tokenizer": PIECES,
                "device": "cpu",
            },
            "data": {"rows": "rows.jsonl"},
            "reward": {"spec": "spec.rwd"},
            "warmup": {"rows": "demos.jsonl", "steps": 60, "batch": 8, "learning_rate": 1e-2},
            "train": {"steps": 0, "threads": 1, "max_new_tokens": 4},
            "log": {"dir": "warm"},
        },
        base=folder,
        progress=False,
    )
    return folder


def tables(url: str, optimizer: str, **context: Any) -> dict[str, Any]:
    return {
        "policy": {"path": "warm/policy", "device": "cpu"},
        "data": {"rows": "rows.jsonl"},
        "reward": {"spec": "spec.rwd"},
        "context": {
            "optimizer": optimizer,
            "instructions": "say y",
            "separator": "",
            "local": {"max_new_tokens": 4, "temperature": 0.01, "batch": 4},
            "editor": {"base_url": url, "model": "scripted"},
            **context,
        },
    }


def editing(body: dict[str, Any], number: int) -> Any:
    assert "right: 0" in body["messages"][1]["content"]
    return completion(json.dumps({"text": "say x"}))


def test_gepa_raises_the_score_of_a_model_on_this_machine(home: Path) -> None:
    with world(editing) as server:
        config = tables(server.url, "gepa", gepa={"max_metric_calls": 12})
        result = train(config, base=home, progress=False, overrides={"log.dir": "gepa"})
    assert isinstance(result, ContextResult)
    assert (result.before, result.after) == (0.0, 1.0)
    assert result.instructions.read_text() == "say x\n"
    line = read_log(result.log)[0]
    assert line["terms"]["brief"] == 1.0  # tokens are counted by the policy
    assert line["tokens"]["model"] == 2 * line["metric_calls"]


def test_training_free_grpo_puts_experiences_before_the_prompt(home: Path) -> None:
    """Attempts differ at a high temperature; the library is said in the tokenizer's few words."""

    def editor(body: dict[str, Any], number: int) -> Any:
        system = body["messages"][0]["content"]
        if "Read one attempt" in system:
            return completion('{"summary": "tried"}')
        if "several attempts" in system:
            return completion('{"lessons": ["say x"]}')
        return completion('{"operations": [{"operation": "ADD", "id": null, "content": "say x"}]}')

    pieces = [*PIECES, "\n", "[G0]. ", "[G1]. "]
    policy = {
        "config": {"hidden": 16, "layers": 1, "heads": 2, "mlp": 32},
        "tokenizer": pieces,
        "device": "cpu",
    }
    with world(editor) as server:
        config = tables(server.url, "training_free_grpo")
        config["policy"] = policy
        config["context"]["local"]["temperature"] = 1.0
        config["context"]["training_free_grpo"] = {"epochs": 2, "prompts_per_step": 2, "heading": ""}
        result = train(config, base=home, progress=False, overrides={"log.dir": "grpo"})
    assert isinstance(result, ContextResult)
    assert re.match(r"say y\[G0\]\. say x\n", result.instructions.read_text())
    assert 0 < (read_log(result.log)[0]["reward"] or 0) < 1


def test_a_batch_follows_from_its_questions_alone(home: Path) -> None:
    config = PolicyConfig(path="warm/policy", device="cpu")
    model = LocalModel(config, home, LocalConfig(max_new_tokens=4, temperature=5.0, batch=3), "", 0)
    asks = [Ask(chat("say x", f"{1 + i % 2}="), seed=i) for i in range(7)]
    places: list[int] = []
    first = model.ask(asks, lambda where, replies: places.extend(where))
    assert places == list(range(7))
    torch.manual_seed(1)
    assert model.ask(asks, lambda where, replies: None) == first
    assert model.ask(asks[3:], lambda where, replies: None) == first[3:]


def test_messages_without_a_chat_template_must_be_texts(home: Path) -> None:
    model = LocalModel(PolicyConfig(path="warm/policy", device="cpu"), home, LocalConfig(), "", 0)
    with pytest.raises(TrainError, match="no chat template"):
        model.ask([Ask([{"role": "user", "content": [{"type": "text"}]}], 0)], lambda where, replies: None)
