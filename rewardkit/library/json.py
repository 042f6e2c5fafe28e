"""`json.*`: JSON in texts and columns. A `json` value is its canonical text (see `types/values.py`)."""

from __future__ import annotations

import json
from typing import Any

from rewardkit.library.json_text import ABSENT, check_pointer, follow, steps
from rewardkit.library.schemas import check_schema, compiled
from rewardkit.types.function import Example, Function, Parameter
from rewardkit.types.types import BOOL, JSON, REAL, TEXT, list_of
from rewardkit.types.values import parse_json

_dump = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def parse(x: str) -> str | None:
    try:
        return _dump(parse_json(x))
    except ValueError:
        return None


def _at(x: str, path: str) -> Any:
    return follow(json.loads(x), steps(path))


def get(x: str, path: str) -> str | None:
    value = _at(x, path)
    return None if value is ABSENT else _dump(value)


def text(x: str, path: str = "") -> str | None:
    value = _at(x, path)
    return value if isinstance(value, str) else None


def number(x: str, path: str = "") -> float | None:
    value = _at(x, path)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def truth(x: str, path: str = "") -> bool | None:
    value = _at(x, path)
    return value if isinstance(value, bool) else None


def items(x: str, path: str = "") -> tuple[str, ...] | None:
    value = _at(x, path)
    return tuple(map(_dump, value)) if isinstance(value, list) else None


def valid(x: str, schema: str) -> bool:
    return compiled(schema).valid(json.loads(x))


# --- declarations ------------------------------------------------------------------------------------

_X = Parameter("x", JSON)
_PATH = Parameter("path", TEXT, constant=True, check=check_pointer)
_OPTIONAL_PATH = Parameter("path", TEXT, default="", constant=True, check=check_pointer)
#: what a call may be given that reads a schema
SCHEMA = Parameter("schema", TEXT, constant=True, check=check_schema)

_STEPS = "where checking takes more than 2,000,000 steps"
_AT_PATH = "A path as in `json.get`; without one, the value itself."

SCHEMA_RULE = (
    "[JSON Schema](https://json-schema.org) draft 2020-12, and draft-07 where `$schema` says so: all "
    "keywords but `$dynamicRef` and an `$id` inside. A `$ref` leads to a place in the same schema, and "
    "nothing is fetched. `format` is a remark, as the standard has it; use `pattern`. Patterns take linear "
    "time and know no look-around. What looks like a misspelled keyword, or one of another draft, is an "
    "error, since it would say nothing."
)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "json.parse", (Parameter("x", TEXT),), JSON.nullable,
        "a text as one JSON value; null where it is none",
        "inline", parse,
        doc="As strict as `format.json`: the whole text, RFC 8259, no repeated keys. Equal values are equal "
        "however they are spelled: the order of keys, white space and `1.0` for `1` do not count.",
        examples=(
            Example(r'json.parse("{\"b\": 1.0, \"a\": []}")', '{"a":[],"b":1}'),
            Example('json.parse("{a: 1}")', None),
        ),
    ),
    Function(
        "json.valid", (_X, SCHEMA), BOOL,
        "whether a JSON value meets a JSON Schema",
        "inline", valid, faults=True, fails=_STEPS,
        doc=SCHEMA_RULE + " For a schema that each row brings along there is `json.conforms`.",
        examples=(
            Example(r'json.valid(json.parse("[1, 2]"), "{\"items\": {\"type\": \"integer\"}}")', True),
            Example(r'json.valid(json.parse("[1.5]"), "{\"items\": {\"type\": \"integer\"}}")', False),
        ),
    ),
    Function(
        "json.conforms", (_X, Parameter("schema", JSON)), BOOL,
        "whether a JSON value meets the JSON Schema of its row",
        "inline", valid, faults=True, fails="where the row's schema is none, or " + _STEPS[6:],
        doc="As `json.valid`, with the schema from a column.",
        examples=(
            Example(r'json.conforms(json.parse("3"), json.parse("{\"type\": \"integer\"}"))', True),
        ),
    ),
    Function(
        "json.get", (_X, _PATH), JSON.nullable,
        "the value at a path; null where there is none",
        "inline", get,
        doc="A path is a JSON Pointer (RFC 6901): `/steps/0/tool` is the key `tool` of the first item under "
        "`steps`. A `/` in a key is written `~1`, a `~` is `~0`. A value that is there and is JSON's own "
        "`null` is a value. `json.text`, `json.number`, `json.bool` and `json.items` make texts, numbers, "
        "bools and lists of what they find.",
        examples=(
            Example(r'json.get(json.parse("{\"a\": [1, [2]]}"), "/a/1")', "[2]"),
            Example(r'json.get(json.parse("{\"a\": [1, [2]]}"), "/b")', None),
        ),
    ),
    Function(
        "json.text", (_X, _OPTIONAL_PATH), TEXT.nullable,
        "the text at a path; null where there is no text",
        "inline", text, doc=_AT_PATH,
        examples=(
            Example(r'json.text(json.parse("{\"city\": \"Rome\"}"), "/city")', "Rome"),
            Example(r'json.text(json.parse("4"))', None),
        ),
    ),
    Function(
        "json.number", (_X, _OPTIONAL_PATH), REAL.nullable,
        "the number at a path; null where there is no number",
        "inline", number, doc=_AT_PATH + " Null for one that no real can hold; `\"4\"` is a text.",
        examples=(
            Example(r'json.number(json.parse("{\"n\": [4]}"), "/n/0")', 4.0),
            Example(r'json.number(json.parse("\"4\""))', None),
        ),
    ),
    Function(
        "json.bool", (_X, _OPTIONAL_PATH), BOOL.nullable,
        "the `true` or `false` at a path; null where there is neither",
        "inline", truth, doc=_AT_PATH,
        examples=(
            Example(r'json.bool(json.parse("{\"ok\": true}"), "/ok")', True),
            Example('json.bool(json.parse("1"))', None),
        ),
    ),
    Function(
        "json.items", (_X, _OPTIONAL_PATH), list_of(JSON).nullable,
        "the items of the array at a path; null where there is no array",
        "inline", items, doc=_AT_PATH,
        examples=(Example(r'json.items(json.parse("[1, \"a\"]"))', ["1", '"a"']),),
    ),
)  # fmt: skip
