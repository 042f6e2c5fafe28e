"""The worked examples that tests hold parts to are those of the shared file, every one of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
WORDS = (
    "note",
    "rule",
    "definition",
    "tie_order_note",
    "binary",
    "quantiles",
    "identity",
    "closed_forms",
    "stability",
)
SHARED = TESTS.parents[1] / "shared" / "golden" / "algorithms.json"


@pytest.mark.skipif(not SHARED.exists(), reason="the shared worked examples lie beside the checkout")
def test_every_worked_example_is_held() -> None:
    held: dict[str, Any] = {}
    for path in TESTS.rglob("golden*.json"):
        held |= json.loads(path.read_text(encoding="utf-8"))
    cases = json.loads(SHARED.read_text(encoding="utf-8"))["cases"]
    assert sorted(held) == sorted(cases)
    assert {name: numbers(held[name]) for name in cases} == {name: numbers(cases[name]) for name in cases}


def numbers(case: Any) -> Any:
    """A case without what it says in words, and without what it gives of versions that are gone."""
    if isinstance(case, dict):
        return {k: numbers(v) for k, v in case.items() if k not in WORDS and "verl_" not in k}
    return [numbers(each) for each in case] if isinstance(case, list) else case
