"""A context run that was stopped goes on to the same end, and only as the run it was."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rule_world import Judge, answer, gepa, grpo, world, write_world

from rewardkit.diagnostics import RewardError
from rewardkit.training import ResumeError, TrainError, train
from rewardkit.training.context import ContextResult, saves
from rewardkit.training.context.asking import Remembered
from rewardkit.training.logs import read_log

KINDS = {
    "training_free_grpo": grpo,
    "gepa": lambda url: gepa(url, 80, merge=True, skip_perfect=False),
}
each = pytest.mark.parametrize("kind", KINDS)


def settings(kind: str, url: str) -> dict[str, Any]:
    config: dict[str, Any] = KINDS[kind](url)  # type: ignore[operator]
    if kind == "gepa":
        config["context"]["instructions"] = {"task": "Answer with one word.", "even": "-", "odd": "-"}
    return config


def run(config: dict[str, Any], folder: Path, **options: Any) -> ContextResult:
    result = train(config, base=folder, progress=False, **options)
    assert isinstance(result, ContextResult)
    return result


def end(folder: Path) -> tuple[str, str, list[dict[str, Any]]]:
    """All that a run leaves, without times."""
    lines = [{**line, "seconds": None} for line in read_log(folder / "run" / "log.jsonl")]
    return *((folder / "run" / name).read_text() for name in ("context.json", "instructions.md")), lines


def command(config: dict[str, Any], folder: Path) -> list[str]:
    code = (
        "import json\nfrom rewardkit.training import train\n"
        f"train(json.loads({json.dumps(json.dumps(config))}), base={str(folder)!r}, progress=False)\n"
    )
    return [sys.executable, "-c", code]


@each
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_stopped_at_a_random_moment(kind: str, sign: signal.Signals, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
        write_world(folder)

    limit = [10**9]  # the requests from here on wait, until who asked is gone

    def slowly(body: dict[str, Any], number: int) -> Any:
        reply = answer(body)
        reply.wait = 0.005 if number < limit[0] else 60.0
        return reply

    with world(slowly) as server:
        config = settings(kind, server.url)
        config["context"]["model"]["concurrency"] = 4
        run(config, whole)
        asked = len(server.bodies)
        limit[0] = asked + random.randrange(asked)
        process = subprocess.Popen(command(config, broken), stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while len(server.bodies) <= limit[0] and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(sign)
        process.communicate(timeout=60)
        assert process.returncode != 0
        limit[0] = 10**9
        result = run(config, broken)
        assert len(server.bodies) - asked <= asked + 4  # nothing was asked twice but what was under way
    assert end(broken) == end(whole)
    assert result.steps == len(end(whole)[2])


@each
def test_it_goes_on_where_it_was(kind: str, server: Judge, folder: Path) -> None:
    config = settings(kind, server.url)
    run(config, folder)
    first, asked = end(folder), len(server.bodies)
    again = run(config, folder)  # nothing is left to do
    assert len(server.bodies) == asked
    assert end(folder) == first
    assert again.resumed_from == again.steps == len(first[2])
    assert again.last is None


@each
def test_a_larger_limit_goes_on(kind: str, server: Judge, tmp_path: Path) -> None:
    ends = []
    for name, limits in (("once", [2]), ("twice", [1, 2])):
        (tmp_path / name).mkdir()
        write_world(tmp_path / name)
        for limit in limits:
            config = settings(kind, server.url)
            if kind == "gepa":
                config["context"]["gepa"]["max_metric_calls"] = 40 * limit
            else:
                config["context"]["training_free_grpo"]["epochs"] = limit
            run(config, tmp_path / name)
        ends.append(end(tmp_path / name))
    assert ends[0] == ends[1]


CHANGES: dict[str, Callable[[dict[str, Any], Path], Any]] = {
    "`context.instructions": lambda c, _: c["context"].update(instructions={"a": "x", "b": "y"}),
    "`context.model.model`": lambda c, _: c["context"]["model"].update(model="other"),
    "`context.seed`": lambda c, _: c["context"].update(seed=5),
    "the rows are others": lambda _, f: (f / "rows.jsonl").write_text(
        "".join(reversed((f / "rows.jsonl").read_text().splitlines(keepends=True)))
    ),
    "the spec is not": lambda _, f: (f / "world.rwd").write_text(
        (f / "world.rwd").read_text().replace("right: 1.0", "right: 0.9")
    ),
}


@each
@pytest.mark.parametrize("change", CHANGES)
def test_another_run_is_refused(kind: str, change: str, server: Judge, folder: Path) -> None:
    run(settings(kind, server.url), folder)
    first = end(folder)
    config = settings(kind, server.url)
    CHANGES[change](config, folder)
    with pytest.raises(ResumeError, match="--fresh") as error:
        run(config, folder)
    assert change in str(error.value)
    assert end(folder) == first
    asked = len(server.bodies)
    assert run(config, folder, fresh=True).resumed_from is None
    assert len(server.bodies) > asked


@each
def test_manners_may_change(kind: str, server: Judge, folder: Path) -> None:
    run(settings(kind, server.url), folder)
    config = settings(kind, server.url)
    config["context"]["model"].update(concurrency=1, timeout=5.0, retries=9)
    config["context"]["max_faults"] = 0.5
    run(config, folder)


@each
def test_a_fresh_run_that_cannot_start_leaves_the_old_one(kind: str, server: Judge, folder: Path) -> None:
    run(settings(kind, server.url), folder)
    first = end(folder)
    config = settings(kind, server.url)
    config["context"]["model"]["base_url"] = "http://127.0.0.1:9/v1"
    with pytest.raises(RewardError, match="cannot reach"):
        run(config, folder, fresh=True)
    assert end(folder) == first
    assert run(settings(kind, server.url), folder).last is None


@each
def test_one_run_at_a_time(kind: str, server: Judge, folder: Path) -> None:
    def check(body: dict[str, Any], number: int) -> Any:
        if number == 0:
            with pytest.raises(TrainError, match="another run"):
                run(settings(kind, server.url), folder)
            checked.append(True)
        return answer(body)

    checked: list[bool] = []
    with world(check) as slow:
        run(settings(kind, slow.url), folder)
    assert checked == [True]


@each
def test_what_is_damaged_is_named(kind: str, server: Judge, folder: Path) -> None:
    run(settings(kind, server.url), folder)
    path = sorted(
        path for path in (folder / "run" / "checkpoints").iterdir() if path.suffix.startswith(".json")
    )[-1]
    whole = path.read_bytes()
    renamed = [
        whole.replace(b'"library"', b'"x"').replace(f'"{name}"'.encode(), b'"x"')
        for name in ("kind", "replies", "rewards", "terms", "faults", "texts")
    ]
    for text in (b"{", b"[1]\n", *renamed):
        path.write_bytes(text + b"\n")
        with pytest.raises(ResumeError) as error:
            run(settings(kind, server.url), folder)
        assert str(path) in str(error.value) and "--fresh" in str(error.value)
    path.write_bytes(whole)
    assert run(settings(kind, server.url), folder).last is None


def test_a_line_of_the_journal_that_was_cut_off(server: Judge, tmp_path: Path) -> None:
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
        write_world(tmp_path / name)
        run(settings("gepa", server.url), tmp_path / name)
    journal = tmp_path / "cut" / "run" / "checkpoints" / saves.JOURNAL
    text = journal.read_bytes()
    journal.write_bytes(text[: len(text) // 2])
    run(settings("gepa", server.url), tmp_path / "cut")
    assert (
        journal.read_bytes()
        == (journal.parents[2].parent / "whole/run/checkpoints" / saves.JOURNAL).read_bytes()
    )
    assert end(tmp_path / "cut") == end(tmp_path / "whole")


@pytest.mark.parametrize(
    "change",
    [
        {"run": {"config": [], "rows": "", "fingerprint": "", "version": ""}},
        {"step": 7},
        {"step": -1},
        {"library": ["a" * 10_000_000]},
        {"library": ["a"] * 100_000},
        {"tokens": {"model": "many"}},
        {"metric_calls": -1},
        {"after": "good"},
        {"before": float("nan")},
    ],
    ids=lambda change: str(change)[:40],
)
def test_a_checkpoint_that_somebody_wrote_to(change: dict[str, Any], server: Judge, folder: Path) -> None:
    run(settings("training_free_grpo", server.url), folder)
    path = saves.checkpoints(folder / "run" / "checkpoints")[-1]
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ResumeError, match=rf"{path.name} is damaged: .*--fresh"):
        run(settings("training_free_grpo", server.url), folder)


def test_answers_that_somebody_wrote_to_are_asked_for_again(tmp_path: Path) -> None:
    wrong = [
        {"text": 5},
        {"text": "a", "tokens": "9"},
        {"text": "a", "tokens": True},
        {"text": "a", "finished": 1},
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text(
        "".join(json.dumps(["key", each]) + "\n" for each in [*wrong, {"text": "a", "error": "b"}])
    )
    assert Remembered(None, path)._read() == {}  # type: ignore[arg-type]
    path.write_text(json.dumps(["key", {"text": "a", "tokens": 9}]) + "\n")
    assert list(Remembered(None, path)._read()) == ["key"]  # type: ignore[arg-type]
