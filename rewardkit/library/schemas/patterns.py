"""Patterns of JSON Schemas, which are JavaScript's, as those of Rust's `regex`: linear in the text."""

from __future__ import annotations

import re
from functools import lru_cache

from rewardkit.library.patterns import check_pattern

#: Characters of a text whose match is remembered: names and codes come back, prose does not
_SHORT = 128

_PIECE = re.compile(r"\\u[0-9A-Fa-f]{4}|\\.|\[\^?|.", re.DOTALL)
_CLASSES = {r"\d": "[0-9]", r"\D": "[^0-9]", r"\w": "[A-Za-z0-9_]", r"\W": "[^A-Za-z0-9_]",
            r"\b": r"(?-u:\b)", r"\B": r"(?-u:\B)", r"\/": "/", r"\-": r"\-"}  # fmt: skip


def translated(pattern: str) -> str:
    """The same pattern for Rust: there `\\d` and `\\w` are Unicode's, and a class may hold classes."""
    out: list[str] = []
    within = False
    for piece in _PIECE.findall(pattern):
        if piece in ("[", "[^"):
            out.append(piece if not within else piece.replace("[", r"\["))
            within = True
        elif piece == "]":
            out.append(piece)
            within = False
        elif within and piece in ("&", "~"):
            out.append("\\" + piece)
        elif within and piece == r"\b":
            out.append(r"\x08")
        else:
            out.append(_CLASSES.get(piece, piece))
    return "".join(out)


def check(pattern: str) -> str | None:
    """What is wrong with a pattern of a schema."""
    problem = check_pattern(translated(pattern))
    message = problem[0] if isinstance(problem, tuple) else problem
    if message and "look-around" in message:
        return "there is no look-around in patterns"
    return message


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern that `check` found nothing wrong with matches anywhere in a text."""
    quick = plain(pattern)
    if quick is not None:
        return quick.match(text) is not None
    return _remembered(pattern, text) if len(text) <= _SHORT else search(pattern, text)


#: What both engines read alike: one character, or a class of plain ones, and how often
_PART = re.compile(
    r"(?:[A-Za-z0-9_ ,:;@#%!=<>'\"./-]|\\[.dw/\-+*?()\[\]{}$^|\\]"
    r"|\[\^?(?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9_ ,.:;@#%!+*/=<>()]|\\[dw.\-/+*])+-?\])"
    r"([*+?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})?"
)


@lru_cache(maxsize=1024)
def plain(pattern: str) -> re.Pattern[str] | None:
    """The pattern for Python, which searches a short text a hundred times as fast, where that is as good:
    from the beginning of the text, and with one repeat of a free length at most, so that its steps are no
    more than the text has characters."""
    if not pattern.startswith("^"):
        return None
    at, free = 1, 0
    while at < len(pattern) and pattern[at:] != "$":
        part = _PART.match(pattern, at)
        if part is None:
            return None
        free += part[1] is not None and (part[1] in "*+?" or "," in part[1])
        at = part.end()
    ends = at < len(pattern)
    return re.compile(pattern[1:at] + (r"\Z" if ends else ""), re.ASCII) if free <= 1 else None


def search(pattern: str, text: str) -> bool:
    import polars as pl

    return bool(pl.Series([text], dtype=pl.String).str.contains(_translated(pattern))[0])


_translated = lru_cache(maxsize=1024)(translated)
_remembered = lru_cache(maxsize=1 << 14)(search)
