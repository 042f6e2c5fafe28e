"""Test cases: what a dataset writes, read into one of three kinds.

A case that is none of them is the row's fault, never the program's.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rewardkit.types.values import parse_json

_MAX_LITERAL = 1 << 20  # characters of a value that is written as a Python literal
_INPUT = ("input", "stdin")
_OUTPUT = ("output", "stdout", "expected_output")
_ENTRY = ("entry_point", "fn_name", "func_name")


@dataclass(frozen=True)
class Streams:
    """Standard input, and the whole of what standard output must then be."""

    input: str
    output: str
    tolerance: float | None = None


@dataclass(frozen=True)
class Invocation:
    """Arguments for a function, and what it must return: any one of `expected`.

    `exact`: what is expected was written in Python, where tuples and lists differ; JSON has only lists.
    """

    entry_point: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    expected: tuple[Any, ...] = ()
    exact: bool = False
    tolerance: float | None = None


@dataclass(frozen=True)
class Assertions:
    """A Python script that passes where it ends without an exception.

    `setup` is trusted code that runs before it. With an `entry_point`, that name (and `candidate`) is all
    that comes from the program; without one, every name that neither defines does.
    """

    test: str
    setup: str = ""
    entry_point: str | None = None


Case = Streams | Invocation | Assertions


def read_cases(texts: Sequence[str]) -> list[Case]:
    """The cases of a row, from their canonical JSON; one with lists of inputs and outputs is several.

    Raises:
        ValueError: one of them is no test case; the message names it.
    """
    found: list[Case] = []
    for i, text in enumerate(texts):
        try:
            found += _read(parse_json(text))
        except (ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"test case {i}: {error}") from None
    return found


def _read(value: Any) -> list[Case]:
    if isinstance(value, str):
        return [Assertions(_script(value))]
    if not isinstance(value, dict):
        raise ValueError(f"expected an object or a text of assertions, found {_kind(value)}")
    tolerance = _tolerance(value.get("tolerance"))
    entry = _text(_first(value, _ENTRY), "the name of the function") or None
    if "test" in value:
        setup = _text(value.get("setup"), "`setup`") or ""
        return [Assertions(_script(_text(value["test"], "`test`") or ""), setup, entry)]
    if "inputs" in value or "outputs" in value:
        return _several(value, entry, tolerance)
    if entry is not None:
        return [_invocation(value, entry, tolerance)]
    if not any(key in value for key in _INPUT) and not any(key in value for key in _OUTPUT):
        keys = ", ".join(f"`{key}`" for key in list(value)[:6]) or "nothing"
        raise ValueError(f"needs `input` and `output`, `entry_point` and `expected`, or `test`; has {keys}")
    return [_streams(_first(value, _INPUT), _first(value, _OUTPUT), tolerance)]


def _several(value: dict[str, Any], entry: str | None, tolerance: float | None) -> list[Case]:
    """APPS' and TACO's form: parallel lists."""
    inputs, outputs = value.get("inputs"), value.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise ValueError("`inputs` and `outputs` must be lists of one length")
    pairs = zip(inputs, outputs, strict=True)
    if entry is None:
        return [_streams(given, wanted, tolerance) for given, wanted in pairs]
    return [_called(entry, given, wanted, tolerance) for given, wanted in pairs]


def _streams(given: Any, wanted: Any, tolerance: float | None) -> Streams:
    if wanted is None:
        raise ValueError("needs an `output`")
    text = "" if given is None else _lines(given, "an input")
    return Streams(text, _lines(wanted, "an output"), tolerance)


def _lines(value: Any, what: str) -> str:
    """A text, or its lines as a list."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(line + "\n" for line in value)
    raise ValueError(f"{what} must be a text or a list of lines, found {_kind(value)}")


def _invocation(value: dict[str, Any], entry: str, tolerance: float | None) -> Invocation:
    if "expected" not in value and "expected_repr" not in value:
        if any(key in value for key in _INPUT) and any(key in value for key in _OUTPUT):
            return _called(entry, _first(value, _INPUT), _first(value, _OUTPUT), tolerance)
        raise ValueError("needs `expected`, what the function must return")
    args = _literal(value["args_repr"]) if "args_repr" in value else value.get("args", [])
    kwargs = _literal(value["kwargs_repr"]) if "kwargs_repr" in value else value.get("kwargs", {})
    if not isinstance(args, list | tuple):
        raise ValueError(f"`args` must be a list, found {_kind(args)}")
    if not isinstance(kwargs, dict) or not all(isinstance(key, str) for key in kwargs):
        raise ValueError(f"`kwargs` must be an object, found {_kind(kwargs)}")
    exact = "expected_repr" in value
    expected = _literal(value["expected_repr"]) if exact else value["expected"]
    return Invocation(entry, tuple(args), kwargs, (expected,), exact, tolerance)


def _called(entry: str, given: Any, wanted: Any, tolerance: float | None) -> Invocation:
    """A call as APPS, TACO and LiveCodeBench write it.

    The arguments are a list, or a text with one as JSON on each line; what is expected may be JSON text
    too then, and may be wrapped in a list of one, as their graders allow.
    """
    if isinstance(given, str):
        args = [parse_json(line) for line in given.splitlines() if line.strip()]
        wanted = parse_json(wanted) if isinstance(wanted, str) else wanted
        return Invocation(entry, tuple(args), {}, (wanted,), tolerance=tolerance)
    if not isinstance(given, list):
        raise ValueError(f"the arguments must be a list, found {_kind(given)}")
    wrapped = isinstance(wanted, list) and len(wanted) == 1
    expected = (wanted, wanted[0]) if wrapped else (wanted,)
    return Invocation(entry, tuple(given), {}, expected, tolerance=tolerance)


def _literal(text: Any) -> Any:
    """A value that is written as a Python literal."""
    if not isinstance(text, str) or len(text) > _MAX_LITERAL:
        raise ValueError("a Python literal must be a text of at most a million characters")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError):
        raise ValueError(f"not a Python literal: `{text[:60]}`") from None


def _script(text: str) -> str:
    if not text.strip():
        raise ValueError("the assertions are empty")
    return text


def _text(value: Any, what: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{what} must be a text, found {_kind(value)}")
    return value


def _first(value: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def _tolerance(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError("`tolerance` must be a number from 0 to below 1")
    return float(value)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", tuple: "a tuple", str: "a text", bool: "a bool",
             int: "a number", float: "a number", type(None): "null"}  # fmt: skip
    return names.get(type(value), type(value).__name__)
