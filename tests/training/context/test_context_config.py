"""The run file of a context run: what it refuses, in one line that says what to write."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rule_world import Judge, gepa, grpo

from rewardkit.cli import main as cli
from rewardkit.training import ConfigError, TrainError, train
from rewardkit.training.context import ContextResult, ContextRun, read_run
from rewardkit.training.context.progress import screen
from rewardkit.training.logs import read_log

URL = "http://localhost:1/v1"

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"train": {"steps": 3}}, "a run with [context] changes no weights: leave out [train], or [context]"),
    ({"warmup": {"rows": "x", "steps": 3}}, "leave out [warmup]"),
    ({"policy": {"path": "x"}}, "give either a table [context.model], an endpoint, or a table [policy]"),
    ({"context.model": None}, "give either a table [context.model]"),
    ({"context.optimizer": "gepe"}, "[context] `optimizer`: "),
    ({"context.gepa": {"max_metric_calls": 3}}, "so leave out [context.gepa]"),
    ({"context.optimizer": "gepa"}, "so leave out [context.training_free_grpo]"),
    ({"context.instructions_file": "x.md"}, "give either `instructions` or `instructions_file`"),
    ({"context.instructions": {}}, "`instructions` has no parts"),
    ({"context.modle": {}}, "unknown key `modle`; did you mean `model`?"),
    ({"context.model.base_url": "localhost"}, "[context.model] `base_url` is no address"),
    ({"context.training_free_grpo.completions_per_prompt": 1}, "`completions_per_prompt`: "),
    ({"context.training_free_grpo.epoch": 1}, "did you mean `epochs`?"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_what_is_wrong_is_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_run(grpo(URL), changes, "run.toml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_gepa_needs_a_limit() -> None:
    with pytest.raises(ConfigError, match=r"needs a table \[context.gepa\] with its `max_metric_calls`"):
        read_run(gepa(URL), {"context.gepa": None})
    with pytest.raises(ConfigError, match=r"\[context.gepa\] `max_metric_calls` is missing"):
        read_run(gepa(URL), {"context.gepa": {}})


def test_a_run_in_python(server: Judge, folder: Path) -> None:
    run = read_run(grpo(server.url))
    assert isinstance(run, ContextRun)
    result = train(run, base=folder, overrides={"context.training_free_grpo.epochs": 1}, progress=False)
    assert isinstance(result, ContextResult)
    assert result.steps == 2
    with pytest.raises(TrainError, match="no advantages"):
        train(run, base=folder, advantage=lambda scores: scores.total)


def test_a_scorer_instead_of_a_spec(server: Judge, folder: Path) -> None:
    import rewardkit as rk

    reward = rk.load(folder / "world.rwd")

    def scorer(rows: Any, /, *, group: Any, step: int) -> Any:
        return reward(rows, group=group, step=step)

    config = grpo(server.url)
    del config["reward"]
    result = train(config, base=folder, scorer=scorer, progress=False)
    assert isinstance(result, ContextResult)
    assert (result.after or 0) > (result.before or 0)
    with pytest.raises(ConfigError, match=r"a table \[reward\]"):
        train(config, base=folder, progress=False)


def test_instructions_from_a_file(server: Judge, folder: Path) -> None:
    config = gepa(server.url, calls=10)
    del config["context"]["instructions"]
    config["context"]["instructions_file"] = "seed.md"
    with pytest.raises(ConfigError, match=r"cannot read .*seed\.md"):
        train(config, base=folder, progress=False)
    endless = {**config, "context": {**config["context"], "instructions_file": "/dev/zero"}}
    with pytest.raises(ConfigError, match=r"cannot read /dev/zero: it has more than 16 MiB"):
        train(endless, base=folder, progress=False)
    (folder / "seed.md").write_text("Be a parrot.\n")
    train(config, base=folder, progress=False)
    assert server.bodies[0]["messages"][0]["content"] == "Be a parrot."
    (folder / "seed.md").write_text("Be a cat.\n")
    with pytest.raises(TrainError, match="another run"):
        train(config, base=folder, progress=False)


@pytest.mark.parametrize("prompt", [None, 3, [], ["x"]])
def test_a_prompt_is_a_text_or_messages(prompt: Any, server: Judge, folder: Path) -> None:
    lines = [{"prompt": "number 0", "wants": "alpha"}, {"prompt": prompt, "wants": "beta"}]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(TrainError, match="row 1, counted from 0: a prompt is a text"):
        train(grpo(server.url), base=folder, progress=False)
    assert not server.bodies


def test_prompts_of_messages(server: Judge, folder: Path) -> None:
    for name in ("rows.jsonl",):
        lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for line in lines:
            line["prompt"] = [
                {"role": "system", "content": "Be polite."},
                {"role": "user", "content": line["prompt"]},
            ]
        (folder / name).write_text("\n".join(map(json.dumps, lines)))
    result = train(grpo(server.url), base=folder, progress=False)
    assert isinstance(result, ContextResult) and result.after == 1.0
    assert server.bodies[0]["messages"][0]["content"] == "Answer with one word.\n\nBe polite."


def main(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        cli(arguments)
    return int(ended.value.code or 0)


def toml(config: dict[str, Any]) -> str:
    def lines(table: dict[str, Any], name: str) -> list[str]:
        own = [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
        inner = [
            line
            for key, value in table.items()
            if isinstance(value, dict)
            for line in lines(value, f"{name}.{key}".lstrip("."))
        ]
        return [*([f"[{name}]"] if name else []), *own, *inner]

    return "\n".join(lines(config, "")) + "\n"


@pytest.mark.parametrize("make", [grpo, gepa])
def test_the_command(make: Any, server: Judge, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "run.toml").write_text(toml(make(server.url)))
    arguments = ["train", str(folder / "run.toml"), "--format", "json"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["after"] == 1.0 and found["before"] < 0.5
    assert Path(found["instructions"]).is_file()
    assert "reward" in err and "valid" in err
    assert main(["train", str(folder / "run.toml"), "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "score on the validation rows: 0.3333 before, 1 after" in out
    assert err == ""
    assert main(["train", str(folder / "run.toml"), "--set", "context.seed=4"]) == 3
    assert "`context.seed` is 4, was 0" in capsys.readouterr().err


def test_tensorboard_and_every(server: Judge, folder: Path) -> None:
    config = grpo(server.url)
    config["log"].update(tensorboard=True, every=4)
    result = train(config, base=folder, progress=False)
    assert [line["step"] for line in read_log(result.log)] == [4, 6]
    assert list((result.folder / "tensorboard").iterdir())


@pytest.mark.parametrize("make", [grpo, gepa])
@pytest.mark.parametrize("terminal", [True, False])
def test_the_screen(make: Any, terminal: bool, server: Judge, folder: Path) -> None:
    config = make(server.url)
    text = StringIO()
    console = Console(file=text, force_terminal=terminal, width=120)
    with screen(6, "step" if make is grpo else "metric call", console) as show:
        train(config, base=folder, progress=show)  # type: ignore[arg-type]
    assert "right" in text.getvalue() and "valid" in text.getvalue()
