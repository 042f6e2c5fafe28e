from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import read, value

from rewardkit.checker.builtins import COLUMNS
from rewardkit.diagnostics import Collector, Source
from rewardkit.language import parse
from rewardkit.language import tree as t
from rewardkit.language.grammar import build, grammar_text, parser
from rewardkit.language.sketch import KEYWORDS, STATEMENTS, Sketch

SINK = (Path(__file__).parent / "kitchen_sink.txt").read_text()


def test_the_grammar_has_no_conflicts() -> None:
    assert build(strict=True).parse(SINK) == parser().parse(SINK)


def test_the_kitchen_sink_holds_every_statement() -> None:
    module = read(SINK)
    kinds = {type(s).__name__.lower() for s in module.statements}
    assert kinds == set(STATEMENTS)
    claims = {(s.form, s.scope) for s in module.statements if isinstance(s, t.Prove)}
    assert claims == {
        ("outranks", "reward"), ("outranks", "term"), ("outranks", "advantage"), ("direction", "reward"),
        ("range", "reward"), ("condition", "reward"),
    }  # fmt: skip
    (test,) = (s for s in module.statements if isinstance(s, t.Test))
    assert {type(item) for item in test.items} == {t.Sample, t.Group, t.Mock, t.Expect, t.Rows}


def test_statements_begin_where_the_forgiving_look_says() -> None:
    assert Sketch(SINK).starts == [s.span.start for s in read(SINK).statements]


def test_keywords_are_those_of_the_grammar() -> None:
    names = re.search(r"^NAME: /\(\?!\(\?:([a-z|]+)\)", grammar_text(), re.MULTILINE)
    assert names is not None
    assert set(names[1].split("|")) == KEYWORDS


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_every_word_is_free_after_a_dot_and_as_an_argument(word: str) -> None:
    assert isinstance(value(f"a.{word}"), t.Field)
    assert isinstance(value(f"f({word}: 1)"), t.Call)
    assert isinstance(value(f"{word}x + {word}_"), t.Binary)


def test_words_of_other_languages_are_free() -> None:
    for word in ("format", "length", "math", "score", "prompt", "completion", "groups", "is", "lambda", "r"):
        read(f"let {word} = 1")


# --- newlines --------------------------------------------------------------------------------------


def without_comments(text: str) -> str:
    return re.sub(r"#[^\n]*", "", text)


def test_newlines_never_matter() -> None:
    one_line = re.sub(r'("""(?:[^"]|"(?!""))*""")|\s+', lambda m: m[1] or " ", without_comments(SINK))
    assert "\n" not in one_line.replace('two\n"lines"', "")
    assert read(one_line) == read(SINK)


def test_every_word_on_its_own_line() -> None:
    words = re.findall(r'"""(?:[^"]|"(?!""))*"""|r"[^"\n]*"|"(?:[^"\\\n]|\\.)*"|\S+', without_comments(SINK))
    assert read("\n".join(words)) == read(SINK)


@pytest.mark.parametrize("ending", ["\r\n", "\n\n", "\n\t", "\n# remark\n"])
def test_line_endings_and_comments_never_matter(ending: str) -> None:
    parts = without_comments(SINK).split('"""')
    text = '"""'.join(part if i % 2 else part.replace("\n", ending) for i, part in enumerate(parts))
    assert read(text) == read(SINK)


def test_a_byte_order_mark_is_white_space() -> None:
    assert read("\ufeff" + SINK) == read(SINK)


# --- precedence --------------------------------------------------------------------------------------

#: operators from tightest to loosest; each row binds tighter than those below it
LEVELS = (("??",), ("*", "/"), ("+", "-"), ("==", "!=", "<", "<=", ">", ">="), ("and",), ("or",))
RANK = {operator: rank for rank, level in enumerate(LEVELS) for operator in level}


def grouped(node: t.Expr) -> str:
    """The expression with every operation in parentheses."""
    if isinstance(node, t.Binary):
        return f"({grouped(node.left)} {node.operator} {grouped(node.right)})"
    if isinstance(node, t.Unary):
        return f"({node.operator} {grouped(node.operand)})"
    if isinstance(node, t.If):
        return f"(if {grouped(node.condition)} then {grouped(node.then)} else {grouped(node.otherwise)})"
    if isinstance(node, t.Index):
        return f"{grouped(node.base)}[{grouped(node.index)}]"
    if isinstance(node, t.Call):
        text = f"{node.function}({', '.join(grouped(a.value) for a in node.arguments)})"
        return f"({text} over {node.over})" if node.over else text
    return node.span.text


def climbed(words: list[str], rank: int = len(LEVELS) - 1) -> str:
    """`words` (operands and operators in turn) with every operation in parentheses, by the table above."""
    if rank < 0:
        return words[0]
    at = [i for i in range(1, len(words), 2) if RANK[words[i]] == rank]
    if not at:
        return climbed(words, rank - 1)
    if LEVELS[rank] == ("??",):  # the only one that goes on to the right
        return f"({climbed(words[: at[0]], rank - 1)} ?? {climbed(words[at[0] + 1 :], rank)})"
    left = climbed(words[: at[-1]], rank)
    return f"({left} {words[at[-1]]} {climbed(words[at[-1] + 1 :], rank - 1)})"


@st.composite
def chains(draw: st.DrawFn) -> list[str]:
    words = [draw(st.sampled_from("abc"))]
    for _ in range(draw(st.integers(1, 8))):
        known = [o for o in RANK if RANK[o] != 3 or not _compares(words)]
        words += [draw(st.sampled_from(known)), draw(st.sampled_from("abc"))]
    return words


def _compares(words: list[str]) -> bool:
    """Whether the last condition of the chain compares already: comparisons do not chain."""
    for word in reversed(words):
        if RANK.get(word) == 3:
            return True
        if word in ("and", "or"):
            return False
    return False


@given(chains())
def test_operators_bind_as_the_table_says(words: list[str]) -> None:
    assert grouped(value(" ".join(words))) == climbed(words)


@given(chains())
def test_written_parentheses_change_nothing(words: list[str]) -> None:
    tree = value(" ".join(words))
    assert value(grouped(tree)) == tree


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("not a == b", "(not (a == b))"),
        ("not a and b", "((not a) and b)"),
        ("not not a", "(not (not a))"),
        ("- a * b", "((- a) * b)"),
        ("- a ?? b", "(- (a ?? b))"),
        ("a ?? - b ?? c", "(a ?? (- (b ?? c)))"),
        ("a - - b", "(a - (- b))"),
        ("a ?? false and b", "((a ?? false) and b)"),
        ("if a then b else c or d", "(if a then b else (c or d))"),
        ("if a then if b then c else d else e", "(if a then (if b then c else d) else e)"),
        ("min(a) over group ?? b", "((min(a) over group) ?? b)"),
        ("- min(a) over group + b", "((- (min(a) over group)) + b)"),
        ("xs[a + b] == c", "(xs[(a + b)] == c)"),
    ],
)
def test_precedence_of_the_rest(text: str, wanted: str) -> None:
    assert grouped(value(text)) == wanted


# --- literals ----------------------------------------------------------------------------------------


@given(st.integers(0, 10**18), st.integers(0, 8), st.sampled_from(["", "tok", "ch", "s"]))
def test_numbers_are_exact(digits: int, decimals: int, unit: str) -> None:
    from fractions import Fraction

    text = str(digits).rjust(decimals + 1, "0")
    text = f"{text[: len(text) - decimals]}.{text[len(text) - decimals :]}" if decimals else text
    node = value(text + unit)
    assert isinstance(node, t.Number)
    assert node.value == Fraction(digits, 10**decimals)
    assert node.whole == (decimals == 0)
    assert node.unit == {"": None, "tok": "tokens", "ch": "chars", "s": "seconds"}[unit]


PLAIN = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(PLAIN)
def test_plain_texts_round_trip(text: str) -> None:
    named = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t"}
    node = value('"' + "".join(named.get(c, c) for c in text) + '"')
    assert isinstance(node, t.Text)
    assert node.value == text


@given(PLAIN)
def test_numbered_characters_round_trip(text: str) -> None:
    node = value('"' + "".join(f"\\u{{{ord(c):x}}}" for c in text) + '"')
    assert isinstance(node, t.Text)
    assert node.value == text


@given(PLAIN)
def test_raw_texts_are_what_they_show(text: str) -> None:
    inner = text.replace('"', "'")
    assert value(f'"""{inner}"""') == t.Text(value("1").span, inner)
    if "\n" not in inner:
        assert value(f'r"{inner}"') == t.Text(value("1").span, inner)


@given(PLAIN)
def test_each_character_of_a_text_knows_its_place(text: str) -> None:
    named = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t"}
    node = value('"' + "".join(named.get(c, c) for c in text) + '"')
    assert isinstance(node, t.Text)
    assert node.offsets is not None
    written = node.span.text
    assert [written[o] for o in node.offsets] == ["\\" if c in named else c for c in text]


def test_the_columns_of_a_row_are_names() -> None:
    for path in COLUMNS:
        assert t.dotted(value(path)) == path


@pytest.mark.parametrize(
    "text", ["lettuce = 3", "termx = 1", "let x = a orb", "term x whenever = 1", "let x = notx and a andb"]
)
def test_a_keyword_ends_where_the_word_ends(text):
    found = Collector()
    parse(Source("t.rwd", text), found)
    assert found.has_errors


def test_words_that_begin_with_a_keyword_are_names():
    found = Collector()
    parse(
        Source(
            "t.rwd", "let lettuce = notx or order and iffy\nterm termx = (if inner then thenx else elsewhere)"
        ),
        found,
    )
    assert not found.has_errors
