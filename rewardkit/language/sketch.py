"""A forgiving look at a file that does not parse: its words, its brackets, where its statements begin."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import NamedTuple

STATEMENTS = (
    "language", "input", "param", "def", "use", "extern", "let", "term", "reward", "advantage", "skip",
    "mask", "prove", "test",
)  # fmt: skip
KEYWORDS = frozenset(
    (
        *STATEMENTS, "sample", "group", "mock", "expect", "rows", "within", "if", "then", "else", "and", "or",
        "not", "true", "false", "null", "in", "when", "over", "where", "for", "outranks", "increasing",
        "decreasing", "constant",
    )
)  # fmt: skip

#: keywords that a statement can end in
_ENDING = frozenset(("true", "false", "null", "group", "reward"))

#: the kinds of words that can follow a statement's keyword, where that is no name
_FOLLOWS = {
    "language": ("number",), "use": ("text",), "test": ("text",), "reward": ("open", "name"),
    "prove": ("name", "open", "number", "sign"),
}  # fmt: skip

_WORD = re.compile(
    r"""(?P<space>[ \t\r\n\ufeff]+|\#[^\n]*)
      | (?P<text>\"\"\"(?:[^"]|"(?!""))*(?:\"\"\"|\Z) | r"[^"\n]*"? | "(?:[^"\\\n]|\\.)*"?)
      | (?P<number>[0-9](?:[A-Za-z0-9_]|\.(?!\.))*)
      | (?P<name>\w+)
      | (?P<open>[\[({])
      | (?P<close>[\])}])
      | (?P<sign>\?\?|[=!<>]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class Word(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class Sketch:
    """What can be said of any text: it is read once, from the left, and never refused."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def words(self) -> list[Word]:
        """Everything but white space and comments."""
        return [
            Word(str(m.lastgroup), m.group(), m.start(), m.end())
            for m in _WORD.finditer(self.text)
            if m.lastgroup != "space"
        ]

    @cached_property
    def comments(self) -> list[Word]:
        """The comments, without the end of their lines."""
        return [
            Word("comment", m.group().rstrip("\r"), m.start(), m.end())
            for m in _WORD.finditer(self.text)
            if m.lastgroup == "space" and m.group().startswith("#")
        ]

    @cached_property
    def _offsets(self) -> list[int]:
        return [word.start for word in self.words]

    def index(self, offset: int) -> int:
        """The number of the first word at `offset` or after."""
        return bisect_left(self._offsets, offset)

    def opens_line(self, word: Word) -> bool:
        return not self.text[self.text.rfind("\n", 0, word.start) + 1 : word.start].strip()

    @cached_property
    def starts(self) -> list[int]:
        """Where statements begin: at a keyword outside of all brackets, or at one that opens a line and
        is indented no deeper than the statement before, whose bracket then was never closed."""
        starts: list[int] = []
        depth, indent = 0, 0
        for i, word in enumerate(self.words):
            if word.kind == "open":
                depth += 1
            elif word.kind == "close":
                depth = max(0, depth - 1)
            elif word.kind == "name" and word.text in STATEMENTS:
                column = word.start - self.text.rfind("\n", 0, word.start) - 1
                opens = self.opens_line(word)
                if (opens and (depth == 0 or column <= indent)) or (depth == 0 and self._may_follow(i)):
                    starts.append(word.start)
                    depth, indent = 0, column if opens else indent
        return starts

    def _may_follow(self, i: int) -> bool:
        """Whether word `i` stands where a statement on the same line can begin."""
        if i == 0:
            return True
        following = self.words[i + 1] if i + 1 < len(self.words) else self.words[i]
        if following.kind not in _FOLLOWS.get(self.words[i].text, ("name",)):
            return False
        if self.words[i].text in ("reward", "skip", "mask") and following.text not in ("{", "in", "when"):
            return False
        before = self.words[i - 1]
        if before.kind == "name":
            return before.text not in KEYWORDS or before.text in _ENDING
        return before.kind in ("number", "text", "close") or before.text in (";", ",")

    def statement(self, offset: int) -> tuple[int, int]:
        """Begin and end of the statement around `offset`; of the one before, where one begins just there."""
        at = bisect_right(self.starts, offset) - 1
        if at > 0 and self.starts[at] == offset:
            at -= 1
        start = self.starts[at] if at >= 0 else 0
        end = self.starts[at + 1] if at + 1 < len(self.starts) else len(self.text)
        return (start, end) if start <= offset <= end else (offset, end)

    def open_brackets(self, start: int, end: int) -> list[int]:
        """The words that open a bracket between two offsets and are not closed there, outermost first."""
        stack: list[int] = []
        for i in range(self.index(start), self.index(end)):
            word = self.words[i]
            if word.kind == "open":
                stack.append(i)
            elif word.kind == "close" and stack:
                stack.pop()
        return stack


def closing(bracket: str) -> str:
    return _CLOSING[bracket]


def one_line(text: str) -> str:
    """Source text on one line, without comments, as it is usually spaced."""
    return _line(Sketch(text).words, None)


#: characters of a text that `brief` looks at, so that long ones cost no more
_READ = 2_000


def brief(text: str, most: int = 40) -> str:
    """Source text on one line; where it is long, with `…` for what stands in brackets, else for its end."""
    words = Sketch(text[:_READ]).words
    line = _line(words, None)
    if len(line) <= most and len(text) <= _READ:
        return line
    if words and words[0].kind != "open" and len(text) <= _READ:
        for depth in (2, 1):
            shown = _line(words, depth)
            if len(shown) <= most:
                return shown
    cut = line[: most - 1]
    space = cut.rfind(" ")
    return (cut[:space] + " …") if space >= most // 2 else cut + "…"


def _line(words: list[Word], deepest: int | None) -> str:
    """The words on one line, without comments; `…` for what stands `deepest` brackets deep."""
    out: list[str] = []
    depth, end = 0, words[0].start if words else 0
    for word in words:
        depth -= word.kind == "close"
        if deepest is None or depth < deepest:
            gap = " " if word.start > end else ""
            out.append(gap + " ".join(word.text.split()))
        elif out[-1] != "…":
            out.append("…")
        if deepest is not None and depth == deepest - 1 and word.kind == "close" and out[-2] == "…":
            out[-1] = word.text  # no space before it
        end = word.end
        depth += word.kind == "open"
    return "".join(out)
