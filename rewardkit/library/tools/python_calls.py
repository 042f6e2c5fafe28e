"""Calls written as Python expressions: `[f(a=1), g.h(b="x")]`.

A small grammar of its own reads them in one pass and to a bounded depth. Python's parser never sees the
text: it takes half a gigabyte for some texts of a megabyte, and all of its stack for others.
"""

from __future__ import annotations

import re
import unicodedata
from keyword import iskeyword
from typing import Any, NamedTuple

from rewardkit.types.values import MAX_DEPTH, MAX_DIGITS

Found = list[tuple[str, dict[str, Any]]]

_NAME = r"[^\W\d]\w*+"
_BEGINS = re.compile(rf"\s*+(?:\[|{_NAME}(?:\.{_NAME})*+\()")
_SPACE = re.compile(r"\s*+")

# a text in quotes: to the same quotes again, over escapes and, in three quotes, over lines
_TEXT = "|".join(
    rf"{q * 3}(?:[^{q}\\]++|\\.|{q}(?!{q * 2}))*+{q * 3}|{q}(?!{q * 2})(?:[^{q}\\\n]++|\\.)*+{q}"
    for q in "'\""
)
_TOKEN = re.compile(
    rf"(?P<text>[rRuU]?+(?:{_TEXT}))"
    rf"|(?P<name>{_NAME})"
    r"|(?P<number>(?:[0-9]\w*+\.?+\w*+|\.[0-9]\w*+)(?:(?<=[eE])[+-][0-9]\w*+)?+)"
    r"|(?P<mark>[()\[\]{},=:.+-])",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:(\n)|([\\'\"abfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|N\{([^{}]{1,99})\}|([xuUN]))"
)
_PLAIN = dict(zip("\\'\"abfnrtv", "\\'\"\a\b\f\n\r\t\v", strict=True))
_CONSTANTS = {"True": True, "False": False, "None": None}


class _Token(NamedTuple):
    kind: str  # `text`, `name`, `number`, `mark`, or `end`
    text: str


def read_calls(text: str, most: int, variables: bool = False) -> Found:
    """The calls of a text that is one call, several with commas between them, or a list of them.

    A text that does not begin with a call or a bracket calls nothing. Arguments are named, and literals;
    with `variables`, a name, `a.b` or `a["b"]` among them stands for its own text.

    Raises:
        ValueError: it is something else, or there are more than `most` calls.
    """
    if not _BEGINS.match(text):
        return []
    if "\0" in text:
        raise ValueError("Python has no null characters")
    lines = text.replace("\r\n", "\n").replace("\r", "\n")  # as Python reads a file
    return _Reader(lines, variables).calls(most)


class _Reader:
    """Reads one text from left to right, one token ahead."""

    def __init__(self, text: str, variables: bool) -> None:
        self.text, self.variables, self.end = text, variables, 0
        self.next = self._token()

    def calls(self, most: int) -> Found:
        close = "]" if self._skip("[") else ""
        found: Found = []
        while self.next != (("mark", close) if close else ("end", "")):
            if len(found) == most:
                raise ValueError("too many calls")
            found.append(self._call())
            if not self._skip(","):
                break
        if close:
            self._want(close)
        if self.next.kind != "end":
            raise ValueError("text after the calls")
        return found

    def _call(self) -> tuple[str, dict[str, Any]]:
        name = self._dotted()
        self._want("(")
        arguments: dict[str, Any] = {}
        while self.next != ("mark", ")"):
            key = self._name()
            self._want("=")
            if key in arguments:
                raise ValueError("an argument is given twice")
            arguments[key] = self._value(MAX_DEPTH - 1)
            if not self._skip(","):
                break
        self._want(")")
        return name, arguments

    # --- values --------------------------------------------------------------------------------------

    def _value(self, room: int) -> Any:
        if room == 0:
            raise ValueError("nested too deep")
        if self.next.kind == "text":
            return self._texts()
        if self.next.kind == "name":
            return self._named()
        if self._skip("["):
            return self._items("]", room)[0]
        if self._skip("("):
            items, commas = self._items(")", room)
            return items if commas or not items else items[0]  # a tuple, or one value in parentheses
        if self._skip("{"):
            return self._pairs(room)
        return self._number()

    def _items(self, close: str, room: int) -> tuple[list[Any], int]:
        """Values up to `close`, and how many commas there were."""
        items: list[Any] = []
        commas = 0
        while self.next != ("mark", close):
            items.append(self._value(room - 1))
            if not self._skip(","):
                break
            commas += 1
        self._want(close)
        return items, commas

    def _pairs(self, room: int) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        while self.next != ("mark", "}"):
            key = self._texts()
            self._want(":")
            if key in pairs:
                raise ValueError("a key is given twice")
            pairs[key] = self._value(room - 1)
            if not self._skip(","):
                break
        self._want("}")
        return pairs

    def _texts(self) -> str:
        """One text, or several side by side."""
        parts = [_unquoted(self._take("text"))]
        while self.next.kind == "text":
            parts.append(_unquoted(self._take("text")))
        return "".join(parts)

    def _number(self) -> int | float:
        sign = -1 if self._skip("-") else 1
        if sign == 1:
            self._skip("+")
        digits = self._take("number")
        if len(digits) > 2 * MAX_DIGITS or not digits.isascii():
            raise ValueError("too many digits, or strange ones")
        whole = digits.replace("_", "").isdigit() or digits[:2].lower() in ("0x", "0o", "0b")
        return sign * (int(digits, 0) if whole else float(digits))

    def _named(self) -> Any:
        if self.next.text in _CONSTANTS:
            return _CONSTANTS[self._take("name")]
        if not self.variables:
            raise ValueError("a variable, not a literal")
        text = self._dotted()
        while self._skip("["):
            index = self._texts() if self.next.kind == "text" else self._number()
            text += f"[{index!r}]"
            self._want("]")
        return text

    # --- tokens --------------------------------------------------------------------------------------

    def _dotted(self) -> str:
        parts = [self._name()]
        while self._skip("."):
            parts.append(self._name())
        return ".".join(parts)

    def _name(self) -> str:
        name = self._take("name")
        if iskeyword(name) or not name.isidentifier():
            raise ValueError("no name in Python")
        return name

    def _take(self, kind: str) -> str:
        token = self.next
        if token.kind != kind:
            raise ValueError(f"expected a {kind}")
        self.next = self._token()
        return token.text

    def _skip(self, mark: str) -> bool:
        if self.next != ("mark", mark):
            return False
        self.next = self._token()
        return True

    def _want(self, mark: str) -> None:
        if not self._skip(mark):
            raise ValueError(f"expected `{mark}`")

    def _token(self) -> _Token:
        space = _SPACE.match(self.text, self.end)
        start = space.end() if space else self.end
        if start == len(self.text):
            return _Token("end", "")
        token = _TOKEN.match(self.text, start)
        if token is None:
            raise ValueError("not a token")
        self.end = token.end()
        return _Token(str(token.lastgroup), token.group())


def _unquoted(token: str) -> str:
    """The text that a literal stands for. Raises `ValueError` for an escape that is cut short."""
    raw = token[0] in "rR"
    body = token.lstrip("rRuU")
    quotes = 3 if body[:3] in ("'''", '"""') and len(body) >= 6 else 1
    body = body[quotes:-quotes]
    return body if raw or "\\" not in body else _ESCAPE.sub(_unescaped, body)


def _unescaped(found: re.Match[str]) -> str:
    line, plain, octal, *points, name, torn = found.groups()
    if line:
        return ""
    if plain:
        return _PLAIN[plain]
    if torn:
        raise ValueError("an escape is cut short")
    if name:
        try:
            return unicodedata.lookup(name)
        except KeyError:
            raise ValueError("no such character") from None
    if octal:
        return chr(int(octal, 8))
    code = int(next(point for point in points if point), 16)
    if code > 0x10FFFF:
        raise ValueError("no such character")
    return chr(code)
