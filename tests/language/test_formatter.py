"""The canonical form: what it looks like, and that a bug in it cannot damage a file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from test_any_text import HOSTILE

from rewardkit.diagnostics import Source, SpecError
from rewardkit.language import formatter
from rewardkit.language.formatter import FormatterBug, formatted

CASES = tomllib.loads((Path(__file__).parent / "formatter.toml").read_text())["case"]


def form(text: str) -> str:
    return formatted(Source("spec.rwd", text))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_canonical_form(case: dict[str, str]) -> None:
    assert form(case["before"]) == case["after"]
    assert form(case["after"]) == case["after"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_formatted_or_refused(name: str) -> None:
    try:
        text = form(HOSTILE[name][0])
    except SpecError as error:
        found = error.diagnostics
    else:
        assert form(text) == text
        return
    assert any(d.is_error for d in found)


MANY = "# c\n" * 10_000
HOSTILE_COMMENTS = {
    "before": MANY + "let a = 1",
    "after": "let a = 1 " + MANY,
    "at the end of each line": "let a = 1 # c\n" * 3_000,
    "in a call": f"let a = f({MANY}1)",
    "in a block": 'test "a" {' + MANY + "}",
}


@pytest.mark.parametrize("name", HOSTILE_COMMENTS)
def test_ten_thousand_comments(name: str) -> None:
    text = form(HOSTILE_COMMENTS[name])
    assert text.count("#") == HOSTILE_COMMENTS[name].count("#")
    assert form(text) == text


def test_a_form_that_is_too_long_is_refused() -> None:
    with pytest.raises(SpecError) as raised:
        form("let a = " + "( # c\n" * 20_000 + "1" + ")" * 20_000)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "RK0108"
    assert diagnostic.message.startswith("formatted, this file is too long")


def test_a_file_that_does_not_parse_is_refused() -> None:
    with pytest.raises(SpecError) as raised:
        form("let a = = 1\nlet b =   2")
    assert [d.code for d in raised.value.diagnostics] == ["RK0101"]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ("let a = 1 - 2 - 3  # one\n# two\n", ""),
        ("let a = 1 - (2 - 3)  # one\n# two\n", "meaning"),
        ("let a = 1 - 2 - 4  # one\n# two\n", "meaning"),
        ("let a = 1 - 2 - 3  # one\n", "comments"),
        ("# two\nlet a = 1 - 2 - 3  # one\n", "comments"),
        ("let a = 1 - 2 - 3  # one # two\n", "comments"),
        ("let a = 1 - 2 -\n", "syntax"),
    ],
)
def test_a_wrong_form_is_not_given_back(wrong: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatter, "laid_out", lambda file: wrong)
    text = "let a = 1-2-3 # one\n# two"
    if not what:
        assert form(text) == wrong
        return
    with pytest.raises(FormatterBug, match=f"formatting `spec.rwd` would change its {what}"):
        form(text)
