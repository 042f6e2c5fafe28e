"""Literals: numbers with units, and the three kinds of text."""

from __future__ import annotations

import re
from fractions import Fraction

from rewardkit.types.types import UNITS

_NUMBER = re.compile(r"([0-9]+)(\.[0-9]+)?(?:[eE]([+-]?[0-9]+))?(tok|ch|s)?")
_SUFFIX_TO_UNIT = {suffix: unit for unit, suffix in UNITS.items()}
_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}
_CONTROLS = {"r": "d", "0": "0"}
_UNICODE = re.compile(r"u\{([0-9A-Fa-f]{1,6})\}")

#: digits and exponents beyond this are diagnosed, so that no literal costs more than it should
MAX_DIGITS = 40
MAX_EXPONENT = 300


class LiteralError(Exception):
    """A literal that is malformed `offset` code points after its start, over `length` of them."""

    def __init__(self, message: str, offset: int, length: int, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.offset, self.length, self.help = message, offset, length, help


def read_number(text: str) -> tuple[Fraction, str | None, bool]:
    """The exact value, the unit, and whether it is written as a whole number."""
    match = _NUMBER.fullmatch(text)
    assert match is not None
    whole, decimals, exponent, suffix = match.groups()
    digits = len(whole) + len(decimals or "")
    if digits > MAX_DIGITS or (exponent and (len(exponent) > 4 or abs(int(exponent)) > MAX_EXPONENT)):
        raise LiteralError(
            f"this number is too long: {MAX_DIGITS} digits and exponents to {MAX_EXPONENT} are allowed",
            0,
            len(text),
            "no real of 64 bits is more exact, or larger",
        )
    value = Fraction(whole + (decimals or ""))
    if exponent:
        value *= Fraction(10) ** int(exponent)
    return value, _SUFFIX_TO_UNIT[suffix] if suffix else None, not decimals and not exponent


def read_text(text: str) -> tuple[str, tuple[int, ...] | None]:
    """The value of a text literal, and where in the literal each of its code points stands."""
    if text.startswith('"""'):
        return text[3:-3], tuple(range(3, len(text) - 3))
    if text.startswith('r"'):
        return text[2:-1], tuple(range(2, len(text) - 1))
    out: list[str] = []
    offsets: list[int] = []
    i, end = 1, len(text) - 1
    while i < end:
        offsets.append(i)
        if text[i] != "\\":
            out.append(text[i])
            i += 1
            continue
        escape = text[i + 1]
        unicode = _UNICODE.match(text, i + 1)
        if escape in _ESCAPES:
            out.append(_ESCAPES[escape])
            i += 2
        elif unicode:
            out.append(_code_point(unicode.group(1), i))
            i = unicode.end()
        else:
            raise LiteralError(
                f"there is no escape `\\{escape}`", i, 2, _escape_help(text[1:-1], text[i + 1 : i + 3])
            )
    return "".join(out), tuple(offsets)


def _escape_help(body: str, following: str) -> str:
    """A raw text where the body means the same in one, else how to write this escape."""
    escape, word = following[0], following[1:].isalpha()
    if escape in _CONTROLS and not word:
        return f"write `\\u{{{_CONTROLS[escape]}}}`"
    if escape == "'":
        return "write `'` as it is"
    if escape == "u" and not word:
        return "write the number in braces: `\\u{e9}`"
    if '"' not in body and not re.search(r"\\[\\nt\"]", body):
        return f'write a raw text: `r"{body}"`' if len(body) <= 60 else 'write a raw text: `r"…"`'
    return f"write `\\\\{escape}`: a backslash itself is `\\\\`"


def _code_point(digits: str, offset: int) -> str:
    value = int(digits, 16)
    if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
        raise LiteralError(f"`\\u{{{digits}}}` is not a character", offset, len(digits) + 4)
    return chr(value)
