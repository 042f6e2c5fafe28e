"""A compiled schema: what runs when a value is checked. Compiling is in `compiler` and `keywords`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rewardkit.types.values import parse_json

#: Steps of one check: a keyword met by a value, an item or a key looked at. A second or two.
MOST_STEPS = 2_000_000

#: Characters of a schema
LONGEST = 1_000_000

#: drafts of the standard
NEW, SEVEN = "2020-12", "draft-07"

Path = tuple[str | int, ...]

#: Keys and places of items that a schema has spoken of, for `unevaluatedProperties` and `…Items`; `None`
#: where nobody asks
Seen = set[str | int] | None

#: Whether a value meets one keyword
Test = Callable[[Any, "Run", Seen], bool]

#: The types that JSON values have in Python
KINDS = (type(None), bool, int, float, str, list, dict)


class SchemaError(ValueError):
    """A text is no schema; `path` leads to the spot, to a key itself where `key`."""

    def __init__(self, message: str, path: Path = (), *, key: bool = False) -> None:
        super().__init__(message)
        self.message, self.path, self.key = message, path, key


@dataclass
class Run:
    """One check: the steps that are left of it."""

    left: int = MOST_STEPS

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise ValueError(f"checking the value takes more than {MOST_STEPS:,} steps")


def never(value: Any, run: Run, seen: Seen) -> bool:
    """The test that `false` is."""
    return False


@dataclass(eq=False)
class Node:
    """A schema: what a value of each kind is put to, in turn, and what looks at the rest in the end."""

    path: Path
    tests: dict[type, list[Test]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    last: list[Test] = field(default_factory=list)  # `unevaluated…`

    def check(self, value: Any, run: Run, seen: Seen) -> bool:
        run.spend(1)
        own = set() if self.last else seen
        for test in self.tests[type(value)]:
            if not test(value, run, own):
                return False
        if self.last:
            if not all(test(value, run, own) for test in self.last):
                return False
            if seen is not None:
                seen |= own or set()
        return True


@dataclass(frozen=True, eq=False)
class Schema:
    """A compiled schema."""

    root: Node

    def valid(self, value: Any) -> bool:
        """Whether a value meets it. Raises `ValueError` where that takes too many steps."""
        try:
            return self.root.check(value, Run(), None)
        except RecursionError:
            raise ValueError("the schema refers to itself too deeply") from None


@lru_cache(maxsize=1024)
def compiled(text: str) -> Schema:
    """The schema of a JSON text. Raises `SchemaError`."""
    from rewardkit.library.schemas.compiler import compile_schema

    if len(text) > LONGEST:
        raise SchemaError(f"the schema has {len(text)} characters, more than {LONGEST}")
    try:
        value = parse_json(text)
    except ValueError as error:
        raise SchemaError(f"the schema is not JSON: {_lower(str(error))}") from error
    return Schema(compile_schema(value))


def check_schema(text: str) -> str | tuple[str, int] | None:
    """What is wrong with the text of a schema, and where in it."""
    from rewardkit.library.json_text import spot

    try:
        compiled(text)
    except SchemaError as error:
        at = getattr(error.__cause__, "pos", None)
        if error.__cause__ is None:
            at = spot(text, error.path, key=error.key)
        # the end of the text is no place that can be shown
        return error.message if at is None or at >= len(text) else (error.message, at)
    return None


def _lower(message: str) -> str:
    return message if message.startswith("JSON") else message[:1].lower() + message[1:]
