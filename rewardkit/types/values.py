"""Structured values at run time: tool calls, messages, and JSON in one canonical spelling.

Equal values have equal canonical text, so that plain string equality compares, caches and removes
duplicates. JSON has one kind of number: `1.0` is spelled `1`, while `1`, `true` and `"1"` differ.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

#: Nesting allowed in JSON, and digits in one of its whole numbers: hostile text must not cost more
MAX_DEPTH = 64
MAX_DIGITS = 400

#: Floats below this are exact whole numbers, so that spelling them as integers loses nothing
_EXACT = 2.0**53


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `arguments` is the canonical text of a JSON object.

    `written` is the same text with whole reals as they were written, `1.0` and not `1`, and `""` where
    that is no other text: declared types tell integers from reals (see `tools.bfcl_match`).
    """

    name: str
    arguments: str
    written: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: str
    text: str
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of running a program on test cases. What the program causes is told here, and is no fault."""

    passed: int
    total: int
    crashed: bool = False
    timed_out: bool = False
    memory: bool = False
    first_failing: int | None = None

    @property
    def share(self) -> float:
        """The share of cases that passed; 0 of none."""
        return self.passed / self.total if self.total else 0.0


def make_result(
    passed: Any,
    total: Any,
    crashed: Any = False,
    timed_out: Any = False,
    memory: Any = False,
    first_failing: Any = None,
) -> RunResult:
    """A result of whole numbers, 0 ≤ `passed` ≤ `total`. Raises `ValueError`.

    A program that ran out of `memory` crashed. Unless said otherwise, the cases that pass are the first ones.
    """
    counts = (passed, total)
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**63 for n in counts):
        raise ValueError("`passed` and `total` are whole numbers that are not negative")
    if passed > total:
        raise ValueError(f"{passed} of {total} cases cannot pass")
    if not all(isinstance(flag, bool) for flag in (crashed, timed_out, memory)):
        raise ValueError("`crashed`, `timed_out` and `memory` are bools")
    if first_failing is None:
        first_failing = passed if passed < total else None
    elif not isinstance(first_failing, int) or isinstance(first_failing, bool) or first_failing < 0:
        raise ValueError("`first_failing` is the index of a case")
    elif passed == total:
        raise ValueError("where every case passes, none is the first that fails")
    elif first_failing > passed:
        raise ValueError(f"the first {first_failing} cases pass, and only {passed} did")
    return RunResult(passed, total, crashed or memory, timed_out, memory, first_failing)


def canonical_json(value: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces. Raises `ValueError` if it is not JSON."""
    return _compact(_plain(value))


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse_json(text: str, reals: bool = False) -> Any:
    """The value of a JSON text; `reals` keeps `1.0` a float. Raises `ValueError`."""
    start = skip_space(text, 0)
    value, end = decode_json(text, start, reals)
    if skip_space(text, end) != len(text):
        raise ValueError("text after the JSON value")
    return value


def decode_json(text: str, start: int, reals: bool = False) -> tuple[Any, int]:
    """The JSON value that begins at `start`, and where it ends. Raises `ValueError`.

    Stricter than Python's own reading: no NaN or infinity, no repeated keys, no lone surrogates,
    and bounded nesting and digits.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return _plain(value, reals), end


def skip_space(text: str, start: int) -> int:
    """The first position from `start` on that is not JSON white space."""
    space = _SPACE.match(text, start)
    return space.end() if space else start


def parse_calls(text: str) -> tuple[Call, ...]:
    """The calls of a dataset column: the text of a JSON list (see `calls_of`). Raises `ValueError`."""
    return calls_of(parse_json(text, True))


def calls_of(value: Any) -> tuple[Call, ...]:
    """The calls in a list of JSON objects. Raises `ValueError`.

    Each is `{"name": …, "arguments": {…}}`, with `parameters` as another name for the arguments, or
    the same inside OpenAI's `{"function": {…}}`. Arguments may be a JSON object or its text.
    """
    if not isinstance(value, list | tuple):
        raise ValueError("calls must be a JSON list")
    return tuple(_call_of(item) for item in value)


def make_call(name: Any, arguments: Any) -> Call:
    """A call of a name and a JSON object. Raises `ValueError`."""
    if not isinstance(name, str) or not name:
        raise ValueError("a call's name must be a text")
    if not isinstance(arguments, dict):
        raise ValueError("a call's arguments must be a JSON object")
    written = _compact(_plain(arguments, reals=True))
    if ".0" not in written:  # then no whole number is written as a real
        return Call(storable(name), written)
    plain = canonical_json(arguments)
    return Call(storable(name), plain, "" if written == plain else written)


def _call_of(item: Any) -> Call:
    if isinstance(item, Call):
        return item
    if isinstance(item, dict) and isinstance(item.get("function"), dict):
        item = item["function"]
    if not isinstance(item, dict):
        raise ValueError("a call must be a JSON object")
    key = "arguments" if "arguments" in item else "parameters"
    arguments = item.get(key)
    return make_call(
        item.get("name"), parse_json(arguments, True) if isinstance(arguments, str) else arguments
    )


_SPACE = re.compile(r"[ \t\n\r]*")
_TOO_DEEP = f"JSON is nested deeper than {MAX_DEPTH} levels"
_TOO_LONG = f"a whole number of more than {MAX_DIGITS} digits"
_TOO_LARGE = 10**MAX_DIGITS


def _plain(value: Any, reals: bool = False, room: int = MAX_DEPTH) -> Any:
    """The same value of plain JSON types, whole floats as integers unless `reals`. Raises `ValueError`."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, int):
        if abs(value) >= _TOO_LARGE:
            raise ValueError(_TOO_LONG)
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("JSON has no NaN and no infinity")
        return int(value) if not reals and value.is_integer() and abs(value) < _EXACT else value
    if isinstance(value, dict):
        if room == 0:
            raise ValueError(_TOO_DEEP)
        if not all(isinstance(key, str) for key in value):
            raise ValueError("keys of a JSON object must be texts")
        return {_plain(key): _plain(item, reals, room - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if room == 0:
            raise ValueError(_TOO_DEEP)
        return [_plain(item, reals, room - 1) for item in value]
    raise ValueError(f"not a JSON value: {type(value).__name__}")


def storable(text: str) -> str:
    """The text itself. Raises `ValueError` where it cannot be written as UTF-8."""
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half of a surrogate pair") from None
    return text


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(_TOO_LONG)
    return int(digits)


def _refuse(constant: str) -> Any:
    raise ValueError(f"JSON has no {constant}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is repeated in a JSON object")
    return result


_DECODER = json.JSONDecoder(parse_int=_whole, parse_constant=_refuse, object_pairs_hook=_object)
