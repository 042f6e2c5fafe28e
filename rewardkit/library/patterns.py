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

#: one piece of a pattern
_TOKEN = re.compile(
    r"\\(?:[pPxuUb]\{[^}]*\}|.)|(?P<open>\[\^?)|(?P<flags>\(\?[A-Za-z-]*\))|(?P<group>\((?:\?[^:()]*:)?)"
    r"|(?P<quantifier>[*+?]|\{[0-9, ]*\})\??|.",
    re.DOTALL,
)


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


def looks_far(pattern: str) -> bool:
    """Whether a search may look any distance beyond the match that it ends with; `True` in doubt.

    That takes a repeat without a limit and something that must follow it, which may then be missing, and
    another way to match: `|`, or a group that is optional or repeated. Without another way, what must
    follow is in no match before the next, so that no part of a text is looked at again and again.
    """
    if re.search(r"\(\?[A-Za-z-]*x", pattern):  # white space and comments, which `_skeleton` does not know
        return True
    skeleton = _skeleton(pattern)
    if "|" not in skeleton and not re.search(r"\)[*+?#]", skeleton):
        return False
    return any(not _may_end(skeleton, repeat.end()) for repeat in re.finditer(r"[*+]", skeleton))


def _skeleton(pattern: str) -> str:
    """A valid pattern with `a` for each character that it matches; quantifiers are `*`, `+`, `?`, `#`."""
    out, at, depth = "", 0, 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        assert token
        at = token.end()
        if token["open"]:
            depth += 1
            at += pattern.startswith("]", at)  # a first `]` is a character
        elif token[0] == "]" and depth:
            depth -= 1
            out += "" if depth else "a"
        elif depth or token["flags"]:
            continue
        elif token["quantifier"]:
            out += _quantifier(token["quantifier"])
        else:
            out += "(" if token["group"] else token[0] if token[0] in ")|" else "a"
    return out


def _quantifier(text: str) -> str:
    """`*`, `+`, `?`, `#` for 1 or more up to a limit, or nothing for an exact number."""
    if text in "*+?":
        return text
    least, comma, most = text.strip("{}").replace(" ", "").partition(",")
    some = least.strip("0") != ""
    if not comma:
        return ""
    return ("#" if some else "?") if most else ("+" if some else "*")


def _may_end(skeleton: str, at: int) -> bool:
    """Whether a match may end at this place of a skeleton, just behind a quantifier."""
    while at < len(skeleton):
        if skeleton[at] == "|":
            at = _closing(skeleton, at)
        elif skeleton[at] == ")":
            at += 1 + (skeleton[at + 1 : at + 2] in ("*", "+", "?", "#"))
        else:
            at = _closing(skeleton, at + 1) + 1 if skeleton[at] == "(" else at + 1
            if skeleton[at : at + 1] not in ("*", "?"):
                return False
            at += 1
    return True


def _closing(skeleton: str, at: int) -> int:
    """Where the group closes inside which `at` stands."""
    depth = 1
    while at < len(skeleton):
        depth += (skeleton[at] == "(") - (skeleton[at] == ")")
        if depth == 0:
            break
        at += 1
    return at


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
