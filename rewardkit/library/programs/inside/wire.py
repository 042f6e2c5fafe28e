"""Values between processes, as JSON. What a program gives is rebuilt as plain builtins, never unpickled.

Nulls, truths, texts, floats and whole numbers below 2**53 are themselves. Everything else is a list that
begins with a tag: `["t", 1, 2]` is a tuple. Of a value of a subclass what travels is the builtin in it.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import fractions
import json
import math
from collections.abc import Callable
from typing import Any

#: Nesting of values, entries of one set or dict that share a hash, and hexadecimal digits of a whole number
MAX_DEPTH = 100
MAX_ALIKE = 64
MAX_DIGITS = 1 << 20
_MAX_PART = 10_000  # digits of what is computed with when it is made: a decimal, the parts of a fraction

#: tags of builtins that hold others, that are bytes, and that are times
_Tags = tuple[tuple[str, Any], ...]
_SEQUENCES: _Tags = (("l", list), ("t", tuple), ("s", set), ("z", frozenset), ("q", collections.deque))
_MAPPINGS: _Tags = (("n", collections.Counter), ("o", collections.OrderedDict), ("d", dict))
_BYTES: _Tags = (("b", bytes), ("a", bytearray))
_TIMES: _Tags = (("dt", datetime.datetime), ("da", datetime.date), ("ti", datetime.time))


_VIEWS: tuple[Any, ...] = (type({}.keys()), type({}.values()), type({}.items()))
#: classes that are values themselves: `int`, `str`, …
BUILTINS: dict[str, Any] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and not issubclass(kind, BaseException)
}


def dumps(value: Any) -> bytes:
    """A message as bytes."""
    return json.dumps(value, separators=(",", ":")).encode()


def loads(data: bytes) -> Any:
    """A message from bytes. Raises `ValueError`."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deep") from None


def pack(value: Any, other: Callable[[Any], Any] | None = None, room: int = MAX_DEPTH) -> Any:
    """A value as JSON. `other` writes what no tag is for.

    Raises:
        ValueError: it is nested too deep.
        TypeError: it is something else, and there is no `other`.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int.__int__(value)
        return number if -(2**53) < number < 2**53 else ["i", format(number, "x")]
    if isinstance(value, float):
        real = float.__float__(value)
        return real if math.isfinite(real) else ["f", repr(real)]
    if room == 0:
        raise ValueError(f"a value is nested deeper than {MAX_DEPTH} levels")
    room -= 1
    for tag, kind in _SEQUENCES:
        if isinstance(value, kind):
            return [tag, *[pack(item, other, room) for item in kind.__iter__(value)]]
    for tag, kind in _MAPPINGS:
        if isinstance(value, kind):
            return [tag, *[pack(part, other, room) for pair in dict.items(value) for part in pair]]
    for tag, kind in _BYTES:
        if isinstance(value, kind):
            return [tag, bytes(value).hex()]
    if isinstance(value, complex):
        return ["c", pack(value.real), pack(value.imag)]
    if isinstance(value, range):
        return ["r", pack(value.start), pack(value.stop), pack(value.step)]
    if isinstance(value, decimal.Decimal):
        return ["D", decimal.Decimal.__str__(value)]
    if isinstance(value, fractions.Fraction):
        return ["Q", pack(value.numerator), pack(value.denominator)]
    for tag, kind in _TIMES:
        if isinstance(value, kind):
            return [tag, kind.isoformat(value)]
    if isinstance(value, datetime.timedelta):
        return ["td", value.days, value.seconds, value.microseconds]
    if value is Ellipsis:
        return ["e"]
    if isinstance(value, type):
        name = value.__name__
        if BUILTINS.get(name) is value:
            return ["g", name]
    if isinstance(value, _VIEWS):
        return ["l", *[pack(item, other, room) for item in value]]
    if getattr(type(value), "__module__", None) == "numpy" and hasattr(value, "tolist"):
        return pack(value.tolist(), other, room)
    if other is None:
        name = getattr(type(value), "__name__", "?")
        raise TypeError(f"a value of type {name} cannot be handed over")
    return other(value)


def unpack(node: Any, other: Callable[[Any], Any] | None = None) -> Any:
    """The value of a message's part. `other` reads lists with a tag that is not known here.

    Raises:
        ValueError: it is no value, or one that would cost too much.
    """
    try:
        return _unpack(node, other, MAX_DEPTH)
    except (TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"not a value: {type(error).__name__}") from None


def _unpack(node: Any, other: Callable[[Any], Any] | None, room: int) -> Any:
    if node is None or isinstance(node, (bool, str, int, float)):
        return node
    if not isinstance(node, list) or not node or not isinstance(node[0], str):
        raise ValueError("not a value")
    if room == 0:
        raise ValueError("nested too deep")
    tag, parts = node[0], node[1:]
    for known, kind in _SEQUENCES:
        if tag == known:
            items = [_unpack(part, other, room - 1) for part in parts]
            return kind(_distinct(items)) if known in "sz" else kind(items)
    for known, kind in _MAPPINGS:
        if tag == known:
            items = [_unpack(part, other, room - 1) for part in parts]
            keys = _distinct(items[::2])
            return kind({key: items[2 * i + 1] for i, key in enumerate(keys)})
    if tag in _READERS:
        return _READERS[tag](*[_unpack(part, other, room - 1) for part in parts])
    if other is None:
        raise ValueError("not a value")
    return other(node)


def _distinct(keys: list[Any]) -> list[Any]:
    """The keys, unless so many have one hash that a table of them would take forever."""
    alike = collections.Counter(hash(key) for key in keys)
    if alike and max(alike.values()) > MAX_ALIKE:
        raise ValueError("too many keys with one hash")
    return keys


def _short(text: Any, most: int) -> str:
    if not isinstance(text, str) or len(text) > most:
        raise ValueError("not a value")
    return text


def _small(number: Any) -> int:
    if not isinstance(number, int) or number.bit_length() > 4 * _MAX_PART:
        raise ValueError("not a whole number of a fraction")
    return number


_READERS: dict[str, Callable[..., Any]] = {
    "i": lambda text: int(_short(text, MAX_DIGITS), 16),
    "f": lambda text: float(_short(text, 8)),
    "b": lambda text: bytes.fromhex(text),
    "a": lambda text: bytearray.fromhex(text),
    "c": lambda real, imaginary: complex(real, imaginary),
    "r": lambda start, stop, step: range(start, stop, step),
    "D": lambda text: decimal.Decimal(_short(text, _MAX_PART)),
    "Q": lambda above, below: fractions.Fraction(_small(above), _small(below)),
    "dt": lambda text: datetime.datetime.fromisoformat(_short(text, 40)),
    "da": lambda text: datetime.date.fromisoformat(_short(text, 10)),
    "ti": lambda text: datetime.time.fromisoformat(_short(text, 40)),
    "td": lambda days, seconds, micro: datetime.timedelta(days, seconds, micro),
    "e": lambda: Ellipsis,
    "g": lambda name: BUILTINS[name],
}
