"""Layouts that choose their own line breaks: what fits stands on one line, and what does not is broken.

A `Doc` tells what it measures when it is made, so that rendering takes time in step with its size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from rewardkit.language.concrete import Comment

#: columns of a line
WIDTH = 110
#: nothing is indented deeper, so that a file does not grow with the square of its nesting
DEEPEST = 60
#: the width of what cannot stand on one line
ENDLESS = 1_000_000_000


@dataclass(frozen=True, eq=False, slots=True)
class Doc:
    kind: Literal["text", "line", "comments", "join", "group", "nest", "value"]
    flat: int  # columns on one line, up to a text's own line break
    lead: int  # columns up to the first place where a line can end
    ends: bool  # whether there is such a place
    last: int | None = None  # columns after the last line break of a text; `None` where no text has one
    text: str = ""
    parts: tuple[Doc, ...] = ()
    comments: tuple[Comment, ...] = ()
    hugs: bool = False


def text(word: str) -> Doc:
    """Text as it is; it may have line breaks of its own."""
    first, broken, _ = word.partition("\n")
    if not broken:
        return Doc("text", len(word), len(word), False, text=word)
    return Doc("text", len(first), len(first), True, len(word) - word.rfind("\n") - 1, word)


EMPTY = text("")
SPACE = text(" ")
#: a space or nothing, or a new line where the group around it is broken
LINE = Doc("line", 1, 0, True, text=" ")
SOFT = Doc("line", 0, 0, True)


def remarks(comments: tuple[Comment, ...]) -> Doc:
    """Comments between two words: the word after them begins a line."""
    return Doc("comments", ENDLESS, 0, True, comments=comments)


def join(parts: Iterable[Doc]) -> Doc:
    """One after the other."""
    parts = tuple(part for part in parts if part is not EMPTY)
    flat, lead, ends = 0, 0, False
    last: int | None = None
    endless = False
    for part in parts:
        endless = endless or part.flat >= ENDLESS
        if last is None:
            flat, last = flat + part.flat, part.last
        else:
            last = last + part.flat if part.last is None else part.last
        if not ends:
            lead, ends = lead + part.lead, part.ends
    return Doc("join", ENDLESS if endless else flat, lead, ends, last, parts=parts)


def group(part: Doc) -> Doc:
    """On one line where that fits, else with every line of its own broken."""
    return Doc("group", part.flat, part.lead, part.ends, part.last, parts=(part,))


def nest(part: Doc) -> Doc:
    """Lines inside stand two columns deeper."""
    return Doc("nest", part.flat, part.lead, part.ends, part.last, parts=(part,))


def value(space: Doc, part: Doc, hugs: bool) -> Doc:
    """What stands after `=`: on the same line, else on the next. What `hugs` is better broken in its
    brackets than moved to the next line, where it would not fit either."""
    flat = min(part.flat + space.flat, ENDLESS)
    return Doc("value", flat, 0, True, part.last, parts=(space, group(part)), hugs=hugs)


def wider(doc: Doc, more: int) -> Doc:
    """White space with more columns, where it stands on a line."""
    spaces = " " * (doc.flat + more)
    return replace(doc, text=spaces, flat=len(spaces), lead=0 if doc.ends else len(spaces)) if more else doc


def on_one_line(doc: Doc) -> str:
    """The text of what has no comments in it, without any line break but those of texts."""
    out: list[str] = []
    stack = [doc]
    while stack:
        doc = stack.pop()
        out.append(doc.text)
        stack.extend(reversed(doc.parts))
    return "".join(out)


def render(doc: Doc, indent: int) -> str:
    """The text of a document that begins `indent` columns deep; no line ends in a space."""
    out: list[str] = [" " * indent]
    column = indent
    stack = [(indent, doc)]
    while stack:
        indent, doc = stack.pop()
        deeper = min(indent + 2, DEEPEST)
        if doc.kind == "text":
            out.append(doc.text)
            column = column + doc.flat if doc.last is None else doc.last
        elif doc.kind == "line":
            out.append("\n" + " " * indent)
            column = indent
        elif doc.kind == "comments":
            out += [f"\n{' ' * indent}{c.text}" if c.own_line else f"  {c.text}" for c in doc.comments]
            out.append("\n" + " " * indent)
            column = indent
        elif doc.kind == "join":
            stack.extend((indent, part) for part in reversed(doc.parts))
        elif doc.kind == "nest":
            stack.append((deeper, doc.parts[0]))
        elif doc.kind == "group":
            if _fits(doc, column, stack):
                out.append(on_one_line(doc))
                column = column + doc.flat if doc.last is None else doc.last
            else:
                stack.append((indent, doc.parts[0]))
        else:
            space, inner = doc.parts
            same = column + doc.flat <= WIDTH and (inner.last or 0) <= WIDTH
            below = inner.last is None and deeper + inner.flat <= WIDTH
            if same or (doc.hugs and not below):
                stack += [(indent, inner), (indent, space)]
            else:
                stack += [(deeper, inner), (deeper, LINE)]
    return "".join(out)


def _fits(doc: Doc, column: int, rest: list[tuple[int, Doc]]) -> bool:
    """Whether a group fits on this line, with what follows it up to where the line can end."""
    if doc.flat >= ENDLESS or column + doc.flat > WIDTH:
        return False
    column = column + doc.flat if doc.last is None else doc.last
    for _, following in reversed(rest):
        if column > WIDTH or following.ends:
            return column + following.lead <= WIDTH
        column += following.lead
    return column <= WIDTH
