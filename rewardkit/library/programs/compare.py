"""Whether what a program gave is what was expected. Only plain builtins are compared, and only here."""

from __future__ import annotations

import math
import re
from typing import Any


class Opaque:
    """A value that is no plain builtin: it equals nothing."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__


def equal(found: Any, expected: Any, *, exact: bool, tolerance: float | None = None) -> bool:
    """Python's `==`, with numbers no further apart than `tolerance` (relative above 1, else absolute).

    So `1`, `1.0` and `True` are equal. Unless `exact`, a tuple equals the list with its items.
    """
    if isinstance(found, list | tuple) and isinstance(expected, list | tuple):
        if (exact and type(found) is not type(expected)) or len(found) != len(expected):
            return False
        pairs = zip(found, expected, strict=True)
        return all(equal(a, b, exact=exact, tolerance=tolerance) for a, b in pairs)
    if isinstance(found, dict) and type(expected) is dict:
        if len(found) != len(expected):
            return False
        return all(
            key in found and equal(found[key], item, exact=exact, tolerance=tolerance)
            for key, item in expected.items()
        )
    if tolerance is not None and _is_number(found) and _is_number(expected):
        return close(found, expected, tolerance)
    try:
        return bool(found == expected)
    except ArithmeticError:  # a signalling NaN, which a decimal may be
        return False


def close(found: float, expected: float, tolerance: float) -> bool:
    """Whether two numbers are within `tolerance × max(1, |expected|)`; infinities only equal themselves."""
    if found == expected:
        return True
    try:
        apart = abs(found - expected)
        return math.isfinite(apart) and apart <= tolerance * max(1.0, abs(expected))
    except OverflowError:
        return False


def same_output(found: bytes, expected: str, tolerance: float | None = None) -> bool:
    """Whether an output is the one expected: all of it, but for white space at the ends of lines and
    line ends at its own. With a `tolerance`, words that are numbers may differ by it."""
    try:
        lines, wanted = _lines(found.decode("utf-8")), _lines(expected)
    except UnicodeDecodeError:
        return False
    if tolerance is None or len(lines) != len(wanted):
        return lines == wanted
    return all(_same_words(a, b, tolerance) for a, b in zip(lines, wanted, strict=True))


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_words(line: str, expected: str, tolerance: float) -> bool:
    if line == expected:
        return True
    words, wanted = line.split(), expected.split()
    if len(words) != len(wanted):
        return False
    return all(a == b or _same_number(a, b, tolerance) for a, b in zip(words, wanted, strict=True))


def _same_number(word: str, expected: str, tolerance: float) -> bool:
    a, b = _number(word), _number(expected)
    return a is not None and b is not None and close(a, b, tolerance)


#: plain numbers: Python's own reading takes `1_0` and digits of every script
_PLAIN = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


def _number(word: str) -> float | None:
    """The number that a word is. Digits beyond the range of a real are none: they would all be equal."""
    if not _PLAIN.fullmatch(word):
        return float(word) if _INFINITE.fullmatch(word) else None
    value = float(word)
    return value if math.isfinite(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
