"""What a failing expectation shows: the value of each part, under that part."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import ran, shown

from rewardkit.diagnostics import to_json
from rewardkit.diagnostics.figure import columns, draw

SPEC = """input x: int?
let tag = format.tag(completion.text, "a")
let calls = tools.parse(completion.text)
let n = x
def double(x: int) = x * 2
term t = x ?? 0
reward { t: 1 }
"""


def figure(expect: str, sample: str = 'x = 3  completion.text = "<a>é日本</a>"') -> list[str]:
    """The lines drawn below an expectation, from where the expectation begins."""
    (result,) = ran(f'{SPEC}test "t" {{ sample s {{ {sample} }}\nexpect {expect} }}')
    lines = shown(result).splitlines()
    start = next(i for i, line in enumerate(lines) if "expect" in line)
    offset = lines[start].index("expect") + len("expect ")
    return [line[offset:].rstrip() for line in lines[start + 1 :] if line[offset - 8 : offset - 7] != "="]


FIGURES = {
    "s.t * 2 == 4 and s.n > 1": """
        │   │   │        │   │
        3   6   false    3   true""",
    "s.t + 1 > 2 + 2 * 4": """
        │   │
        3   4""",
    "(s.t+1)*(s.n-1)==4": """
         │  │  │ │  │
         3  4  8 3  2""",
    "s.t == 4 or s.t + s.reward * s.n == 7": """
        │   │       │   │ │        │ │   │
        3   false   3   │ 3        9 3   false
                        12""",
    's.tag == "日本é" or s.t == 1': """
        │     │             │   │
        │     false         3   false
        "é日本\"""",
    "double(s.t) == 7": """
        │      │
        6      3""",
    "not (s.t > 2) or s.calls[0] != null": """
        │    │   │       │      │   │
        │    3   true    []     │   false
        false                   null""",
    "(s.n ?? 0) == 4": """
         │   │
         3   3""",
    "(if s.t > 4 then s.n else -s.n) == 3": """
         │  │   │        │        ││
         -3 3   false    3        │3
                                  -3""",
}


@pytest.mark.parametrize("expect", FIGURES)
def test_each_value_stands_under_its_part(expect):
    assert figure(expect) == [line[8:] for line in FIGURES[expect].splitlines()[1:]]


def test_several_lines_are_listed():
    (result,) = ran(f'{SPEC}test "t" {{ sample s {{ x = 3 completion.text = "" }} expect s.t ==\n  4 }}')
    assert "= note: `s.t` is 3" in shown(result) and "│" not in shown(result)


def test_a_very_long_line_is_listed():
    condition = " and ".join(["s.t == 3"] * 20 + ["s.t == 4"])
    (result,) = ran(f'{SPEC}test "t" {{ sample s {{ x = 3 completion.text = "" }} expect {condition} }}')
    assert "= note: `s.t == 4` is false" in shown(result) and "│" not in shown(result)


def test_values_are_in_json():
    (result,) = ran(f'{SPEC}test "t" {{ sample s {{ x = 3 completion.text = "" }} expect s.t == 4 }}')
    (value,) = to_json(result.failures[0])["values"]
    assert (value["text"], value["value"]) == ("s.t", "3")


def test_long_values_are_cut():
    text = f"<a>{'z' * 500}</a>"
    (result,) = ran(
        f'{SPEC}test "t" {{ sample s {{ x = 3 completion.text = "{text}" }} expect s.tag == null }}'
    )
    assert max(map(len, shown(result).splitlines())) < 700
    assert result.failures[0].values[0].value == '"' + "z" * 58 + "…"


PRINTABLE = st.characters(min_codepoint=32, max_codepoint=0x9FFF).filter(
    lambda c: unicodedata.category(c)[0] not in "CM"
)


@given(
    st.dictionaries(st.integers(0, 60), st.text(PRINTABLE, min_size=1, max_size=9), min_size=1, max_size=8)
)
def test_every_value_is_drawn_under_its_column(values):
    lines = draw(list(values.items()))
    assert lines
    grid = [cells(line) for line in lines]
    for column, value in values.items():
        rows = [i for i, row in enumerate(grid) if row[column : column + columns(value)] == cells(value)]
        # a line leads down to the value without a gap
        assert any(all(grid[k][column] == "│" for k in range(i)) for i in rows if i > 0)


def cells(text: str) -> list[str]:
    """A text by columns: a wide character stands in two."""
    return [part for c in text for part in (c, "")[: columns(c)]]


STATES = """input x: int
skip when x < 0
mask when x > 9
term t = x
reward { t: 1 }
"""


@pytest.mark.parametrize(
    "body", ["mid.masked", "low.masked", "mid.skipped", "high.skipped", "not low.skipped"]
)
def test_whether_a_sample_is_skipped_or_masked(body):
    samples = "sample low { x = -1 } sample mid { x = 5 } sample high { x = 10 }"
    holds = "expect low.skipped and high.masked and high.t == 10 and not mid.skipped and not mid.masked"
    right, wrong = ran(f'{STATES}test "a" {{ {samples} {holds} }} test "b" {{ {samples} expect {body} }}')
    assert right.passed and wrong.error is None and not wrong.passed


def test_a_let_or_term_of_that_name_is_itself():
    text = STATES + "let masked = x * 2\nterm skipped = x + 1\n"
    (result,) = ran(text + 'test "t" { sample s { x = 10 } expect s.masked == 20 and s.skipped == 11 }')
    assert result.passed
