"""Patterns: what is wrong with one, and how many groups it has.

The syntax is that of Rust's `regex`, which searches in time linear in the text: no look-around, no
back-references.
"""

from __future__ import annotations

import re
from functools import lru_cache

#: Characters of a pattern
LONGEST = 2_000

#: behind a `(`: flags, or a group without a number
_PLAIN = re.compile(r"\?(?!P?<)")


def check_pattern(pattern: str) -> str | tuple[str, int] | None:
    """What is wrong with a pattern, with the offset in characters where the engine says where."""
    import polars as pl

    if len(pattern) > LONGEST:
        return f"the pattern has {len(pattern)} characters, more than {LONGEST}"
    try:
        group_count(pattern)
    except pl.exceptions.ComputeError as error:
        return _explain(pattern, str(error))
    return None


def check_pattern_without_groups(pattern: str) -> str | tuple[str, int] | None:
    """The same, for a function that gives whole matches only."""
    problem = check_pattern(pattern)
    if problem is None and group_count(pattern):
        return "a group would have no effect here, write `(?:…)`", _first_group(pattern)
    return problem


@lru_cache(maxsize=1024)
def group_count(pattern: str) -> int:
    """The number of groups of a valid pattern."""
    import polars as pl

    groups = pl.Series([""], dtype=pl.String).str.extract_groups(pattern).dtype
    assert isinstance(groups, pl.Struct)
    return sum(field.name != "" for field in groups.fields)


def _explain(pattern: str, report: str) -> str | tuple[str, int]:
    """The engine's report: the pattern's lines, carets under the spot, then `error: …`."""
    rows = report.split("\n")
    if "exceeds size limit" in rows[0]:
        return "the pattern is too large once its repetitions are written out"
    lines = pattern.split("\n")
    errors = [row.removeprefix("error: ") for row in rows[1 + len(lines) :] if row.startswith("error: ")]
    message = errors[0].partition(",")[0] if errors else "not a pattern"
    at, start = 1 + (len(lines) > 1), 0  # a ruler stands above several lines
    for line in lines:
        carets = rows[at + 1]
        if set(carets) == {" ", "^"}:
            return message, start + carets.index("^") - (len(rows[at]) - len(line))
        at, start = at + 1, start + len(line) + 1
    return message  # the spot goes over more than one line


def _first_group(pattern: str) -> int:
    """Where the first `(` stands that opens a group with a number."""
    at, within_class = 0, False
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 1
        elif character in "[]":
            within_class = character == "["
        elif character == "(" and not within_class and not _PLAIN.match(pattern, at + 1):
            return at
        at += 1
    return 0
