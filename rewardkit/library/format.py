"""`format.*`: whether a completion has the form it was asked for. Strict: near misses earn nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from rewardkit.library.schemas import check_schema, compiled
from rewardkit.library.text import after, before
from rewardkit.types.function import Axiom, Example, Function, Parameter
from rewardkit.types.interval import UNIT, point
from rewardkit.types.types import BOOL, REAL, TEXT, list_of
from rewardkit.types.values import parse_json

if TYPE_CHECKING:
    import polars as pl

#: What does not make a body: white space, marks, format and control characters without a base, and the
#: letters and symbols that show nothing: fillers, the blank braille pattern, the object replacement.
_EMPTY = r"[[^\p{L}\p{N}\p{P}\p{S}]\p{Default_Ignorable_Code_Point}\x{2800}\x{FFFC}]*"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_MOST_NAMES = 16


# --- tags --------------------------------------------------------------------------------------------


def _once(x: pl.Expr, name: str) -> Iterator[pl.Expr]:
    """Whether the opening tag occurs exactly once, and the closing tag."""
    for tag in _pair(name):
        yield x.str.count_matches(re.escape(tag)) == 1


def _pair(name: str) -> tuple[str, str]:
    return f"<{name}>", f"</{name}>"


def _tags(x: pl.Expr, *, names: tuple[str, ...]) -> pl.Expr:
    """With every tag there once, its neighbours alone decide the order: each check is one fast search."""
    import polars as pl

    once = [check for name in names for check in _once(x, name)]
    ends = [x.str.contains(rf"^\s*<{names[0]}>"), x.str.contains(rf"</{names[-1]}>\s*$")]
    adjacent = [x.str.contains(rf"</{a}>\s*<{b}>") for a, b in pairwise(names)]
    # three neighbours or more could still stand in a circle
    ends_at = [x.str.find(f"</{name}>", literal=True) for name in names] if len(names) > 2 else []
    ordered = [a < b for a, b in pairwise(ends_at)]
    filled = [~x.str.contains(f"<{name}>{_EMPTY}</{name}>") for name in names]
    return pl.all_horizontal(once + ends + adjacent + ordered + filled)


def _tag(x: pl.Expr, *, name: str) -> pl.Expr:
    import polars as pl

    opening, closing = map(pl.lit, _pair(name))
    body = before(after(x, opening), closing).str.strip_chars()
    return pl.when(pl.all_horizontal(*_once(x, name))).then(body)


def _tag_count(x: pl.Expr, *, names: tuple[str, ...]) -> pl.Expr:
    import polars as pl

    once = [check.cast(pl.Int64) for name in names for check in _once(x, name)]
    return pl.sum_horizontal(once, ignore_nulls=False) / len(once)


def _check_names(names: tuple[str, ...]) -> str | None:
    if not 1 <= len(names) <= _MOST_NAMES:
        return f"expected 1 to {_MOST_NAMES} tag names, found {len(names)}"
    if len(set(names)) < len(names):
        return "a tag name is listed twice"
    return next((problem for name in names if (problem := _check_name(name))), None)


def _check_name(name: str) -> str | None:
    if _NAME.fullmatch(name):
        return None
    return f"`{name}` is not a tag name: write it without brackets, as letters, digits, `_`, `.` and `-`"


# --- blocks and JSON ---------------------------------------------------------------------------------

_FENCE = re.compile(r"^ {0,3}(`{3,}+)([^`\n]*)$", re.MULTILINE)


def code_block(x: str, language: str = "") -> str | None:
    return last_block(x, (language.lower(),) if language else ())


def last_block(x: str, languages: Collection[str]) -> str | None:
    """The code of the last fenced block under one of these names, in lower case; without any, of the last."""
    found: str | None = None
    opened: tuple[int, str, int] | None = None  # ticks, language, where the code starts
    for fence in _FENCE.finditer(x):
        ticks, info = len(fence[1]), fence[2].split()
        if opened is None:
            opened = ticks, info[0].lower() if info else "", fence.end() + 1
        elif ticks >= opened[0] and not info:
            if not languages or opened[1] in languages:
                found = x[opened[2] : fence.start()].removesuffix("\n").removesuffix("\r")
            opened = None
    return found if opened is None else None


_JSON_FENCE = re.compile(r"(`{3,}+)[ \t]*(?:json|JSON)?[ \t]*\r?")


def in_fence(x: str) -> str | None:
    """What stands in the one fenced block that a text is."""
    first, _, rest = x.strip().partition("\n")
    inside, newline, last = rest.rpartition("\n")
    fence = _JSON_FENCE.fullmatch(first)
    return inside if newline and fence and last.strip() == fence[1] else None


def _json(x: str, schema: str = "", fenced: bool = False) -> bool:
    if fenced:
        inside = in_fence(x)
        if inside is None:
            return False
        x = inside
    try:
        value = parse_json(x)
    except ValueError:
        return False
    return not schema or compiled(schema).valid(value)


def _check_optional_schema(schema: str) -> str | tuple[str, int] | None:
    return check_schema(schema) if schema else None


# --- declarations ------------------------------------------------------------------------------------

_X = Parameter("x", TEXT)
_NAMES = Parameter("names", list_of(TEXT), constant=True, check=_check_names)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "format.tags", (_X, _NAMES), BOOL,
        "whether `x` is exactly these tags in this order, each once, closed, with a body, nothing outside",
        "columns", _tags,
        doc="Every `<name>` and `</name>` occurs exactly once in the whole text, one pair after the other, "
        "with nothing but white space before, between and after. A body holds at least one letter, digit, "
        "punctuation mark or symbol that shows: white space and invisible characters (Unicode's "
        "Default_Ignorable_Code_Point, U+2800, U+FFFC) do not make one. None of the ways around the usual "
        "patterns pays: `<think></think>`, text after the last tag, a second `<answer>`, a tag inside "
        "another's body.",
        examples=(
            Example('format.tags("<think>so</think> <answer>4</answer>", ["think", "answer"])', True),
            Example('format.tags("<think></think><answer>4</answer>", ["think", "answer"])', False),
            Example('format.tags("<think>so</think><answer>4</answer> Bye", ["think", "answer"])', False),
        ),
        axioms=(Axiom(True, "format.tag_count", point(1)),),
    ),
    Function(
        "format.tag", (_X, Parameter("name", TEXT, constant=True, check=_check_name)), TEXT.nullable,
        "the body of the only `<name>…</name>`, without the white space around it",
        "columns", _tag,
        doc="Null where either tag is missing or occurs again, or where it is closed before it is opened.",
        examples=(
            Example('format.tag("<answer> 4 </answer>", "answer")', "4"),
            Example('format.tag("<answer>4</answer><answer>5</answer>", "answer")', None),
        ),
    ),
    Function(
        "format.tag_count", (_X, _NAMES), REAL,
        "the share of the opening and closing tags that occur exactly once",
        "columns", _tag_count, range=UNIT,
        doc="A smoother signal than `format.tags`, after open-r1's `tag_count_reward`, which also wants "
        "newlines around the tags and knows `think` and `answer` only. It sees neither order nor bodies: "
        "gate or outweigh it by `format.tags`.",
        examples=(
            Example('format.tag_count("<think>so</think> <answer>4", ["think", "answer"])', 0.75),
            Example('format.tag_count("<think><think></think>", ["think"])', 0.5),
        ),
    ),
    Function(
        "format.code_block", (_X, Parameter("language", TEXT, default="", constant=True)), TEXT.nullable,
        "the code of the last fenced block, of the language if one is given",
        "inline", code_block,
        doc="A fence is a line of three or more backticks, indented by at most three spaces, and is closed "
        "by one at least as long, as in CommonMark. The language is the first word behind the opening "
        "fence, in either case. The code ends before its last line's end, be it a newline or a carriage "
        "return and a newline. Null where there is no such block, or where the text ends inside one.",
        examples=(
            Example(r'format.code_block("```python\nx = 1\n```", "python")', "x = 1"),
            Example(r'format.code_block("```\nx = 1")', None),
        ),
    ),
    Function(
        "format.json",
        (
            _X,
            Parameter("schema", TEXT, default="", constant=True, check=_check_optional_schema),
            Parameter("fenced", BOOL, default=False, constant=True),
        ),
        BOOL, "whether `x` as a whole is one JSON value, which meets a JSON Schema if one is given",
        "inline", _json, faults=True, fails="where checking takes more than 2,000,000 steps",
        doc="By RFC 8259, with white space around it and nothing else. Stricter than most readers: no "
        "`NaN` or `Infinity`, no number beyond 64-bit reals or of more than 400 digits, no repeated key, "
        "no half of a surrogate pair, no nesting deeper than 64 levels.\n\n"
        "With `fenced: true` the whole text is one fenced block (three backticks or more, `json` or nothing "
        "behind them) that holds the value; without a fence it is none. Where both are welcome, write "
        "`format.json(x) or format.json(x, fenced: true)`. The schema is as in `json.valid`.",
        examples=(
            Example(r'format.json("[1, {\"a\": null}]")', True),
            Example(r'format.json("[1] and more")', False),
            Example(r'format.json("{\"a\": 1}", schema: "{\"required\": [\"b\"]}")', False),
            Example(r'format.json("```json\n[1]\n```", fenced: true)', True),
        ),
    ),
)  # fmt: skip
