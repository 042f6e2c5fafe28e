"""Reading structured values from rows: messages, calls and JSON, from Python values or their JSON text."""

from __future__ import annotations

import json
import math
from typing import Any

from rewardkit.types.types import Type
from rewardkit.types.values import (
    Call,
    Message,
    RunResult,
    calls_of,
    canonical_json,
    make_call,
    make_result,
    parse_json,
    storable,
)


def read_structured(value: Any, type_: Type) -> tuple[Any, str | None]:
    """The run-time value of a structured type, or `(None, what is wrong)`.

    Lists become tuples, `json` canonical JSON text, messages and calls their dataclasses. A text is
    read as JSON first, except for `list[text]` items and `json` given as Python values.
    """
    try:
        if isinstance(value, str):
            value = parse_json(value, reals=_holds_calls(type_))
        return _read(value, type_.required), None
    except json.JSONDecodeError as error:
        start = " ".join(error.doc[:60].split())
        return None, f"the text `{start[:40]}` is not JSON: {error.msg.lower()} (at character {error.pos})"
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _holds_calls(type_: Type) -> bool:
    """Whether there are calls in it, which keep `1.0` apart from `1`."""
    return type_.kind in ("call", "message") or (type_.item is not None and _holds_calls(type_.item))


def _read(value: Any, type_: Type) -> Any:
    if type_.kind in ("json", "testcase"):
        return canonical_json(value)
    if type_.kind == "message":
        return read_message(value)
    if type_.kind == "call":
        return calls_of([value])[0]
    if type_.kind == "result":
        return _read_result(value)
    if type_.kind == "list":
        assert type_.item is not None
        if type_.item.kind == "testcase" and isinstance(value, dict):
            value = [value]  # datasets write several cases as one object of lists
        if not isinstance(value, list | tuple):
            raise ValueError(f"expected a list, found {_kind(value)}")
        if type_.item.kind == "call":
            return calls_of(list(value))
        return tuple(_item(item, type_.item) for item in value)
    raise ValueError(f"`{type_}` is not a structured type")


def _read_result(value: Any) -> RunResult:
    if isinstance(value, RunResult):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, found {_kind(value)}")
    flags = {"crashed", "timed_out", "memory", "first_failing"}
    if value.keys() - flags - {"passed", "total", "share"} or not {"passed", "total"} <= value.keys():
        raise ValueError(
            "a result has `passed`, `total`, and perhaps `crashed`, `timed_out`, `memory` and `first_failing`"
        )
    return make_result(**{name: item for name, item in value.items() if name != "share"})


def _item(value: Any, type_: Type) -> Any:
    if value is None and type_.optional:
        return None
    if type_.kind == "text" and isinstance(value, str):
        return storable(value)
    if type_.kind == "bool" and isinstance(value, bool):
        return value
    if type_.is_number and isinstance(value, int | float) and not isinstance(value, bool):
        if type_.kind == "real":
            return _finite(value)
        if isinstance(value, int) and -(2**63) <= value < 2**63:
            return value
    if type_.kind in ("json", "message", "call", "list", "testcase", "result"):
        return _read(value, type_)
    raise ValueError(f"expected `{type_}`, found {_kind(value)}")


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("an infinity or NaN is no number")
    return number


def read_message(value: Any) -> Message:
    """A message in the chat format: `role`, `content` (text or text parts), `tool_calls`.

    Raises:
        ValueError: it is not one.
    """
    if isinstance(value, Message):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"expected a message object, found {_kind(value)}")
    role = value.get("role")
    if not isinstance(role, str):
        raise ValueError("a message needs a `role`, which is a text")
    made = value.get("tool_calls") or ()
    if not isinstance(made, list | tuple):
        raise ValueError(f"a message's `tool_calls` must be a list, found {_kind(made)}")
    calls = tuple(_call(item) for item in made)
    text = content_text(value.get("content", value.get("text")))
    return Message(storable(role), storable(text), calls)


def content_text(content: Any) -> str:
    """The text of a message's content: the text itself, its text parts joined, or `""` for none."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        parts = [p.get("text") for p in content if isinstance(p, dict) and p.get("type", "text") == "text"]
        return "".join(p for p in parts if isinstance(p, str))
    raise ValueError(f"a message's content must be a text, found {_kind(content)}")


def _call(item: Any) -> Call:
    """A call as written by a model: arguments that are not a JSON object are kept as their text."""
    try:
        return calls_of([item])[0]
    except ValueError:
        inner = item.get("function", item) if isinstance(item, dict) else {}
        name = inner.get("name") if isinstance(inner, dict) else None
        if not isinstance(name, str) or not name:
            return make_call("?", {})
        return Call(storable(name), canonical_json(str(inner.get("arguments"))))


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", tuple: "a list", str: "a text", bool: "a bool",
             int: "a number", float: "a number", type(None): "null"}  # fmt: skip
    return names.get(type(value), type(value).__name__)
