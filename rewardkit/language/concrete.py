"""A file as it is written: its words and its comments in order, and lark's tree over them.

The comments stand in the gaps between the words, where the grammar passes over them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from lark import Token, Tree

from rewardkit.language.grammar import parser

Node = Tree[Token]

_COMMENT = re.compile(r"#[^\n]*")


@dataclass(frozen=True)
class Comment:
    text: str  # with its `#`, without what cannot be seen at its end
    own_line: bool  # no word stands before it on its line
    spaced: bool  # an empty line stands before it


@dataclass(frozen=True)
class Gap:
    """What stands before a word: comments, and whether an empty line comes right before the word."""

    comments: tuple[Comment, ...]
    spaced: bool


@dataclass(frozen=True, eq=False)
class File:
    """`gaps[i]` stands before `words[i]`, the last one at the end of the file."""

    words: tuple[str, ...]
    gaps: tuple[Gap, ...]
    root: Node
    starts: dict[int, int]  # offset -> the number of the word that begins there
    ends: dict[int, int]  # offset -> the number of the word that ends there

    def first(self, part: int | Node) -> int:
        """The number of the first word of a part of the tree."""
        return part if isinstance(part, int) else self.starts[part.meta.start_pos]

    def last(self, part: int | Node) -> int:
        return part if isinstance(part, int) else self.ends[part.meta.end_pos]

    def parts(self, node: Node) -> list[int | Node]:
        """The numbers of a node's own words and the nodes below it, in order; lark leaves some words out."""
        if node.meta.empty:
            return []
        found: list[int | Node] = []
        at = self.first(node)
        for child in node.children:
            if isinstance(child, Tree):
                found.extend(range(at, self.first(child)))
                found.append(child)
                at = self.last(child) + 1
        found.extend(range(at, self.last(node) + 1))
        return found

    @cached_property
    def comments(self) -> tuple[str, ...]:
        return tuple(comment.text for gap in self.gaps for comment in gap.comments)


def read(text: str) -> File:
    """The words, comments and tree of a text.

    Raises:
        lark.UnexpectedInput: it does not parse.
    """
    parsing = parser().parse_interactive(text)
    tokens = list(parsing.iter_parse())
    root: Node = parsing.feed_eof(tokens[-1] if tokens else None)  # type: ignore[no-untyped-call]
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    gaps: list[Gap] = []
    at = 0
    for i, token in enumerate(tokens):
        assert token.start_pos is not None and token.end_pos is not None
        starts[token.start_pos], ends[token.end_pos] = i, i
        gaps.append(_gap(text, at, token.start_pos))
        at = token.end_pos
    gaps.append(_gap(text, at, len(text)))
    return File(tuple(map(str, tokens)), tuple(gaps), root, starts, ends)


def _gap(text: str, start: int, end: int) -> Gap:
    """The comments between two words; white space is all else that can stand there."""
    comments: list[Comment] = []
    at = start
    for match in _COMMENT.finditer(text, start, end):
        lines = text.count("\n", at, match.start())
        comments.append(Comment(match.group().rstrip(" \t\r\ufeff"), start == 0 or lines > 0, lines > 1))
        at = match.end()
    return Gap(tuple(comments), text.count("\n", at, end) > 1)
