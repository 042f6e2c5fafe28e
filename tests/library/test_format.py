import json
import re
import time
import unicodedata

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from library_calls import call, run_example

from rewardkit.library.format import FUNCTIONS

F = {function.name: function for function in FUNCTIONS}
EXAMPLES = [(f, e) for f in FUNCTIONS for e in f.examples]
NAMES = ("think", "answer")

#: letters and symbols that show nothing
INVISIBLE = "\u115f\u1160\u3164\uffa0\u2800\ufffc"

#: pieces of completions that are nearly well formed
PIECES = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "<c>",
        "</c>",
        " ",
        "\n",
        "\u200b",
        "\u3000",
        *INVISIBLE,
        "x",
        "é 中",
        "<",
        "</",
    ]
)
GOOD = "<think>a</think><answer>b</answer>"


@st.composite
def completions(draw):
    """Either pieces in any order, or a good one with a few pieces put in or taken out."""
    if draw(st.booleans()):
        return "".join(draw(st.lists(PIECES, max_size=14)))
    parts = re.findall(r"<[^>]*>|[^<]+", GOOD)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(parts) - 1))
        parts[at : at + draw(st.integers(0, 1))] = [draw(PIECES)]
    return "".join(parts)


ROWS = st.lists(st.one_of(st.none(), completions()), min_size=1, max_size=8)


def each(rows, f):
    return [None if row is None else f(row) for row in rows]


def has_body(text):
    return any(unicodedata.category(c)[0] in "LNPS" and c not in INVISIBLE for c in text)


def tags(text, names=NAMES):
    """The rule in plain steps: take the text apart from the left, and leave nothing over."""
    for name in names:
        if text.count(f"<{name}>") != 1 or text.count(f"</{name}>") != 1:
            return False
    for name in names:
        before, _, rest = text.partition(f"<{name}>")
        body, closed, text = rest.partition(f"</{name}>")
        inside = any(tag in body for other in names for tag in (f"<{other}>", f"</{other}>"))
        if before.strip() or not closed or inside or not has_body(body):
            return False
    return not text.strip()


@pytest.mark.parametrize(("function", "example"), EXAMPLES, ids=[e.call for _, e in EXAMPLES])
def test_examples(function, example):
    assert run_example(F, example.call) == example.value


@given(ROWS)
@settings(max_examples=400)
def test_tags(rows):
    assert call(F["format.tags"], rows, names=NAMES) == each(rows, tags)
    assert call(F["format.tags"], rows, names=("think",)) == each(rows, lambda x: tags(x, ("think",)))


@given(st.permutations(["<a>x</a>", "<b>x</b>", "<c>x</c>", "<d>x</d>"]), st.permutations(range(8)))
def test_tags_keep_their_order(blocks, order):
    names = ("a", "b", "c", "d")
    shuffled = [tag for name in names for tag in (f"<{name}>x", f"</{name}>")]
    rows = ["".join(blocks), "".join(shuffled[i] for i in order), "".join(shuffled)]
    assert call(F["format.tags"], rows, names=names) == [tags(row, names) for row in rows]


def test_tags_in_a_circle():
    """Every neighbour is right, and the order is not."""
    text = "<a>1</b><c>2</a><b>3</c>"
    assert call(F["format.tags"], [text], names=("a", "b", "c")) == [False]
    text = "<a>1</c><d>2</b><c>3</a><b>4</d>"
    assert call(F["format.tags"], [text], names=("a", "b", "c", "d")) == [False]


@pytest.mark.parametrize(
    "hack",
    [
        "<think></think><answer>4</answer>",
        "<think> \n\u200b\u00ad</think><answer>4</answer>",
        "<think>so</think><answer></answer>",
        "<think>so</think><answer>4</answer>junk",
        "<think>so</think>\n<answer>4</answer>\njunk\n</answer>",
        "junk<think>so</think><answer>4</answer>",
        "<think>so</think>junk<answer>4</answer>",
        "<think>so</think><answer>4</answer><answer>5</answer>",
        "<think>so</think><think>so</think><answer>4</answer>",
        "<think>so<answer>3</answer></think><answer>4</answer>",
        "<think>so<answer>4</answer></think>",
        "<answer>4</answer><think>so</think>",
        "</think>so<think></answer>4<answer>",
        "<think>so<think></think><answer>4</answer>",
        "<think>so</think><answer>4",
        "<THINK>so</THINK><answer>4</answer>",
        "< think>so</think><answer>4</answer>",
        "<think >so</think><answer>4</answer>",
        "<think>so</think><answer>4</answer>\u200b",
        "",
    ],
)
def test_hacks_earn_nothing(hack):
    assert call(F["format.tags"], [hack], names=NAMES) == [False]


@pytest.mark.parametrize("filler", [*INVISIBLE, "\u034f", "\u180e", "\ufe0f", "\U000e0041"])
def test_what_cannot_be_seen_is_no_body(filler):
    rows = [f"<think>{body}</think>" for body in (filler * 3, f" {filler}\n{filler}", f"{filler}a")]
    assert call(F["format.tags"], rows, names=("think",)) == [False, False, True]


def test_well_formed():
    rows = [
        GOOD,
        f"\n {GOOD} \u3000\n",
        "<think>a < b</think>\n\n<answer>\n\\boxed{4}\n</answer>",
        "<think>?</think><answer>∞</answer>",
    ]
    assert call(F["format.tags"], rows, names=NAMES) == [True] * 4


@given(ROWS)
def test_tag(rows):
    def tag(text):
        if text.count("<answer>") != 1 or text.count("</answer>") != 1:
            return None
        body, closed, _ = text.partition("<answer>")[2].partition("</answer>")
        return body.strip() if closed else None

    assert call(F["format.tag"], rows, name="answer") == each(rows, tag)


@given(ROWS)
def test_tag_count(rows):
    def share(text):
        return sum(text.count(t) == 1 for n in NAMES for t in (f"<{n}>", f"</{n}>")) / 4

    assert call(F["format.tag_count"], rows, names=NAMES) == each(rows, share)


@pytest.mark.parametrize(
    "names", [(), ("a", "a"), ("<a>",), ("a b",), ("",), ("é",), ("1",), ("a",) * 20, ("a\n",)]
)
def test_names_that_are_refused(names):
    assert F["format.tags"].parameters[1].check(names)


def test_names_that_are_taken():
    assert F["format.tags"].parameters[1].check(("think", "tool_call", "a-b", "ns.x")) is None


# --- code blocks -------------------------------------------------------------------------------------


def code_block(text, language):
    """Line by line, as CommonMark reads fences."""
    found, opened, code = None, None, []
    for line in text.split("\n"):
        bare = line.lstrip(" ")
        ticks = len(bare) - len(bare.lstrip("`"))
        info = bare[ticks:]
        fence = len(line) - len(bare) <= 3 and ticks >= 3 and "`" not in info
        if opened is None:
            if fence:
                opened, code = (ticks, (info.split() or [""])[0].lower()), []
        elif fence and ticks >= opened[0] and not info.strip():
            if language in ("", opened[1]):
                found = "\n".join(code).removesuffix("\r")
            opened = None
        else:
            code.append(line)
    return None if opened else found


FENCED = st.lists(
    st.sampled_from(
        [
            "```",
            "````",
            "```python",
            "```py x",
            "  ```",
            "    ```",
            "``",
            "x = 1",
            "",
            " ",
            "```a`",
            "é",
            "``` \r",
            "x = 2\r",
        ]
    ),
    max_size=12,
).map("\n".join)


@given(FENCED, st.sampled_from(["", "python"]))
@settings(max_examples=400)
def test_code_block(text, language):
    assert call(F["format.code_block"], [text], language=language) == [code_block(text, language)]


def test_code_block_in_words():
    text = "First\n```python\na = 1\n```\nthen\n```Python title\nb = 2\n\nc = 3\n```\nand\n```js\nd\n```\n"
    assert call(F["format.code_block"], [text], language="python") == ["b = 2\n\nc = 3"]
    assert call(F["format.code_block"], [text]) == ["d"]
    assert call(F["format.code_block"], [text + "```python\nlost"], language="python") == [None]
    assert call(F["format.code_block"], ["```\n```"]) == [""]
    assert call(F["format.code_block"], ["no code"]) == [None]
    assert call(F["format.code_block"], ["```py\r\nx=1\r\n```"], language="py") == ["x=1"]
    assert call(F["format.code_block"], ["```\r\nx=1\r\ny=2\r\n```\r\n"]) == ["x=1\r\ny=2"]


# --- JSON --------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


@given(VALUES, st.sampled_from(["", " ", "\n\t "]))
def test_json_values(value, around):
    text = around + json.dumps(value) + around
    assert call(F["format.json"], [text, text + "x", "x" + text]) == [True, False, False]


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "NaN", "-Infinity", "1e999", "{'a': 1}", "[1,]", '{"a": 1, "a": 2}', "01", '"\n"', "[1] [2]",
        "\ufeff1", '"\\ud800"', "[" * 1_000_000, "[" * 100 + "]" * 100, "9" * 1_000_000, '{"a":' * 500_000,
    ],
)  # fmt: skip
def test_what_is_not_json(text):
    begun = time.perf_counter()
    assert call(F["format.json"], [text]) == [False]
    assert time.perf_counter() - begun < 5


# --- hostile text ------------------------------------------------------------------------------------

LONG = 1_000_000


@pytest.mark.parametrize(
    "piece",
    ["<think>", "</think>", "<", "</think> ", " ", "<think></think>", "`", "```\n", "```a\n", "\n   "],
)
def test_time_is_linear(piece):
    text = (piece * LONG)[:LONG]
    begun = time.perf_counter()
    call(F["format.tags"], [text, None], names=NAMES)
    call(F["format.tag"], [text, None], name="think")
    call(F["format.tag_count"], [text, None], names=NAMES)
    call(F["format.code_block"], [text])
    call(F["format.json"], [text])
    assert time.perf_counter() - begun < 5
