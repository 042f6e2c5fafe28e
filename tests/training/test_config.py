"""The run file: what it accepts, and what it says about mistakes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rewardkit.training import ConfigError, RunConfig, load_config, parse_config
from rewardkit.training.config import differences

RUN = """
[policy]
tokenizer = ["a", "b"]
[policy.config]
hidden = 32
[data]
rows = "rows.jsonl"
map = { answer = "solution" }
[reward]
spec = "math.rwd"
set = { budget = 100, strict = true }
[train]
steps = 10
betas = [0.9, 0.99]
learning_rate = 1
[warmup]
rows = "demos.jsonl"
steps = 5
"""


def tables(**train: Any) -> dict[str, Any]:
    return {
        "policy": {"path": "model"},
        "data": {"rows": "rows.jsonl"},
        "reward": {"spec": "a.rwd"},
        "train": {"steps": 1, **train},
    }


def test_reads_a_run_file(tmp_path: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(RUN)
    run = load_config(file, {"train.seed": 3, "log.dir": "runs/three"})
    assert (run.train.seed, run.log.dir, run.train.betas) == (3, "runs/three", (0.9, 0.99))
    assert run.policy.config is not None
    assert (run.policy.config.hidden, run.policy.config.layers) == (32, 2)
    assert run.reward is not None
    assert run.reward.set == {"budget": 100, "strict": True}
    assert (run.train.prompts_per_step, run.train.completions_per_prompt) == (16, 8)
    assert RunConfig.model_validate(run.model_dump()) == run


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train.learning_rte": 1.0}, "[train] unknown key `learning_rte`; did you mean `learning_rate`?"),
        ({"polcy.path": "x"}, "unknown key `polcy`; did you mean `policy`?"),
        ({"reward.zzz": "x"}, "[reward] unknown key `zzz`; it knows `spec`, `set`"),
        ({"policy.path": None}, "[policy] give either `path` or a table `[policy.config]`"),
        ({"policy": {"config": {}}}, "[policy] a policy built from `[policy.config]` needs a `tokenizer`"),
        (
            {"policy": {"tokenizer": ["a"], "config": {"hiden": 3}}},
            "[policy.config] unknown key `hiden`; did you mean `hidden`?",
        ),
        ({"train.steps": "10"}, "[train] `steps`: input should be a valid integer, not '10'"),
        ({"train.clip": -1.0}, "[train] `clip`: input should be greater than or equal to 0, not -1.0"),
        ({"train.completions_per_prompt": 1}, "greater than or equal to 2, not 1"),
        ({"train.minibatches": 17}, "`minibatches` (17) hold whole groups"),
        ({"train.dual_clip": 1.1}, "[train] `dual_clip` (1.1) must be above 1 + `clip_high` (1.2)"),
        (
            {"train.schedule": "linaer"},
            "[train] `schedule`: input should be 'constant', 'linear' or 'cosine'",
        ),
        ({"data": {}}, "[data] `rows` is missing"),
    ],
)
def test_says_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(tables(), change, source="run.toml")
    assert message in str(caught.value)
    assert all(line.startswith("run.toml: ") for line in str(caught.value).splitlines())


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[train", "is not TOML"), (b"\xff\xfe", "is not UTF-8 text"), (None, "cannot read")],
)
def test_unreadable_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "run.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(file)


def test_differences_name_the_key() -> None:
    old, new = parse_config(tables()), parse_config(tables(learning_rate=1e-2))
    assert list(differences(old.model_dump(), new.model_dump())) == [("train.learning_rate", 3e-4, 1e-2)]


def test_reading_a_run_file_needs_no_torch() -> None:
    code = (
        "import sys, rewardkit.training; print(*{'torch', 'transformers', 'matplotlib'} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout == "\n"
