"""Places in JSON: JSON Pointers (RFC 6901), and where in a text a value stands."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from rewardkit.types.values import skip_space

ABSENT = object()

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_ESCAPE = re.compile(r"~(?![01])")
_DECODER = json.JSONDecoder()


@lru_cache(maxsize=1024)
def steps(pointer: str) -> tuple[str, ...]:
    """The keys and indexes of a pointer."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def check_pointer(pointer: str) -> str | tuple[str, int] | None:
    """What is wrong with a pointer."""
    if pointer and not pointer.startswith("/"):
        parts = [part for part in re.split(r"[.\[\]\"'/]+", pointer.removeprefix("$")) if part]
        return f"a path begins with `/`: write `/{'/'.join(parts)}`", 0
    wrong = _ESCAPE.search(pointer)
    if wrong is not None:
        return "a `~` in a key is written `~0`, a `/` in it `~1`", wrong.start()
    return None


def follow(value: Any, path: tuple[str, ...]) -> Any:
    """The value at the end of a path, or `ABSENT`."""
    for step in path:
        if type(value) is dict:
            value = value.get(step, ABSENT)
        elif type(value) is list and _INDEX.fullmatch(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return ABSENT
    return value


def spot(text: str, path: tuple[str | int, ...], *, key: bool = False) -> int:
    """Where in a JSON text the value at a path begins, or the key before it."""
    at = named = skip_space(text, 0)
    for step in path:
        opened, at = text[at], skip_space(text, at + 1)
        number = 0
        while True:
            named, found = at, number
            if opened == "{":
                found, end = _DECODER.raw_decode(text, at)
                at = skip_space(text, skip_space(text, end) + 1)
            if found == step:
                break
            _, end = _DECODER.raw_decode(text, at)
            at, number = skip_space(text, skip_space(text, end) + 1), number + 1
    return named if key else at
