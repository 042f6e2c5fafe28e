"""The full renderer: message, source lines with underlines, notes, help."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

from rewardkit.diagnostics.diagnostic import Diagnostic, Label
from rewardkit.diagnostics.source import Source

#: a line longer than this is cut around its underline, so that hostile input stays readable
_WIDTH = 160


def render_full(diagnostic: Diagnostic) -> str:
    """A diagnostic as plain text over several lines, without a trailing newline."""
    source = diagnostic.primary.span.source
    line, column = source.position(diagnostic.primary.span.start)
    labels = [(diagnostic.primary, "^")] + [
        (label, "-") for label in diagnostic.labels if label.span.source is source
    ]
    by_line: dict[int, list[tuple[Label, str]]] = defaultdict(list)
    for label, mark in labels:
        by_line[source.position(label.span.start)[0]].append((label, mark))
    width = len(str(max(by_line)))
    pad = " " * width

    out = [f"{diagnostic.severity}[{diagnostic.code}]: {_visible(diagnostic.message)}"]
    out.append(f"{pad}--> {source.name}:{line}:{column}")
    out.append(f"{pad} |")
    previous = None
    for number in sorted(by_line):
        if previous is not None and number > previous + 1:
            out.append("...")
        out.extend(_source_line(source, number, by_line[number], width))
        previous = number
    trailer = [_lines(f"{pad} = note: ", note) for note in diagnostic.notes]
    if diagnostic.help:
        trailer.append(_lines(f"{pad} = help: ", diagnostic.help))
    if trailer:
        out.append(f"{pad} |")
        out.extend(trailer)
    return "\n".join(out)


def _source_line(source: Source, number: int, labels: list[tuple[Label, str]], width: int) -> list[str]:
    text = _visible(source.line(number))
    cut, shown = 0, text
    if len(text) > _WIDTH:
        first = min(source.position(label.span.start)[1] for label, _ in labels)
        cut = max(0, first - 1 - _WIDTH // 2)
        shown = ("…" if cut else "") + text[cut : cut + _WIDTH] + ("…" if cut + _WIDTH < len(text) else "")
    out = [f"{number:>{width}} | {shown}".rstrip()]
    for label, mark in sorted(labels, key=lambda item: item[0].span.start):
        start = min(source.position(label.span.start)[1] - 1, cut + _WIDTH)
        last = min(start + len(label.span.text.partition("\n")[0].rstrip("\r")), cut + _WIDTH)
        indent = _columns(text[cut:start]) + (1 if cut else 0)
        length = max(1, _columns(text[start:last]))
        out.append(f"{' ' * width} | {' ' * indent}{mark * length} {_visible(label.text)}".rstrip())
    return out


def _lines(head: str, text: str) -> str:
    """A remark; one that we wrote over several lines, such as a test to paste, keeps them."""
    first, *rest = text.split("\n")
    return "\n".join([head + _visible(first), *(" " * len(head) + _visible(line) for line in rest)])


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def _visible(text: str) -> str:
    """Control and bidirectional characters shown as a dot, so that a terminal is never steered by a spec."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if c == "\t" else c if c.isprintable() else "·" for c in text)
