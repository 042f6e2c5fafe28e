"""`text.*`: searching, cutting and measuring text. All of it is linear in the text but `similarity`

and some patterns of `find_all`, which are held to texts of a bounded length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rewardkit.library import measures
from rewardkit.library.buffers import per_row
from rewardkit.library.ngrams import repeated_share
from rewardkit.library.patterns import (
    LONGEST,
    check_pattern,
    check_pattern_without_groups,
    group_count,
    looks_far,
)
from rewardkit.library.scripts import check_script, share_of_letters
from rewardkit.types.function import Example, Function, Parameter
from rewardkit.types.interval import NON_NEGATIVE, UNIT, between
from rewardkit.types.types import BOOL, INT, REAL, TEXT, list_of

if TYPE_CHECKING:
    import polars as pl

#: Characters of one text times characters of the other, for `similarity`: some 20 ms of work
LARGEST_TABLE = 10**9

#: UTF-8 bytes of a text in which a pattern that looks far is searched for: some seconds at the worst
LONGEST_LOOK = 50_000

#: Bytes of a piece up to which a plain backward search is as good as linear
_SHORT = 64


# --- literal pieces ----------------------------------------------------------------------------------
#
# A short constant is left to the column engine, which searches fast but compiles every piece. Other
# pieces are searched row by row in bytes, where a match is the same: UTF-8 has no false ones.


def _contains(x: pl.Expr, piece: pl.Expr) -> pl.Expr:
    import polars as pl

    constant = _short_constant(piece)
    if constant:
        return x.str.contains(constant, literal=True)
    return _by_pair(x, piece, lambda x, piece: piece in x if piece else False, pl.Boolean)


def _count(x: pl.Expr, piece: pl.Expr) -> pl.Expr:
    import polars as pl

    constant = _short_constant(piece)
    if constant:
        # as a pattern: several times as fast as the engine's own literal count
        return x.str.count_matches(pl.escape_regex(constant)).cast(pl.Int64)
    return _by_pair(x, piece, lambda x, piece: x.count(piece) if piece else 0, pl.Int64)


def _at(x: pl.Expr, piece: pl.Expr, last: bool) -> pl.Expr:
    """The byte where `piece` starts in `x`, or null."""
    import polars as pl

    constant = _short_constant(piece)
    if constant and not last:
        return x.str.find(constant, literal=True).cast(pl.Int64)
    return _by_pair(x, piece, _last if last else _first, pl.Int64)


def _short_constant(text: pl.Expr) -> str | None:
    """The text of a literal that a pattern can hold."""
    import polars as pl

    if not text.meta.is_literal(allow_aliasing=True):
        return None
    value = pl.select(text).item()
    return value if isinstance(value, str) and len(value) <= LONGEST else None


def _by_pair(
    x: pl.Expr, piece: pl.Expr, search: Callable[[bytes, bytes], int | None], dtype: type[pl.DataType]
) -> pl.Expr:
    import polars as pl

    def apply(pairs: pl.Series) -> pl.Series:
        columns = (pairs.struct.field(name).to_list() for name in ("x", "piece"))
        found = (None if a is None or b is None else search(a, b) for a, b in zip(*columns, strict=True))
        return pl.Series(list(found), dtype=dtype)

    pair = pl.struct(x.cast(pl.Binary).alias("x"), piece.cast(pl.Binary).alias("piece"))
    return pair.map_batches(apply, return_dtype=dtype, is_elementwise=True)


def _first(x: bytes, piece: bytes) -> int | None:
    at = x.find(piece)
    return at if piece and at >= 0 else None


def _last(x: bytes, piece: bytes) -> int | None:
    if len(piece) <= _SHORT:
        at = x.rfind(piece)
        return at if piece and at >= 0 else None
    # Python searches forward in linear time, and backward only for short pieces
    behind = _first(x[::-1], piece[::-1])
    return None if behind is None else len(x) - behind - len(piece)


def before(x: pl.Expr, piece: pl.Expr, *, last: bool = False) -> pl.Expr:
    import polars as pl

    return x.cast(pl.Binary).bin.head(_at(x, piece, last)).cast(pl.String)


def after(x: pl.Expr, piece: pl.Expr, *, last: bool = False) -> pl.Expr:
    import polars as pl

    end = _at(x, piece, last) + piece.str.len_bytes()
    return x.cast(pl.Binary).bin.slice(end).cast(pl.String)


def _between(x: pl.Expr, left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return before(after(x, left), right)


def _one_of(x: pl.Expr, *, choices: tuple[str, ...]) -> pl.Expr:
    return x.is_in(list(choices))


def _check_choices(choices: tuple[str, ...]) -> str | None:
    return None if choices else "there is nothing to choose from"


# --- patterns ----------------------------------------------------------------------------------------


def _matches(x: pl.Expr, *, pattern: str) -> pl.Expr:
    return x.str.contains(pattern)


def _find(x: pl.Expr, *, pattern: str) -> pl.Expr:
    return x.str.extract(pattern, min(group_count(pattern), 1))


def _find_all(x: pl.Expr, *, pattern: str) -> pl.Expr:
    import polars as pl

    if looks_far(pattern):
        x = pl.when(x.str.len_bytes() <= LONGEST_LOOK).then(x)
    return x.str.extract_all(pattern)


# --- whole texts -------------------------------------------------------------------------------------


def _lower(x: pl.Expr) -> pl.Expr:
    return x.str.to_lowercase()


def _strip(x: pl.Expr) -> pl.Expr:
    return x.str.strip_chars()


def _lines(x: pl.Expr) -> pl.Expr:
    import polars as pl

    return x.str.split("\n").list.head(measures.lines(x)).list.eval(pl.element().str.strip_suffix("\r"))


def _similarity(a: str, b: str) -> float:
    from rapidfuzz.distance import Levenshtein

    if len(a) * len(b) > LARGEST_TABLE:
        raise ValueError(f"texts of {len(a)} and {len(b)} characters are too long to compare")
    return float(Levenshtein.normalized_similarity(a, b))


def _repetition(x: pl.Expr, *, n: int = 3) -> pl.Expr:
    import polars as pl

    return per_row(x.str.to_lowercase(), lambda block: repeated_share(block, n), pl.Float64)


def _script_share(x: pl.Expr, *, script: str) -> pl.Expr:
    import polars as pl

    return per_row(x, lambda block: share_of_letters(block, script), pl.Float64)


# --- declarations ------------------------------------------------------------------------------------

_X = Parameter("x", TEXT)
_PIECE = Parameter("piece", TEXT)
_LAST = Parameter("last", BOOL, default=False, constant=True)
_PATTERN = Parameter("pattern", TEXT, constant=True, check=check_pattern)
_WHOLE_PATTERN = Parameter("pattern", TEXT, constant=True, check=check_pattern_without_groups)
_EMPTY_PIECE = "An empty piece is found nowhere: an empty gold answer must not pay every row."

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "text.contains", (_X, _PIECE), BOOL, "whether `piece` occurs in `x`, letter by letter",
        "columns", _contains, doc=_EMPTY_PIECE,
        examples=(Example('text.contains("a.b", ".")', True), Example('text.contains("abc", "")', False)),
    ),
    Function(
        "text.count", (_X, _PIECE), INT, "how often `piece` occurs in `x`, without overlaps",
        "columns", _count, range=NON_NEGATIVE, doc=_EMPTY_PIECE,
        examples=(Example('text.count("aaa wait, wait", "wait")', 2), Example('text.count("aaa", "aa")', 1)),
    ),
    Function(
        "text.matches", (_X, _PATTERN), BOOL, "whether `pattern` matches anywhere in `x`",
        "columns", _matches,
        doc="`^` and `$` are the ends of the text; `(?m)` makes them those of a line, `(?s)` lets `.` "
        "match a newline.",
        examples=(Example(r'text.matches("so x = 42", r"= \d+$")', True),),
    ),
    Function(
        "text.find", (_X, _PATTERN), TEXT.nullable, "the first match of `pattern`, or of its first group",
        "columns", _find,
        doc="Null where the pattern does not match, or matches while its first group takes no part.",
        examples=(
            Example(r'text.find("a = 12, b = 7", r"\d+")', "12"),
            Example(r'text.find("a = 12, b = 7", r"b = (\d+)")', "7"),
            Example(r'text.find("none", r"\d+")', None),
        ),
    ),
    Function(
        "text.find_all", (_X, _WHOLE_PATTERN), list_of(TEXT), "every match of `pattern`, without overlaps",
        "columns", _find_all, faults=True,
        fails="the text has more than 50,000 bytes and the pattern may look far ahead for little",
        doc="Matches are whole, so the pattern may have no group but `(?:…)`. A pattern such as "
        "`(?s)a.*b|a` may look to the end of the text for each short match, which takes quadratic time: it "
        "fails on texts of more than 50,000 bytes. So does every pattern in which something must follow an "
        "unlimited repeat (`*`, `+`, `{2,}`), and which also has a `|` or a group that is repeated or "
        "optional. Give such a repeat a limit, `\\d{1,9}:`, and there is none on the text.",
        examples=(Example(r'text.find_all("3 + 4 = 7", r"\d")', ["3", "4", "7"]),),
    ),
    Function(
        "text.between", (_X, Parameter("left", TEXT), Parameter("right", TEXT)), TEXT.nullable,
        "what stands after the first `left` and before the first `right` after that",
        "columns", _between, doc="Null where either is missing. " + _EMPTY_PIECE,
        examples=(
            Example('text.between("f(x) and g(y)", "(", ")")', "x"),
            Example('text.between("f(x", "(", ")")', None),
        ),
    ),
    Function(
        "text.before", (_X, _PIECE, _LAST), TEXT.nullable,
        "what stands before the first `piece`, or the last",
        "columns", before, doc="Null where `piece` is missing. " + _EMPTY_PIECE,
        examples=(
            Example('text.before("a/b/c", "/")', "a"),
            Example('text.before("a/b/c", "/", last: true)', "a/b"),
            Example('text.before("abc", "/")', None),
        ),
    ),
    Function(
        "text.after", (_X, _PIECE, _LAST), TEXT.nullable,
        "what stands after the first `piece`, or the last",
        "columns", after, doc="Null where `piece` is missing. " + _EMPTY_PIECE,
        examples=(
            Example('text.after("a/b/c", "/")', "b/c"),
            Example('text.after("a/b/c", "/", last: true)', "c"),
            Example('text.after("abc", "/")', None),
        ),
    ),
    Function(
        "text.lower", (_X,), TEXT, "`x` in lower case, by Unicode", "columns", _lower,
        examples=(Example('text.lower("ÀB")', "àb"),),
    ),
    Function(
        "text.strip", (_X,), TEXT, "`x` without the Unicode white space around it", "columns", _strip,
        examples=(Example(r'text.strip("  a b\n")', "a b"),),
    ),
    Function(
        "text.lines", (_X,), list_of(TEXT), "the lines of `x`, as `.lines` counts them", "columns", _lines,
        doc="A line ends at a newline, with or without a carriage return before it; one at the end of the "
        "text starts no further line, and the empty text has none.",
        examples=(Example(r'text.lines("a\n\nb\n")', ["a", "", "b"]), Example('text.lines("")', [])),
    ),
    Function(
        "text.one_of",
        (_X, Parameter("choices", list_of(TEXT), constant=True, check=_check_choices)),
        BOOL, "whether `x` equals one of `choices`", "columns", _one_of,
        examples=(
            Example('text.one_of("B", ["A", "B"])', True),
            Example('text.one_of("b", ["A", "B"])', False),
        ),
    ),
    Function(
        "text.similarity", (Parameter("a", TEXT), Parameter("b", TEXT)), REAL,
        "how alike two texts are: 1 less their edit distance over the longer length",
        "inline", _similarity, range=UNIT, faults=True,
        fails="the product of the two lengths is above 10^9 characters",
        doc="Levenshtein distance over code points; two empty texts are alike. Time grows with the product "
        "of the lengths, hence the limit.",
        examples=(
            Example('text.similarity("kitten", "sitten")', 5 / 6),
            Example('text.similarity("", "")', 1.0),
        ),
    ),
    Function(
        "text.repetition",
        (_X, Parameter("n", INT, default=3, constant=True, range=between(1, 64))),
        REAL, "the share of word n-grams that repeat an earlier one: 0 none, near 1 nearly all",
        "columns", _repetition, range=UNIT,
        doc="`1 - distinct / all` over the n-grams of the lower-cased words between white space, as in Yeo "
        "et al. (2025), \"Demystifying Long Chain-of-Thought Reasoning\", and in open-r1 and TRL, where it "
        "is multiplied by a penalty of -1. Counted exactly; 0 with fewer than `n` words. Counting takes some "
        "100 bytes of memory for each word of the longest text.",
        examples=(
            Example('text.repetition("a b A b a b", n: 2)', 0.6),
            Example('text.repetition("one two")', 0.0),
        ),
    ),
    Function(
        "text.script_share",
        (_X, Parameter("script", TEXT, constant=True, check=check_script)),
        REAL, "the share of letters that belong to a Unicode script, such as `Latin` or `Han`",
        "columns", _script_share, range=UNIT,
        doc="Letters are Unicode's category L; digits, punctuation and marks do not count. 0 without any "
        "letter. A language-consistency reward where a language has a script of its own.",
        examples=(
            Example('text.script_share("abcд 12!", "Latin")', 0.75),
            Example('text.script_share("12!", "Latin")', 0.0),
        ),
    ),
)  # fmt: skip
