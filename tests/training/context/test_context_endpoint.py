"""Endpoints that are slow, down, wrong or hostile stop a run with one line, or cost it a completion."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rule_world import Judge, Reply, answer, completion, gepa, grpo, world

from rewardkit.diagnostics import RewardError
from rewardkit.runtime import FaultLimitError
from rewardkit.runtime.chat import MOST_BYTES
from rewardkit.training import train
from rewardkit.training.context import ContextResult
from rewardkit.training.context.asking import chat, without_system
from rewardkit.training.logs import read_log

both = pytest.mark.parametrize("make", [grpo, gepa])


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "rewardkit-context"]


def run(config: dict[str, Any], folder: Path, **model: Any) -> ContextResult:
    config["context"]["model"].update(model)
    result = train(config, base=folder, progress=False)
    assert isinstance(result, ContextResult)
    return result


@both
def test_nobody_listens(make: Any, folder: Path) -> None:
    with pytest.raises(
        RewardError, match=r"cannot reach the model at .* or set `base_url` in \[context.model\]"
    ):
        run(make("http://127.0.0.1:9/v1"), folder)


@both
def test_the_key_is_missing(make: Any, server: Judge, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    with pytest.raises(RewardError, match=r"the model at .* needs a key: set the variable `A_KEY`"):
        run(make(server.url), folder, api_key_env="A_KEY")
    assert not server.bodies
    monkeypatch.setenv("A_KEY", "sk-hush")
    run(make(server.url), folder, api_key_env="A_KEY")
    assert all(headers["authorization"] == "Bearer sk-hush" for headers in server.headers)
    assert not [p for p in folder.rglob("*") if p.is_file() and "sk-hush" in p.read_text(errors="replace")]


BAD = {
    "fails": lambda: Reply(500, b"<html>no"),
    "is no chat": lambda: Reply(body=b"[]"),
    "is no JSON": lambda: Reply(body=b"{"),
    "hangs": lambda: Reply(wait=30.0),
    "hangs up": lambda: Reply(hang_up=True),
    "is huge": lambda: completion("x" * (MOST_BYTES + 1)),
    "never ends": lambda: Reply(body=b"x" * 65536, slowly=0.0),
}


@both
@pytest.mark.parametrize("bad", BAD)
def test_an_endpoint_that_never_answers_ends_the_run(make: Any, bad: str, folder: Path) -> None:
    config = make("")
    with world(lambda body, number: BAD[bad]()) as server:
        config["context"]["model"]["base_url"] = server.url
        with pytest.raises(RewardError) as error:
            run(config, folder, timeout=1.0, retries=0, deadline=2.0, concurrency=32)
    assert "\n" not in str(error.value)
    assert not (folder / "run" / "log.jsonl").exists()


@both
def test_a_request_that_is_refused_costs_one_completion(make: Any, folder: Path) -> None:
    def reply(body: dict[str, Any], number: int) -> Any:
        if "number 3" in body["messages"][-1]["content"] and "BEGIN" not in str(body):
            return Reply(400, b'{"error": {"message": "filtered"}}')
        return answer(body)

    with world(reply) as server:
        config = make(server.url)
        config["context"]["max_faults"] = 0.5
        result = run(config, folder)
    assert sum(line["faults"] for line in read_log(result.log)) > 0
    assert 4 / 6 <= (result.after or 0) <= 1.0
    assert "number 3" not in result.instructions.read_text()


def test_too_many_faults_end_the_run(folder: Path) -> None:
    def reply(body: dict[str, Any], number: int) -> Any:
        return Reply(400, b'{"error": {"message": "filtered"}}') if number % 2 else answer(body)

    with world(reply) as server, pytest.raises(FaultLimitError, match="filtered"):
        run(grpo(server.url), folder)


def test_an_editor_that_is_down_ends_the_run_and_loses_nothing(server: Judge, folder: Path) -> None:
    config = gepa(server.url)
    config["context"]["editor"] = {"base_url": "http://127.0.0.1:9/v1", "model": "m", "retries": 0}
    with pytest.raises(RewardError, match=r"cannot reach the editor at .*\[context.editor\]"):
        run(config, folder)
    asked = len(server.bodies)
    with pytest.raises(RewardError, match="cannot reach the editor"):
        run(config, folder)
    assert len(server.bodies) == asked


def test_a_model_without_system_messages_or_seeds(server: Judge, folder: Path) -> None:
    config = grpo(server.url)
    del config["context"]["model"]["seed"]
    run(config, folder, system_role=False)
    assert all([m["role"] for m in body["messages"]] == ["user"] for body in server.bodies)
    assert not [body for body in server.bodies if "seed" in body]


def test_every_completion_of_a_prompt_has_a_seed_of_its_own(server: Judge, folder: Path) -> None:
    run(grpo(server.url), folder)
    seeds = [body["seed"] for body in server.bodies]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_completions_without_a_token_count(folder: Path) -> None:
    def reply(body: dict[str, Any], number: int) -> Any:
        told = answer(body)
        said = json.loads(told.body)
        del said["usage"]
        return Reply(body=json.dumps(said).encode())

    with world(reply) as server:
        result = run(grpo(server.url, epochs=1), folder)
        assert read_log(result.log)[0]["tokens"] == {"model": None, "editor": None}
        spec = (
            (folder / "world.rwd")
            .read_text()
            .replace("completion.chars / 100ch", "completion.tokens / 100tok")
        )
        (folder / "world.rwd").write_text(spec)
        config = grpo(server.url, epochs=1)
        config["log"]["dir"] = "other"
        with pytest.raises(RewardError, match="token"):
            run(config, folder)


def test_odd_characters(folder: Path) -> None:
    def reply(body: dict[str, Any], number: int) -> Any:
        said = json.loads(answer(body).body)["choices"][0]["message"]["content"]
        return completion(said.replace("number", "\ud800 number") + "\ud800\0")

    with world(reply) as server:
        result = run(grpo(server.url, epochs=1), folder)
    assert "?" in result.instructions.read_text()


def test_inside_a_running_loop(server: Judge, folder: Path) -> None:
    """As in a notebook."""

    async def cell() -> ContextResult:
        return run(gepa(server.url), folder)

    assert asyncio.run(cell()).after == 1.0


def test_instructions_and_a_prompt_of_messages() -> None:
    prompt = [{"role": "system", "content": "own"}, {"role": "user", "content": "hello"}]
    messages = chat("be brief", prompt)
    assert [m["content"] for m in messages] == ["be brief\n\nown", "hello"]
    assert without_system(messages) == [{"role": "user", "content": "be brief\n\nown\n\nhello"}]
    assert chat("", prompt) == prompt
    assert prompt[0]["content"] == "own"
