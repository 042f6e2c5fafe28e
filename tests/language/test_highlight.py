"""The Pygments lexer: every word of every document has its kind."""

from __future__ import annotations

import pytest
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String, Whitespace
from reading import codes
from test_formatter_properties import SOUND

from rewardkit.language.concrete import read
from rewardkit.language.highlight import RwdLexer
from rewardkit.language.sketch import KEYWORDS
from rewardkit.types.types import NAMED, UNITS

#: without the documents that show an escape that there is not
SPELT = [text for text in SOUND if "RK0103" not in codes(text)]


def kinds(text: str) -> list[tuple[object, str]]:
    return [(kind, word) for kind, word in RwdLexer(stripnl=False, ensurenl=False).get_tokens(text)]


@pytest.mark.parametrize("text", SPELT, ids=range(len(SPELT)))
def test_no_word_is_an_error_and_none_is_lost(text: str) -> None:
    found = kinds(text)
    assert [word for kind, word in found if kind is Error] == []
    assert "".join(word for _, word in found) == text
    assert tuple(word for kind, word in found if kind is Comment.Single) == read(text).comments


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_every_keyword_is_one(word: str) -> None:
    for text in (f"{word} x", f"x {word}", f"{word} {{", f"({word})"):
        (kind,) = [kind for kind, found in kinds(text) if found == word]
        assert kind in Keyword or kind is Operator.Word
    for text in (f"a.{word}", f"{word}x", f"x_{word}", f"f({word}: 1)"):
        assert all(kind not in Keyword for kind, found in kinds(text) if word in found)


@pytest.mark.parametrize("name", NAMED)
def test_every_type_is_one(name: str) -> None:
    for text in (
        f"input a: {name}?",
        f"def f(x: list[list[{name}?]]): real = 1",
        f"param a:{name} in [0, 1] = 0",
    ):
        assert (Keyword.Type, name) in kinds(text)
    assert all(kind in Name for kind, word in kinds(f"f(a: {name}.b, {name}, c: {name}(1))") if word == name)


@pytest.mark.parametrize("unit", UNITS.values())
def test_every_unit_is_one(unit: str) -> None:
    assert kinds(f"12.5{unit}") == [(Number, "12.5"), (Keyword.Type, unit)]
    assert kinds(unit) == [(Name, unit)]


def test_texts_and_escapes() -> None:
    assert [kind for kind, _ in kinds(r'"a\n\u{e9}"')] == [
        String,
        String,
        String.Escape,
        String.Escape,
        String,
    ]
    assert Error in [kind for kind, _ in kinds(r'"\q"')]
    assert kinds(r'r"\q"') == [(String.Regex, r'r"\q"')]
    assert kinds('"""a "b\n# c"""') == [(String, '"""a "b\n# c"""')]


def test_names_by_what_they_are() -> None:
    text = "let right = math.equal(completion.text, x) ?? clamp(y, 0, 1)"
    assert [(k, w) for k, w in kinds(text) if k in Name] == [
        (Name.Variable, "right"), (Name, "math"), (Name.Function, "equal"), (Name.Builtin, "completion"),
        (Name.Attribute, "text"), (Name, "x"), (Name.Function, "clamp"), (Name, "y"),
    ]  # fmt: skip
    assert Whitespace in [kind for kind, _ in kinds(text)]
