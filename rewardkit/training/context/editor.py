"""The model that edits, and how its answers are read: one JSON object of each, of which nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rewardkit.library.format import in_fence
from rewardkit.types.values import decode_json, parse_json

from .asking import Ask, Remembered, Reply
from .library import KINDS, Operation
from .questions import Question

#: times that a question without a usable answer is asked again
RETRIES = 3

_LONGEST_ANSWER = 1 << 20
_MOST_OBJECTS = 100
_LONGEST_ID = 16

Found = TypeVar("Found")


@dataclass
class Editor:
    """Asks an editing model, again where an answer is of no use."""

    model: Remembered
    failed: int = 0  #: questions so far that got no usable answer
    why: str = ""  #: of the last of them

    def ask(
        self,
        questions: Sequence[Question],
        read: Callable[[str], Found | None],
        seed: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Found | None]:
        """What was read of each answer; None where none of the attempts was of use."""
        found: list[Found | None] = [None] * len(questions)
        left = list(range(len(questions)))
        for attempt in range(RETRIES + 1):
            asks = [Ask(questions[i].messages(), (seed + i * (RETRIES + 1) + attempt) % 2**63) for i in left]
            for i, reply in zip(left, self.model.ask(asks, progress), strict=True):
                found[i] = self._read(reply, read)
            left = [i for i in left if found[i] is None]
            if not left:
                break
        self.failed += len(left)
        return found

    def _read(self, reply: Reply, read: Callable[[str], Found | None]) -> Found | None:
        found = read(reply.text) if reply.error is None else None
        if found is None:
            cut = "" if reply.finished else ", as it was cut off at `max_tokens`"
            self.why = reply.error or f"it is not in the form that was asked for{cut}"
        return found


# --- the answers -------------------------------------------------------------------------------------


def read_text(key: str, longest: int) -> Callable[[str], str | None]:
    """Reads a text of at most so many characters."""

    def read(answer: str) -> str | None:
        value = read_value(answer, key)
        fits = isinstance(value, str) and 0 < len(value.strip()) <= longest
        return value.strip() if fits else None

    return read


def read_texts(key: str, most: int, longest: int) -> Callable[[str], list[str] | None]:
    """Reads a list of texts: the first so many, each cut to so many characters."""

    def read(answer: str) -> list[str] | None:
        values = read_value(answer, key)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return None
        return [value.strip()[:longest] for value in values if value.strip()][:most]

    return read


def read_operations(most: int, longest: int) -> Callable[[str], list[Operation] | None]:
    """Reads the first so many operations, each text cut; one of an unknown kind spoils the answer."""

    def read(answer: str) -> list[Operation] | None:
        values = read_value(answer, "operations")
        if not isinstance(values, list):
            return None
        found = [_operation(value, longest) for value in values[:most]]
        return None if None in found else [change for change in found if change is not None]

    return read


def _operation(value: Any, longest: int) -> Operation | None:
    if not isinstance(value, dict):
        return None
    kind, name, content = value.get("operation"), value.get("id"), value.get("content")
    if not isinstance(kind, str) or kind.upper() not in KINDS:
        return None
    kind = kind.upper()
    text = content.strip()[:longest] if isinstance(content, str) else ""
    known = isinstance(name, str) and len(name) <= _LONGEST_ID
    return Operation(kind, name if known else None, text)  # type: ignore[arg-type]


def read_value(answer: str, key: str) -> Any:
    """What stands under `key` in the answer's JSON object: the whole answer's, else the last that has it."""
    text = answer[-_LONGEST_ANSWER:].rpartition("</think>")[2].strip()
    fenced = in_fence(text)
    try:
        value = parse_json(text if fenced is None else fenced)
        return value.get(key) if isinstance(value, dict) else None
    except ValueError:
        pass
    found, place = None, text.find("{")
    for _ in range(_MOST_OBJECTS):
        if place < 0:
            break
        try:
            value, end = decode_json(text, place)
        except ValueError:
            end = place + 1
        else:
            found = value[key] if isinstance(value, dict) and key in value else found
        place = text.find("{", end)
    return found
