"""Any text gives a spec or diagnostics: no traceback, no long wait, no place outside the file."""

from __future__ import annotations

import random
import re
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cases import thorough
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.checker import check, read_source
from rewardkit.diagnostics import Diagnostic, RewardError, Source, render_full, to_json
from rewardkit.language.sketch import KEYWORDS, Sketch

SINK = (Path(__file__).parent / "kitchen_sink.txt").read_text()


def answered(text: str) -> tuple[Diagnostic, ...]:
    """The diagnostics of any text, each rendered and inside the file."""
    spec, found = check(Source("spec.rwd", text))
    assert (spec is None) == any(d.is_error for d in found)
    assert spec is not None or found
    for diagnostic in found:
        for label in (diagnostic.primary, *diagnostic.labels):
            assert 0 <= label.span.start <= label.span.end <= len(text)
        shown = render_full(diagnostic)
        assert len(shown) < 8_000
        assert all(c == "\n" or c.isprintable() for c in shown)
        shown.encode("utf-8")
        assert to_json(diagnostic)["line"] >= 1
    return found


_SIGNS = "( ) [ ] { } = == != < <= > >= + - * / ?? ? . , : ; ! & | ^ % @ # \" ' ` \\ \n \t"
_LITERALS = '"a" r"\\d" """x""" """ " 1 0.5 4096tok 80ch 1.5s 1e9 1e999 1_0'
_NAMES = (
    "completion.text completion.tokens completion.messages prompt.text answer x y m inf gdpo text int real "
    "list text? math.equal math.boxed text.contains min mean"
)
WORDS = [
    *sorted(KEYWORDS), *_SIGNS.split(" "), *_LITERALS.split(), *_NAMES.split(),
    "over group", "over batch", "\x00", "\ufeff", "\u202e", "é", "漢", "\U0001f600", "\r\n", "\u200b",
]  # fmt: skip


@thorough()
@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_words_of_the_language_in_any_order(words: list[str]) -> None:
    answered(" ".join(words))


@thorough()
@given(st.text(st.characters(), max_size=200))
def test_any_characters(text: str) -> None:
    answered(text)


@thorough()
@given(st.binary(max_size=300))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "spec.rwd"
    path.write_bytes(data)
    with suppress(RewardError):
        answered(read_source(path).text)


@thorough(1 / 2)
@given(st.randoms(use_true_random=False))
def test_a_spec_with_a_slip_anywhere(chance: random.Random) -> None:
    """A part of a sound spec left out, doubled, moved or replaced."""
    text = SINK
    for _ in range(chance.randint(1, 3)):
        a = chance.randrange(len(text))
        b = min(len(text), a + chance.choice([1, 1, 2, 5, 30]))
        new = chance.choice(["", text[a:b] * 2, chance.choice(WORDS), chance.choice(WORDS) + text[a:b]])
        text = text[:a] + new + text[b:]
    answered(text)


@thorough()
@given(st.text(st.sampled_from("()[]{}\"'#\nabr. =:,let term 1\\"), max_size=60))
def test_the_forgiving_look_loses_nothing(text: str) -> None:
    words = Sketch(text).words
    kept = "".join(word.text for word in words)
    left = re.sub(r"[ \t\r\n\ufeff]", "", re.sub(r"#[^\n]*", "", text))
    assert all(text[w.start : w.end] == w.text for w in words)
    assert len(re.sub(r"[ \t\r\n\ufeff]", "", kept)) >= len(left) - text.count("#") * len(text)


def repeated(line: str, start: int, stop: int) -> str:
    """A line for each number `{i}`, the number before it `{h}`."""
    return "".join(line.format(i=i, h=i - 1) + "\n" for i in range(start, stop))


#: hostile files, each with a code that it must get (`None` where it is sound)
HOSTILE: dict[str, tuple[str, str | None]] = {
    "parentheses": ("let a = " + "(" * 99_990 + "1" + ")" * 99_990, None),
    "open parentheses": ("let a = " + "(" * 199_000, "RK0101"),
    "brackets": ("let a = " + "[" * 40_000 + "]" * 40_000, "RK0106"),
    "braces": ("{" * 200_000, "RK0101"),
    "closing brackets": (")" * 200_000, "RK0101"),
    "if": ("let a = " + "if true then 1 else " * 9_000 + "1", "RK0106"),
    "not": ("let a = " + "not " * 49_000 + "true", "RK0106"),
    "minus": ("let a = " + "-" * 60_000 + "1", "RK0106"),
    "index": ("let a = x" + "[0]" * 15_000, "RK0106"),
    "fields": ("let a = x" + ".a" * 30_000, "RK0106"),
    "calls": ("let a = " + "f(" * 15_000 + "x" + ")" * 15_000, "RK0106"),
    "called calls": ("let a = f" + "()" * 20_000, "RK0107"),
    "lists of lists": ("input a: " + "list[" * 30_000 + "int" + "]" * 30_000, "RK0106"),
    "long chain": ("let a = " + " + ".join("1" for _ in range(15_000)), "RK0106"),
    "long or": ("let a = " + " or ".join("true" for _ in range(30_000)), "RK0108"),
    "fallbacks": ("let a = " + " ?? ".join("1" for _ in range(30_000)), "RK0106"),
    "one long line": ("let a = 1 " * 18_000, "RK0108"),
    "one long name": ("let " + "a" * 199_000 + " = 1", None),
    "one long number": ("let a = " + "9" * 199_000, "RK0105"),
    "one long text": ('let a = "' + "x" * 199_000 + '"', None),
    "one long comment": ("let a = 1 #" + "x" * 199_000, None),
    "an open text": ('let a = "' + "x" * 199_000, "RK0102"),
    "an open long text": ('let a = """' + 'x"' * 90_000, "RK0102"),
    "quotes": ('"' * 199_999, "RK0101"),
    "backslashes": ('let a = "' + "\\" * 199_000 + '"', None),
    "many statements": (repeated("let a{i} = completion.words + {i}", 0, 3_900), None),
    "too many statements": ("let a = 1\n" * 20_000, "RK0108"),
    "far too many parts": ("let a = [" + "1, " * 25_000 + "1]", "RK0108"),
    "too long": ("#" * 200_001, "RK0108"),
    "keywords": (" ".join(sorted(KEYWORDS)) * 800, "RK0101"),
    "statements without a body": ("let\n" * 49_000, "RK0101"),
    "every line wrong": ("let a = = 1\n" * 16_000, "RK0101"),
    "unknown names": (repeated("let a{i} = b{i}", 0, 6_000), "RK0201"),
    "doubled lets": (
        "let a0 = true\n" + repeated("let a{i} = a{h} and a{h}", 1, 1_000) + "term t when a999 = 1", None
    ),
    "long chain of lets": ("let a0 = 1\n" + repeated("let a{i} = a{h} + 1", 1, 4_000), None),
    "growing numbers": ("let a0 = 3.7\n" + repeated("let a{i} = a{h} * a{h}", 1, 300), None),
    "shrinking numbers": ("let a0 = 0.3\n" + repeated("let a{i} = a{h} * a{h}", 1, 300), None),
    "one circle": (repeated("let a{i} = a{h}", 1, 4_000) + "let a0 = a3999", "RK0203"),
    "many circles": (repeated("let a{i} = a{i}", 0, 6_000), "RK0203"),
    "many skips": (repeated("input a{i}: text? skip when a{i} == null", 0, 2_000), None),
    "many tests": (
        "term a = completion.words\n"
        + repeated('test "{i}" {{ sample s {{ completion.text = "a" }} expect s.a == 1 }}', 0, 1_500), None
    ),
    "unseen characters": ("\u200b\u202e\x00\x07" * 50_000, "RK0101"),
    "lone surrogates": ('let a = "\ud800"\nlet b = \udfff', "RK0101"),
    "wide characters": ('let a = "漢字漢字" + 1', "RK0401"),
    "carriage returns": ("let a = 1\r\nlet b = = 2\r\nlet c = d\r\n", "RK0101"),
    "only carriage returns": ("let a = 1\rlet b = = 2", "RK0101"),
    "a NUL": ("let a = 1\x00", "RK0101"),
    "no end of line": ("term a = 1 # remark", None),
    "nothing": ("", "RK0001"),
    "white space": (" \t\r\n\ufeff\n", "RK0001"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name: str) -> None:
    text, code = HOSTILE[name]
    began = time.perf_counter()
    found = answered(text)
    assert time.perf_counter() - began < 60  # bounded: a hang is told as one, a busy machine is not
    assert (code in {d.code for d in found}) if code else [d for d in found if d.is_error] == []


def test_no_more_errors_than_anyone_reads() -> None:
    text, _ = HOSTILE["unknown names"]
    assert len(answered(text)) == 100
