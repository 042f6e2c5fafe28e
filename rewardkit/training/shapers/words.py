"""The words of a text, and where they stand in it: what strategic grams are made of and matched on."""

from __future__ import annotations

import re
from collections.abc import Iterator

#: longer runs of letters are no words; a text may be one
LONGEST_WORD = 64

# scripts without spaces: each character is a word of its own
_ALONE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = rf"[^\W\d_{_ALONE}]+|\d+|[{_ALONE}]"
_LINK = r"[ \t\r,'’\-*_`\"“”()]+"  # what may stand between the words of one phrase
_TOKEN = re.compile(rf"({_WORD})(?:{_LINK})?|{_LINK}|([^\w \t\r]+|.)", re.DOTALL)


def phrases(text: str) -> Iterator[list[tuple[str, int, int]]]:
    """The words of each phrase, as (case-folded word, start, end) in characters of `text`.

    A word is a run of letters, a run of digits, or one Chinese or Japanese character; an apostrophe parts
    words. A phrase ends at a full stop, a colon, an operator, a line's end: at anything but words, blanks,
    commas, quotes, hyphens, brackets and marks of emphasis. Linear in the length of the text.
    """
    words: list[tuple[str, int, int]] = []
    for match in _TOKEN.finditer(text):
        word, end = match.groups()
        if word is not None and len(word) <= LONGEST_WORD:
            start = match.start()
            words.append((word.casefold(), start, start + len(word)))
        elif (word or end) and words:
            yield words
            words = []
    if words:
        yield words


def gram(text: str) -> tuple[str, ...]:
    """The words of a strategic gram; ends of phrases do not count."""
    return tuple(word for phrase in phrases(text) for word, _, _ in phrase)
