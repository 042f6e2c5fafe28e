"""The HumanEval example, run as its users would, in whichever sandbox is here."""

import json
import os
from pathlib import Path

import pytest

import rewardkit as rk
from rewardkit.runtime.backends import Backends
from rewardkit.sandbox import SandboxConfig, SandboxError

FOLDER = Path(__file__).parents[2] / "examples" / "humaneval"


def test_its_rows_score_as_they_are_labelled():
    rows = [json.loads(line) for line in (FOLDER / "rows.jsonl").read_text().splitlines()]
    backends = Backends(sandbox=SandboxConfig(slots=2))
    try:
        scores = rk.load(FOLDER / "humaneval.rwd", backends=backends)(rows, group=4)
    except SandboxError as error:
        if os.environ.get("REWARDKIT_SANDBOX_TESTS") == "required":
            raise
        pytest.skip(f"no sandbox here: {error}")
    finally:
        backends.close()
    assert scores.faults.is_empty()
    assert (scores.frame["pass"] == 1).to_list() == [row["label"] for row in rows]
