from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from reading import codes, diagnose

MISTAKES = tomllib.loads((Path(__file__).parent / "mistakes.toml").read_text())["mistake"]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m["spec"].splitlines()[-1][:40])
def test_a_mistake_gets_its_answer(mistake: dict[str, str]) -> None:
    (found,) = [d for d in diagnose(mistake["spec"]) if d.code.startswith("RK01")]
    assert f"{found.code}: {found.message}" == mistake["says"]
    assert found.primary.span.text == mistake["at"]
    assert found.help == mistake.get("help")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m["spec"].splitlines()[-1][:40])
def test_the_statements_after_a_mistake_are_read(mistake: dict[str, str]) -> None:
    if "never closed" in mistake["says"] or mistake["spec"].endswith("."):
        return  # what follows belongs to it
    after = codes(mistake["spec"] + "\nterm last = 1 +\n")
    assert len([code for code in after if code.startswith("RK01")]) == 2


@pytest.mark.parametrize(
    ("start", "says"), [("let a = x.", "expected a name after `.`"), ("let a = 5.", "`5.` is not a number")]
)
def test_a_dot_does_not_take_the_next_keyword(start: str, says: str) -> None:
    assert diagnose(f"{start}\nterm b = 1")[0].message == says


def test_ten_syntax_errors_are_enough() -> None:
    assert codes("let a = = 1\n" * 50) == ["RK0101"] * 10
