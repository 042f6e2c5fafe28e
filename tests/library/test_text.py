import re
import time
import unicodedata

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from library_calls import call, call_literal, run_example
from rapidfuzz.distance import Levenshtein

from rewardkit.library import buffers, measures, ngrams, scripts
from rewardkit.library.patterns import check_pattern, check_pattern_without_groups, looks_far
from rewardkit.library.text import FUNCTIONS, LONGEST_LOOK

F = {function.name: function for function in FUNCTIONS}
EXAMPLES = [(f, e) for f in FUNCTIONS for e in f.examples]

#: few letters, so that pieces are found; white space and characters of every UTF-8 width
CLOSE = st.text(alphabet="aA b\n\t\u00a0\u2003\u3000\x85\x1céあ中😀Σ.", max_size=40)
ANY = st.one_of(CLOSE, st.text(max_size=40))
ROWS = st.lists(st.one_of(st.none(), ANY), min_size=1, max_size=8)
PIECE = st.text(alphabet="aA b\né中", max_size=3)

WHITE = set("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000") | {
    chr(c) for c in range(0x2000, 0x200B)
}


def words(text):
    """As `str.split`, by Unicode's White_Space alone."""
    return "".join("\n" if c in WHITE else "x" if c.isspace() else c for c in text).split("\n")


def split(text):
    return [word for word in words(text) if word]


def known(text):
    """Whether this Python's tables know every character: those of the engine may be newer."""
    return all(unicodedata.category(c) != "Cn" for c in text)


def each(rows, f):
    return [None if row is None else f(row) for row in rows]


@pytest.mark.parametrize(("function", "example"), EXAMPLES, ids=[e.call for _, e in EXAMPLES])
def test_examples(function, example):
    assert run_example(F, example.call) == (
        pytest.approx(example.value) if isinstance(example.value, float) else example.value
    )


def test_every_function_has_an_example():
    assert all(function.examples and function.summary for function in FUNCTIONS)


# --- literal pieces ----------------------------------------------------------------------------------


@given(ROWS, PIECE)
def test_contains_and_count(rows, piece):
    assert call_rows("text.contains", rows, piece) == each(rows, lambda x: bool(piece) and piece in x)
    assert call_rows("text.count", rows, piece) == each(rows, lambda x: x.count(piece) if piece else 0)


@given(ROWS, PIECE, st.booleans())
def test_before_and_after(rows, piece, last):
    def parts(x):
        if not piece or piece not in x:
            return None, None
        before, _, after = x.rpartition(piece) if last else x.partition(piece)
        return before, after

    assert call_rows("text.before", rows, piece, last=last) == each(rows, lambda x: parts(x)[0])
    assert call_rows("text.after", rows, piece, last=last) == each(rows, lambda x: parts(x)[1])


@given(ROWS, PIECE, PIECE)
def test_between(rows, left, right):
    def between(x):
        if not left or not right or left not in x:
            return None
        rest = x.partition(left)[2]
        return rest.partition(right)[0] if right in rest else None

    assert call_rows("text.between", rows, left, right) == each(rows, between)


def call_rows(name, rows, *pieces, **constants):
    """With the pieces as a constant, as a column and for a constant text: all the same."""
    function = F[name]
    as_columns = call(function, rows, *([piece] * len(rows) for piece in pieces), **constants)
    frame = pl.DataFrame({"x": pl.Series(rows, dtype=pl.String)})
    with_literals = function.implementation(pl.col("x"), *map(pl.lit, pieces), **constants)
    assert frame.select(y=with_literals)["y"].to_list() == as_columns
    assert (
        call_literal(function, rows[0] or "", *pieces, **constants)
        == call(function, [rows[0] or ""], *([piece] for piece in pieces), **constants)[0]
    )
    return as_columns


@given(st.lists(st.tuples(ANY, st.one_of(st.none(), PIECE)), min_size=1, max_size=6), ANY)
def test_pieces_of_the_row(pairs, text):
    rows, pieces = map(list, zip(*pairs, strict=True))
    counts = [None if p is None else x.count(p) if p else 0 for x, p in pairs]
    assert call(F["text.count"], rows, pieces) == counts
    assert call(F["text.contains"], rows, pieces) == [None if c is None else c > 0 for c in counts]
    frame = pl.DataFrame({"p": pl.Series(pieces, dtype=pl.String)})
    for name in ("text.count", "text.contains", "text.before", "text.after"):
        in_one_text = F[name].implementation(pl.lit(text), pl.col("p"))
        assert frame.select(y=in_one_text)["y"].to_list() == call(F[name], [text] * len(pieces), pieces)


@given(ROWS, st.lists(PIECE, min_size=1, max_size=3))
def test_one_of(rows, choices):
    assert call(F["text.one_of"], rows, choices=tuple(choices)) == each(rows, lambda x: x in choices)


# --- patterns ----------------------------------------------------------------------------------------


@given(ROWS)
def test_patterns(rows):
    for pattern in (r"a+", r"[ab] (.)", r"a(b)?", r"^\S", "é|中"):
        found = each(rows, lambda x, p=pattern: re.search(p.replace(r"\S", "[^" + "".join(WHITE) + "]"), x))
        assert call(F["text.matches"], rows, pattern=pattern) == [
            None if row is None else match is not None for row, match in zip(rows, found, strict=True)
        ]
        assert call(F["text.find"], rows, pattern=pattern) == [
            match and match[min(match.re.groups, 1)] for match in found
        ]
    assert call(F["text.find_all"], rows, pattern="a+b?") == each(rows, lambda x: re.findall("a+b?", x))


@pytest.mark.parametrize(
    ("pattern", "message", "offset"),
    [
        ("a(b", "unclosed group", 1),
        ("é\\q", "unrecognized escape sequence", 1),
        ("[z-a]", "invalid character class range", 1),
        ("^^^(", "unclosed group", 3),
        ("x(?=y)", "look-around", 1),
        ("a\nb(c", "unclosed group", 3),
        ("1: \n2: \n(?P<n>", "unclosed group", 8),
        (r"\p{Foo}", "Unicode property not found", 0),
    ],
)
def test_what_is_wrong_with_a_pattern(pattern, message, offset):
    assert check_pattern(pattern) == (message, offset)


def test_patterns_that_are_too_large():
    assert "2001 characters" in check_pattern("a" * 2001)
    assert "too large" in check_pattern("a{1000}{1000}{1000}")


@given(st.text(alphabet="ab()[]{}\\^$*+?|.-,0\n :", max_size=20))
def test_a_pattern_is_refused_in_words_or_works(pattern):
    problem = check_pattern(pattern)
    if problem is None:
        call(F["text.find"], ["ab", None], pattern=pattern)
    else:
        message, offset = problem if isinstance(problem, tuple) else (problem, 0)
        assert message and "\n" not in message and 0 <= offset <= len(pattern)


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [("ab(c)", 2), (r"\([(](?:x)(?i)(?P<n>y)", 14), ("(?<n>y)", 0), (r"(?:\(a|[(])", None)],
)
def test_whole_matches_want_no_group(pattern, offset):
    problem = check_pattern_without_groups(pattern)
    assert problem is None if offset is None else problem[1] == offset


@pytest.mark.parametrize(
    ("pattern", "far"),
    [
        (r"\d+", False),
        (r"(?s)a.*b", False),
        (r"-?\d+(?:\.\d+)?", False),
        (r"\d{1,3}(?:,\d{3})*(?:\.\d+)?%?|none", False),
        (r"[a|b)+*]+|[]x]|\||\)+", False),
        (r"a{2}b{1,9}c|\p{Han}+?", False),
        (r"(?i)first|second|(?i:\n-)", False),
        (r"(?s)a.*b|a", True),
        (r"\d+\.|\d", True),
        (r"(?:\d+,)*\d", True),
        (r"a(?:b{2,}c)?", True),
        (r"(?:(?:.*|a)b|a)", True),
        (r"a+$|a", True),
        (r"[[a]--[b]]+?x|y", True),
        (r"(?x)a+ | b", True),
    ],
)
def test_patterns_that_look_far(pattern, far):
    assert check_pattern_without_groups(pattern) is None
    assert looks_far(pattern) is far
    rows = ["a" * LONGEST_LOOK + "é", "a1b", None]
    if not far:
        assert call(F["text.find_all"], rows, pattern=pattern)[0] is not None
        assert call(F["text.find_all"], ["a1" * LONG], pattern=pattern) != [None]
    else:
        assert call(F["text.find_all"], rows, pattern=pattern)[0] is None
    assert call(F["text.find_all"], rows, pattern=pattern)[1:] == [
        pl.Series(["a1b"]).str.extract_all(pattern).to_list()[0],
        None,
    ]


@given(st.text(alphabet="ab()[]{}\\^$*+?|.-,1 :", max_size=20))
@settings(max_examples=500)
def test_every_pattern_can_be_looked_through(pattern):
    if check_pattern_without_groups(pattern) is None:
        assert looks_far(pattern) in (True, False)
        if not set("*+{") & set(pattern):
            assert not looks_far(pattern)


# --- whole texts -------------------------------------------------------------------------------------


@given(ROWS)
def test_lower_and_strip(rows):
    rows = [row if row is None or known(row) else "" for row in rows]
    assert call(F["text.lower"], rows) == each(rows, str.lower)
    assert call(F["text.strip"], rows) == each(rows, lambda x: x.strip("".join(WHITE)))


@given(ROWS)
@example(["a\r\nb\r\n", "\n", "", "a\n\n", "\r"])
def test_lines(rows):
    def lines(x):
        return [line.removesuffix("\r") for line in x.removesuffix("\n").split("\n")] if x else []

    assert call(F["text.lines"], rows) == each(rows, lines)
    assert measured(measures.lines, rows) == each(rows, lambda x: len(lines(x)))


@given(ROWS)
@settings(max_examples=300)
def test_words_and_chars(rows):
    assert measured(measures.words, rows) == each(rows, lambda x: len(split(x)))
    assert measured(measures.chars, rows) == each(rows, len)
    plain = each(rows, lambda x: x.translate(dict.fromkeys(range(28, 32))))
    assert measured(measures.words, plain) == each(plain, lambda x: len(x.split()))


@given(st.lists(st.one_of(st.none(), ANY), max_size=4), st.integers(4, 9))
def test_long_rows_are_measured_in_slices(rows, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buffers, "BLOCK", 1)
        for module in (buffers, measures, scripts):
            patch.setattr(module, "SLICE", size)
        sliced = measured(measures.words, rows), call(F["text.script_share"], rows, script="Latin")
    assert sliced == (measured(measures.words, rows), call(F["text.script_share"], rows, script="Latin"))


def measured(measure, rows):
    frame = pl.DataFrame({"x": pl.Series(rows, dtype=pl.String)})
    return frame.select(y=measure(pl.col("x")))["y"].to_list()


def test_measures_of_no_rows():
    assert measured(measures.words, []) == measured(measures.chars, []) == measured(measures.lines, []) == []


def test_every_white_space_character():
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    assert measured(measures.words, ["a" + c + "b" for c in characters]) == [
        1 + (c in WHITE) for c in characters
    ]


@given(ANY, ANY)
def test_similarity(a, b):
    longer = max(len(a), len(b), 1)
    expected = 1 - Levenshtein.distance(a, b) / longer
    assert call(F["text.similarity"], [a], [b]) == [pytest.approx(expected)]


def test_similarity_is_bounded():
    with pytest.raises(ValueError, match="too long"):
        call(F["text.similarity"], ["ab" * 50_000], ["ba" * 50_000])


# --- repetition --------------------------------------------------------------------------------------


def repetition(text, n):
    found = split(text.lower())
    grams = list(zip(*(found[i:] for i in range(n)), strict=False))
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


VOCABULARY = [
    "a",
    "A",
    "b",
    "longword",
    "longword2",
    "longwor",
    "exactly8",
    "Exactly8",
    "x" * 63,
    "x" * 64,
    "x" * 80,
    "x" * 81,
]
REPEATED = st.lists(
    st.sampled_from(
        [
            *VOCABULARY,
            "é",
            "éa",
            "中文字",
            "中文字符",
            "\0",
            "a\0",
            "a\0\0",
            "sixteenletters16",
            "sixteenletters17",
        ]
    ),
    max_size=60,
)


@given(
    st.lists(st.one_of(st.none(), CLOSE, REPEATED.map(" ".join)), min_size=1, max_size=8), st.integers(1, 9)
)
@settings(max_examples=300)
def test_repetition(rows, n):
    assert call(F["text.repetition"], rows, n=n) == each(rows, lambda x: repetition(x, n))


def test_repetition_over_many_blocks(monkeypatch):
    monkeypatch.setattr(buffers, "BLOCK", 500)
    random = np.random.default_rng(5)
    rows = [" ".join(random.choice(VOCABULARY, random.integers(0, 200))) for _ in range(300)]
    for n in (1, 2, 3, 40):
        assert call(F["text.repetition"], rows, n=n) == [repetition(row, n) for row in rows]


def test_words_that_share_every_hash_are_still_told_apart(monkeypatch):
    """With multipliers of 0 every word meets every other one in the same slot."""
    monkeypatch.setattr(ngrams, "_slots", lambda columns, bits: np.zeros(len(columns[0]), np.int64))
    rows = ["a b c a b c d", "longword longword2 longword longword2 longword"]
    assert call(F["text.repetition"], rows, n=2) == [repetition(row, 2) for row in rows]


# --- scripts -----------------------------------------------------------------------------------------


@given(
    st.lists(
        st.one_of(st.none(), st.text(alphabet="aZé 1.中文ひカдЖ𝒳𠀀\n", max_size=30)), min_size=1, max_size=5
    )
)
def test_script_share(rows):
    names = {"Latin": "LATIN", "Han": "CJK", "Cyrillic": "CYRILLIC", "Hiragana": "HIRAGANA"}
    for script, prefix in names.items():

        def share(x, prefix=prefix):
            letters = [unicodedata.name(c) for c in x if c.isalpha()]
            return sum(name.startswith(prefix) for name in letters) / max(len(letters), 1)

        assert call(F["text.script_share"], rows, script=script) == each(rows, share)


def test_script_names():
    check = F["text.script_share"].parameters[1].check
    assert check("Latin") is None and check("Han") is None
    assert "`Klingon`" in check("Klingon") and check("L]") and check("") and check("Nd")


# --- hostile text ------------------------------------------------------------------------------------

LONG = 1_000_000


@pytest.mark.parametrize(
    ("name", "text", "constants"),
    [
        ("text.matches", "a" * LONG + "b", {"pattern": "(a+)+$"}),
        ("text.find", "a" * LONG, {"pattern": "(a|aa)+$"}),
        ("text.find_all", "ab" * (LONG // 2), {"pattern": "(?:a|b|ab)"}),
        ("text.find_all", "a" * LONG, {"pattern": "(?s)a.*b|a"}),
        ("text.repetition", "a " * (LONG // 2), {"n": 3}),
        ("text.repetition", "x" * LONG, {"n": 3}),
        ("text.repetition", " ".join(str(i) * 20 for i in range(10_000)), {"n": 3}),
        ("text.script_share", "中" * LONG, {"script": "Han"}),
        ("text.lines", "\n" * LONG, {}),
        ("text.lower", "Σ" * LONG, {}),
    ],
)
def test_time_is_linear(name, text, constants):
    begun = time.perf_counter()
    call(F[name], [text, "short", None], **constants)
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize("name", ["text.count", "text.contains", "text.before", "text.after"])
@pytest.mark.parametrize("last", [False, True])
def test_searching_is_linear(name, last):
    constants = {"last": True} if last and name in ("text.before", "text.after") else {}
    begun = time.perf_counter()
    call(F[name], ["a" * LONG], ["a" * (LONG // 2) + "b"], **constants)
    call(F[name], ["a" * LONG], ["b" + "a" * (LONG // 2)], **constants)
    assert time.perf_counter() - begun < 5
