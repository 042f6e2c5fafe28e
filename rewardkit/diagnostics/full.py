"""The full renderer: message, source lines with underlines, notes, help."""

from __future__ import annotations

from collections import defaultdict

from rewardkit.diagnostics.diagnostic import Diagnostic, Label
from rewardkit.diagnostics.figure import columns, draw
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

    out = [f"{diagnostic.severity}[{diagnostic.code}]: {visible(diagnostic.message)}"]
    out.append(f"{pad}--> {visible(source.name)}:{line}:{column}")
    out.append(f"{pad} |")
    figure = _figure(diagnostic)
    if figure:  # its values point at the expression better than a line below it would
        by_line[line] = [label for label in by_line[line] if label[0] is not diagnostic.primary]
    previous = None
    for number in sorted(by_line):
        if previous is not None and number > previous + 1:
            out.append("...")
        out.extend(_source_line(source, number, by_line[number], width))
        if number == line:
            out.extend(f"{pad} | {drawn}" for drawn in figure)
        previous = number
    notes = diagnostic.notes if figure else (*_listed(diagnostic), *diagnostic.notes)
    trailer = [_lines(f"{pad} = note: ", note) for note in notes]
    fix = diagnostic.fix
    if diagnostic.help and (fix is None or fix.title != diagnostic.help):
        trailer.append(_lines(f"{pad} = help: ", diagnostic.help))
    if fix is not None:  # a fix that says the same as the help stands for it
        trailer.append(_lines(f"{pad} = fix{'' if fix.safe else ' (a guess)'}: ", fix.title))
    if trailer:
        out.append(f"{pad} |")
        out.extend(trailer)
    return "\n".join(out)


def _figure(diagnostic: Diagnostic) -> list[str]:
    """The values under their line; nothing where they stand in several lines, or the line is too long."""
    source = diagnostic.primary.span.source
    line = source.position(diagnostic.primary.span.start)[0]
    places = [source.position(shown.at) for shown in diagnostic.values]
    last = source.position(diagnostic.primary.span.end)[0]
    if last != line or any(at != line for at, _ in places) or len(source.line(line)) > _WIDTH:
        return []
    text = visible(source.line(line))
    return draw(
        [
            (columns(text[: column - 1]), visible(shown.value))
            for (_, column), shown in zip(places, diagnostic.values, strict=True)
        ]
    )


def _listed(diagnostic: Diagnostic) -> list[str]:
    """The values as notes, each part once."""
    texts = {" ".join(shown.span.text.split()): shown.value for shown in diagnostic.values}
    return [f"`{text}` is {value}" for text, value in texts.items()]


def _source_line(source: Source, number: int, labels: list[tuple[Label, str]], width: int) -> list[str]:
    text = visible(source.line(number))
    cut, shown = 0, text
    if len(text) > _WIDTH:
        first = min(source.position(label.span.start)[1] for label, _ in labels)
        cut = max(0, first - 1 - _WIDTH // 2)
        shown = ("…" if cut else "") + text[cut : cut + _WIDTH] + ("…" if cut + _WIDTH < len(text) else "")
    out = [f"{number:>{width}} | {shown}".rstrip()]
    for label, mark in sorted(labels, key=lambda item: item[0].span.start):
        start = min(source.position(label.span.start)[1] - 1, cut + _WIDTH)
        last = min(start + len(label.span.text.partition("\n")[0].rstrip("\r")), cut + _WIDTH)
        indent = columns(text[cut:start]) + (1 if cut else 0)
        length = max(1, columns(text[start:last]))
        out.append(f"{' ' * width} | {' ' * indent}{mark * length} {visible(label.text)}".rstrip())
    return out


def _lines(head: str, text: str) -> str:
    """A remark; one that we wrote over several lines, such as a test to paste, keeps them."""
    first, *rest = text.split("\n")
    return "\n".join([head + visible(first), *(" " * len(head) + visible(line) for line in rest)])


def visible(text: str) -> str:
    """Control and bidirectional characters shown as a dot, so that a terminal is never steered by a spec."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if c == "\t" else c if c.isprintable() else "·" for c in text)
