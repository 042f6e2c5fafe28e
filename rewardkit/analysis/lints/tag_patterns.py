"""Patterns that check tags by hand: what three kinds of them let through, or keep out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.syntax import argument, below
from rewardkit.diagnostics import Span
from rewardkit.language import tree as t

_TAGS = "check tags with `format.tags(completion.text, [{}])`, which wants each once, with a body"

#: `<think>.*</think>`, with what people write between: groups, white space, a class of all signs
_SPACE = r"(?:\\[snr][*+?]*|\s)*"
_BODY = re.compile(
    rf"<(?P<tag>\w+)>{_SPACE}(?:\((?:\?:|\?P?<\w+>)?)?{_SPACE}"
    rf"(?P<any>\.|\[\^<\]|\[\\s\\S\]|\[\\S\\s\]|\[\\w\\W\])(?P<many>[*+])\??{_SPACE}\)?{_SPACE}</(?P=tag)>"
)
_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-[a-zA-Z]+)?[:)]")


def _patterns(module: t.Module, *functions: str) -> Iterator[tuple[t.Text, str, list[re.Match[str]]]]:
    """Each pattern with tags in it, its flags, and its tags with their bodies."""
    for call in below(t.Call, module):
        pattern = argument(call, "pattern", 1) if call.function in functions else None
        if isinstance(pattern, t.Text):
            bodies = list(_BODY.finditer(pattern.value))
            if bodies:
                yield pattern, "".join(_FLAGS.findall(pattern.value)), bodies


def _place(pattern: t.Text, match: re.Match[str]) -> Span:
    """Where a part of a pattern stands in the file."""
    if pattern.offsets is None:
        return pattern.span
    start, last = pattern.offsets[match.start()], pattern.offsets[match.end() - 1]
    return pattern.span.inside(start, last + 1 - start)


def _tags(bodies: list[re.Match[str]]) -> str:
    return _TAGS.format(", ".join(f'"{body["tag"]}"' for body in bodies))


def find_empty(module: t.Module) -> Iterator[Finding]:
    for pattern, _, bodies in _patterns(module, "text.matches"):
        for body in bodies:
            if body["many"] == "*":
                tag = body["tag"]
                message = f"`<{tag}></{tag}>` matches: an empty body has the form too"
                yield Finding(message, _place(pattern, body), _tags(bodies))


def find_multiline(module: t.Module) -> Iterator[Finding]:
    for pattern, flags, bodies in _patterns(module, "text.matches"):
        if "m" in flags and re.search(r"\^|\$", re.sub(r"\\.|\[\^", "", pattern.value)):
            yield Finding(
                "with `m`, `^` and `$` are ends of a line: anything may stand before and after the tags",
                pattern.span,
                _tags(bodies),
            )


def find_one_line(module: t.Module) -> Iterator[Finding]:
    for pattern, flags, bodies in _patterns(module, "text.matches", "text.find", "text.find_all"):
        body = next((body for body in bodies if body["any"] == "."), None)
        if body is not None and "s" not in flags:
            yield Finding(
                "`.` stops at the end of a line, so a body of several lines never matches",
                _place(pattern, body),
                "begin the pattern with `(?s)`, or take `format.tags` and `format.tag`",
            )


EMPTY_BODY = Lint("RK1008", "empty-body", find_empty, on_any_file=True)
MULTILINE_ANCHORS = Lint("RK1009", "multiline-anchors", find_multiline, on_any_file=True)
ONE_LINE_BODY = Lint("RK1010", "one-line-body", find_one_line, on_any_file=True)
