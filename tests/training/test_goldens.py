"""The worked examples that tests hold parts to are those of the shared file, every one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SHARED = TESTS.parents[1] / "shared" / "golden" / "algorithms.json"


@pytest.mark.skipif(not SHARED.exists(), reason="the shared golden cases lie beside the checkout")
def test_every_worked_example_is_held() -> None:
    held = {}
    for path in TESTS.rglob("golden*.json"):
        held |= json.loads(path.read_text(encoding="utf-8"))
    cases = json.loads(SHARED.read_text(encoding="utf-8"))["cases"]
    assert sorted(held) == sorted(cases)
    assert {name: held[name] for name in cases} == cases
