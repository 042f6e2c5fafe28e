"""Any spacing and any comments: the form is stable, means the same and keeps every comment in order."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest
from cases import thorough
from generator import specs
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.diagnostics import Collector, Source
from rewardkit.language import parse, tree
from rewardkit.language.concrete import read
from rewardkit.language.formatter import formatted

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests" / "docs"))
from documents import blocks, documents  # noqa: E402

SINK = (ROOT / "tests" / "language" / "kitchen_sink.txt").read_text()
FILES = {
    str(path.relative_to(ROOT)): path.read_text()
    for folder in ("examples", "rewardkit/templates", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.rwd"))
}
DOCUMENTS = {str(block): block.spec for path in documents() for block in blocks(path)}


def form(text: str) -> str:
    return formatted(Source("spec.rwd", text))


def meaning(text: str) -> tree.Module:
    return parse(Source("spec.rwd", text), Collector())


def parses(text: str) -> bool:
    return not any(isinstance(statement, tree.Broken) for statement in meaning(text).statements)


SOUND = [SINK, *FILES.values(), *filter(parses, DOCUMENTS.values())]


def test_there_is_much_to_format() -> None:
    assert len(FILES) >= 5 and len(SOUND) >= 100


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("benchmarks")])
def test_our_own_files_are_in_form(name: str) -> None:
    assert form(FILES[name]) == FILES[name]


@pytest.mark.parametrize("name", ["README.md", "docs/language.md", "docs/testing.md", "docs/claims.md"])
def test_the_guides_are_in_form(name: str) -> None:
    specs = [block.spec for block in blocks(ROOT / name) if parses(block.spec)]
    assert specs
    assert [form(spec) for spec in specs] == specs


@pytest.mark.parametrize("text", SOUND, ids=range(len(SOUND)))
def test_real_files(text: str) -> None:
    held(text)


def held(text: str) -> None:
    """What must be true of the form of any text."""
    new = form(text)
    assert meaning(new) == meaning(text)
    assert form(new) == new
    assert comments(new) == comments(text)
    assert not re.search(r"[ \t]\n", wordless(new))
    assert new == "" or (new.endswith("\n") and not new.endswith("\n\n") and new[0] not in " \n")


def comments(text: str) -> list[str]:
    """As they are written, less white space at their ends; a `#` within quotes begins none."""
    return [comment.rstrip() for comment in re.findall(r"#[^\n]*", wordless(text))]


def wordless(text: str) -> str:
    """White space and comments, with `x` for each word."""
    file = read(text)
    starts, ends = [*file.starts, len(text)], [0, *file.ends]
    return "x".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def respaced(text: str, chance: random.Random, remarks: float) -> tuple[str, list[str]]:
    """The same words with other white space, and comments at any boundary; the comments in order."""
    out: list[str] = []
    added: list[str] = []
    for word in [*read(text).words, ""]:
        out.append(chance.choice([" ", " ", "\n", "\t", "\r\n", "\n\n", " \n \n\n  "]))
        while chance.random() < remarks:
            remark = f"#{len(added)}" + chance.choice(["", " é ", " let x = (", ' """', "  # ", "\r"])
            added.append(remark.rstrip())
            out.append(remark + "\n" + chance.choice(["", " ", "\n", "\n\n\t"]))
        out.append(word)
    return "".join(out), added


@thorough()
@given(st.one_of(specs(), st.sampled_from(SOUND)), st.integers(0), st.sampled_from([0.0, 0.02, 0.2, 0.6]))
def test_comments_between_any_words(text: str, seed: int, remarks: float) -> None:
    again, added = respaced(text, random.Random(seed), remarks)
    assert comments(again) == added
    held(again)


@thorough(1 / 10)
@given(st.one_of(specs(), st.sampled_from(SOUND)), st.integers(0))
def test_spacing_does_not_matter(text: str, seed: int) -> None:
    chance = random.Random(seed)
    words = read(text).words
    one, other = ("".join(w + chance.choice([" ", "\n", " \t "]) for w in words) for _ in range(2))
    assert form(one) == form(other)


@thorough(1 / 4)
@given(st.integers(0, len(SOUND) - 1), st.data())
def test_one_comment_at_every_boundary(which: int, data: st.DataObject) -> None:
    text = SOUND[which]
    file = read(text)
    at = data.draw(st.sampled_from([*file.starts, *file.ends, len(text)]))
    for remark in ("\n# here\n", " # here\n"):
        new = text[:at] + remark + text[at:]
        assert "# here" in comments(new)
        held(new)
