"""The documents that travel with the package: a code's section, and Markdown as plain text."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from rewardkit.diagnostics.catalogue import FAMILIES

_FENCE = re.compile(r"^```.*$")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@cache
def document(name: str) -> str | None:
    """A document by its path below `docs/`, from the installed package or its checkout; `None` without it."""
    package = Path(__file__).parents[1]
    for folder in (package / "docs", package.parent / "docs"):
        path = folder / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def section(code: str) -> str | None:
    """What the documents say of a diagnostic's code, its title first, in Markdown."""
    family = FAMILIES.get(code[2:4])
    page = document(f"diagnostics/{family[1]}") if family else None
    return chapter(page or "", rf"{re.escape(code)}: .*?")


def chapter(page: str, title: str) -> str | None:
    """The part of a page below a heading of the second rank, which a pattern tells; the heading first."""
    found = re.search(rf"^## {title}$.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[0].removeprefix("## ").strip() if found else None


def plain(markdown: str) -> str:
    """Markdown for a terminal: code indented instead of fenced, links as their text, no comments."""
    out, inside = [], False
    for line in markdown.splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif inside:
            out.append(f"    {line}".rstrip())
        elif not line.startswith("<!--"):
            out.append(_LINK.sub(r"\1", line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip()
