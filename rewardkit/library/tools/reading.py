"""Reading the tool calls out of a completion, in the styles that models are trained to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rewardkit.library.tools.python_calls import read_calls
from rewardkit.types.values import Call, decode_json, make_call, parse_json, skip_space

#: Calls read from one completion, or in one gold list: matching them is cubic
MAX_CALLS = 64

OPEN, CLOSE = "<tool_call>", "</tool_call>"

Calls = tuple[Call, ...]


def parse(text: str, style: str = "hermes") -> Calls | None:
    """The calls in a text, or `None` where they cannot be read."""
    try:
        return STYLES[style](text)
    except ValueError:
        return None


# --- Hermes ----------------------------------------------------------------------------------------


def _hermes(text: str) -> Calls:
    calls: list[Call] = []
    end = 0
    while (start := text.find(OPEN, end)) >= 0:
        _refuse_close(text, end, start)
        before = len(calls)
        end = skip_space(text, start + len(OPEN))
        # JSON first, then the closing tag: an argument may hold that tag as text
        while not text.startswith(CLOSE, end):
            value, end = decode_json(text, end, reals=True)
            calls.append(_json_call(value))
            end = skip_space(text, end)
        if not before < len(calls) <= MAX_CALLS:
            raise ValueError("a block without a call, or too many calls")
        end += len(CLOSE)
    _refuse_close(text, end, len(text))
    return tuple(calls)


def _refuse_close(text: str, start: int, end: int) -> None:
    if text.find(CLOSE, start, end) >= 0:
        raise ValueError("a block is closed that was not opened")


# --- OpenAI ----------------------------------------------------------------------------------------

#: What an endpoint writes beside the name and the arguments
_BESIDE = frozenset(("id", "type", "index", "call_id", "status"))


def _openai(text: str) -> Calls:
    if not text.startswith(("{", "["), skip_space(text, 0)):
        return ()
    value = parse_json(text, reals=True)
    if isinstance(value, dict) and ("role" in value or "tool_calls" in value):
        value = value.get("tool_calls") or []
    items = [value] if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise ValueError("not a list of calls")
    return tuple(_openai_call(item) for item in _few(items))


def _openai_call(item: Any) -> Call:
    if not isinstance(item, dict):
        raise ValueError("not a call")
    item = {key: value for key, value in item.items() if key not in _BESIDE}
    if item.keys() == {"function"} and isinstance(item["function"], dict):
        item = item["function"]
    return _json_call(item, text=True)


# --- Llama -----------------------------------------------------------------------------------------

_TAG, _STARTS, _STOP = "<|python_tag|>", ("<|python_start|>", "<|python_tag|>"), "<|python_end|>"
_ENDS = ("<|eom_id|>", "<|eot_id|>", "<|eot|>")


def _llama(text: str) -> Calls:
    text = _without_end(text)
    tagged = text.startswith(_TAG)
    end = skip_space(text, len(_TAG) if tagged else 0)
    if not tagged and not text.startswith("{", end):
        return ()
    calls: list[Call] = []
    while True:
        value, end = decode_json(text, end, reals=True)
        if isinstance(value, dict) and value.get("type") == "function":
            del value["type"]
        calls.append(_json_call(value))
        end = skip_space(text, end)
        if end == len(text):
            return tuple(calls)
        if text[end] != ";" or len(calls) == MAX_CALLS:
            raise ValueError("something else than a call, or too many calls")
        end = skip_space(text, end + 1)


def _llama_pythonic(text: str) -> Calls:
    text = _without_end(text)
    start = next((tag for tag in _STARTS if text.startswith(tag)), "")
    text = text[len(start) :].removesuffix(_STOP).strip()
    if not start and not text.startswith("["):
        return ()
    if not text.startswith("["):
        raise ValueError("not a list of calls")
    return _python(text)


def _without_end(text: str) -> str:
    text = text.strip()
    end = next((tag for tag in _ENDS if text.endswith(tag)), "")
    return text.removesuffix(end).rstrip()


# --- Python ----------------------------------------------------------------------------------------


def _python(text: str) -> Calls:
    return tuple(make_call(name, arguments) for name, arguments in read_calls(text, MAX_CALLS))


def _bfcl(text: str) -> Calls:
    found = read_calls(text, MAX_CALLS, variables=True)
    return tuple(make_call(name, arguments) for name, arguments in found)


# --- common to them --------------------------------------------------------------------------------


def _json_call(value: Any, text: bool = False) -> Call:
    """Nothing beside the name and the arguments: other keys would be a place to hide text in.

    `text` says that the arguments may be the text of a JSON object.
    """
    if not isinstance(value, dict) or value.keys() not in ({"name", "arguments"}, {"name", "parameters"}):
        raise ValueError("not a call")
    arguments = value.get("arguments", value.get("parameters"))
    if text and isinstance(arguments, str):
        arguments = parse_json(arguments, reals=True)
    return make_call(value["name"], arguments)


def _few(items: list[Any]) -> list[Any]:
    if len(items) > MAX_CALLS:
        raise ValueError("too many calls")
    return items


STYLES: dict[str, Callable[[str], Calls]] = {
    "hermes": _hermes,
    "openai": _openai,
    "python": _python,
    "llama": _llama,
    "llama_pythonic": _llama_pythonic,
    "bfcl": _bfcl,
}
