"""A function's page: its declaration as data, as Markdown (hover, documents) and as text (a terminal)."""

from __future__ import annotations

import json
import re
import textwrap
from typing import Any

from rewardkit.types.function import Function, Parameter
from rewardkit.types.interval import FULL

#: columns of a terminal that a page takes
_WIDTH = 100

_ITEM = re.compile(r"\s*(?:- |\d+\. )")

#: how a call is carried out, in the words of its user
_RUNS = {
    "scalar": "on whole columns at once",
    "columns": "on whole columns at once",
    "batch": "once for each distinct input, all of them together",
    "inline": "once for each distinct input",
    "host": "once for each distinct input, where the spec is loaded",
    "endpoint": "once for each distinct input, many at a time",
    "model": "once for each distinct input, in batches",
    "sandbox": "once for each distinct input, in a sandbox, as many at a time as it has slots",
    "worker": "once for each distinct input, in a worker process, for {deadline:g} s at most",
}
_PURITY = {
    "pure": "computes only",
    "exec": "runs a program",
    "model": "runs a model",
    "net": "asks an endpoint",
    "host": "Python that the run names with `--extern`",
}


def signature(function: Function) -> str:
    """`math.equal(found: text, gold: text): bool`."""
    shown = []
    for p in function.parameters:
        type_ = "" if function.infer else f": {p.type}"
        default = "" if p.required else f" = {literal(p.default)}"
        shown.append(f"{p.name}{type_}{default}")
    result = "" if function.infer else f": {function.result}"
    return f"{function.name}({', '.join(shown)}{', …' if function.variadic else ''}){result}"


def literal(value: Any) -> str:
    """A constant as a spec writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, str):
        raw = "\\" in value and '"' not in value and value.isprintable()
        return f'r"{value}"' if raw else json.dumps(value, ensure_ascii=False)
    return str(value)


def facts(function: Function) -> list[tuple[str, str]]:
    """What is known of a function beside its rule: (label, Markdown on one line)."""
    found = [("gives", _result(function))]
    if function.fails.startswith("null "):
        found.append(("null", function.fails.removeprefix("null ")))
    if function.faults:
        found.append(("fails", re.sub("^a fault where ", "where ", function.fails)))
    found += [(f"`{p.name}`", said) for p in function.parameters if (said := _parameter(p))]
    runs = _RUNS[function.executor].format(deadline=function.deadline)
    found.append(("runs", f"{_PURITY[function.purity]}; {runs}"))
    return found


def page(function: Function) -> str:
    """A function's page in Markdown, its signature first; for hover, without a heading."""
    return f"```rwd\n{signature(function)}\n```\n\n{body(function)}"


def body(function: Function) -> str:
    """The page below the signature: summary, rule, facts, tested examples; Markdown."""
    parts = [sentence(function.summary)]
    if function.doc.strip():
        parts.append(function.doc.strip())
    parts.append("\n".join(f"- {label}: {text}" for label, text in facts(function)))
    if function.examples:
        shown = [f"- {code(e.call)} is {code(literal(e.value))}" for e in function.examples]
        parts.append("Examples:\n\n" + "\n".join(shown))
    return "\n\n".join(parts) + "\n"


def text(function: Function) -> str:
    """The page as plain text."""
    parts = [signature(function), sentence(function.summary)]
    if function.doc.strip():
        parts.append(flowed(function.doc.strip()))
    known = [(label.strip("`"), fact) for label, fact in facts(function)]
    width = max(len(label) for label, _ in known)
    parts.append("\n".join(wrapped(f"{label:<{width}}  {fact}", width + 2) for label, fact in known))
    if function.examples:
        longest = max(len(e.call) for e in function.examples)
        width = longest if longest <= 60 else 0
        shown = [f"  {e.call:<{width}}  is {literal(e.value)}" for e in function.examples]
        parts.append("examples\n" + "\n".join(shown))
    return "\n\n".join(parts)


def to_json(function: Function) -> dict[str, Any]:
    """The declaration as plain values."""
    return {
        "name": function.name,
        "namespace": function.namespace,
        "signature": signature(function),
        "summary": function.summary,
        "doc": function.doc.strip(),
        "parameters": [_parameter_json(function, p) for p in function.parameters],
        "variadic": function.variadic,
        "type": None if function.infer else str(function.result),
        "range": None if function.infer or function.range == FULL else str(function.range),
        "fails": function.fails,
        "faults": function.faults,
        "purity": function.purity,
        "executor": function.executor,
        "cost": function.cost,
        "examples": [{"call": e.call, "value": _plain(e.value)} for e in function.examples],
    }


def code(shown: str) -> str:
    """Inline code in Markdown, whatever backticks the text holds."""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{ticks} {shown} {ticks}" if len(ticks) > 1 else f"`{shown}`"


def sentence(words: str) -> str:
    """A summary as a sentence: a capital where it begins with a plain word, and a full stop."""
    first = words if words[:1] == "`" else words[:1].upper() + words[1:]
    return first if first.endswith(".") else first + "."


def wrapped(line: str, indent: int | None = None) -> str:
    """A line for a terminal; what is wrapped stands below its text, behind a list's dash too."""
    if indent is None:
        indent = len(line) - len(line.lstrip("- "))
    rest = " " * indent
    return (
        "\n".join(
            textwrap.wrap(
                line, _WIDTH, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
            )
        )
        or line
    )


def flowed(markdown: str) -> str:
    """Paragraphs, list items and tables for a terminal, wherever their lines end; code as it is."""
    out: list[str] = []
    rows: list[str] = []  # of the table that is being read
    block: list[str] = []  # lines of the paragraph or item that is being read
    for line in [*markdown.splitlines(), ""]:
        is_row, is_code = line.startswith("|"), line.startswith("    ") and not block
        is_text = bool(line.strip()) and not (is_row or is_code or line.startswith("#"))
        if block and (not is_text or _ITEM.match(line)):
            out.append(_paragraph(block))
            block = []
        if rows and not is_row:
            out.append(_table(rows))
            rows = []
        if is_row:
            rows.append(line)
        elif is_text:
            block.append(line)
        else:
            out.append(line.rstrip())
    return "\n".join(out).strip("\n")


def _paragraph(lines: list[str]) -> str:
    item = _ITEM.match(lines[0])
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return wrapped(indent + " ".join(map(str.strip, lines)), len(item[0] if item else indent))


def _table(rows: list[str]) -> str:
    """What each row is about, and below it what it says."""
    out = []
    for row in rows[2:]:
        name, *rest = (cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1])
        out.append(wrapped(name, 4))
        out += [wrapped(f"    {cell}", 4) for cell in rest if cell]
    return "\n".join(out)


def wrapped_all(lines: str) -> str:
    return "\n".join(map(wrapped, lines.splitlines()))


def shortened(line: str) -> str:
    return textwrap.shorten(line, _WIDTH, placeholder=" …")


def _result(function: Function) -> str:
    if function.infer:
        return "a type and a range that follow from the arguments"
    inside = "" if function.range == FULL else f" in `{function.range}`"
    return f"`{function.result}`{inside}"


def _parameter(parameter: Parameter) -> str:
    """What a parameter wants beyond the type that the signature shows."""
    said = []
    if parameter.choices:
        said.append("one of " + ", ".join(f'`"{choice}"`' for choice in parameter.choices))
    if parameter.range is not None:
        said.append(f"in `{parameter.range}`")
    if parameter.constant:
        said.append("a constant that is written out")
    if not parameter.required:
        said.append(f"{literal(parameter.default)} unless given")
    return ", ".join(said)


def _parameter_json(function: Function, parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "type": None if function.infer else str(parameter.type),
        "required": parameter.required,
        "default": None if parameter.required else _plain(parameter.default),
        "constant": parameter.constant,
        "range": None if parameter.range is None else str(parameter.range),
        "choices": list(parameter.choices),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
