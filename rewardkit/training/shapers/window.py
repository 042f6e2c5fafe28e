"""The strategic grams of a run: mined from its latest right completions, kept as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..numbers import is_integer
from .grams import check_top, mine
from .words import phrases

#: characters kept of a completion, so that the state of a run stays small
LONGEST_TEXT = 16_384
#: that a state may hold; mining gives fewer
MOST_GRAMS = 10_000


def grown(state: dict[str, Any], texts: Sequence[str], window: int, every: int, top: float) -> dict[str, Any]:
    """The state after one more call with these right completions; `state` stays as it is.

    `texts` are the latest `window` right completions, as lines of words; `grams` what was mined from them
    last; `calls` how many calls there were. Raises ValueError for an option out of range.
    """
    for name, value, least in (("window", window, 8), ("every", every, 1)):
        if not is_integer(value) or value < least:
            raise ValueError(f"{name} must be an integer from {least} on, not {value!r}")
    check_top(top)
    before, grams, calls = _read(state)
    latest = [*before, *map(_words, texts[-window:])][-window:]
    enough = len(latest) >= window / 4
    if enough and (calls % every == 0 or len(before) < window / 4):
        grams = mine(latest, top=top)
    return {"texts": latest, "grams": grams, "calls": calls + 1}


def _read(state: dict[str, Any]) -> tuple[list[str], list[str], int]:
    """Texts, grams and calls of a state, which a checkpoint may have kept. Raises ValueError."""
    texts, grams, calls = state.get("texts", []), state.get("grams", []), state.get("calls", 0)
    for found in (texts, grams):
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise ValueError("the state of the strategic grams cannot be read")
    whole = is_integer(calls) and calls >= 0
    if not whole or any(len(text) > LONGEST_TEXT * 4 for text in texts) or len(grams) > MOST_GRAMS:
        raise ValueError("the state of the strategic grams cannot be read")
    return texts, grams, calls


def _words(text: str) -> str:
    """The words alone, a line for each phrase: all that mining looks at, and safe to write anywhere."""
    found = phrases(text[:LONGEST_TEXT])
    return "\n".join(" ".join(word for word, _, _ in phrase) for phrase in found)
