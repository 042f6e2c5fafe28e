"""What the language guide says of a word: the rows of its tables and the paragraphs that name it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from rewardkit.diagnostics.pages import chapter, document, plain

_CODE = re.compile(r"(`+)(.+?)\1")


@dataclass(frozen=True)
class Remark:
    """A row (its cells) or a paragraph (one cell) of the guide; `names` is the code in its first cell."""

    section: str
    cells: tuple[str, ...]
    names: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()  # of the columns

    @property
    def is_row(self) -> bool:
        return len(self.cells) > 1

    def text(self) -> str:
        """As plain text: what a row is about, and below it what it says."""
        name, *rest = (plain(cell) for cell in self.cells)
        heads = ["" if head == "meaning" else f"{head}: " for head in self.heads[1:] if head] or [""]
        heads += [""] * len(rest)
        return "\n".join(
            [name, *(f"    {head}{cell}" for head, cell in zip(heads, rest, strict=False) if cell)]
        )


def about(word: str) -> list[Remark]:
    """The rows that are about a word, or else whatever names it; the guide's order."""
    named = re.compile(rf"(?<![\w.]){re.escape(word)}(?!\w)")
    rows = [r for r in remarks() if r.is_row and any(_begins(code, word) for code in r.names)]
    if rows:
        return rows
    return [
        r for r in remarks() if any(named.search(code) for cell in r.cells for _, code in _CODE.findall(cell))
    ]


#: words that a page of its own explains: the page, and the chapters of it (none: the whole page)
_CHAPTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(("prove", "claim", "claims"), ("claims.md", ())),
    **dict.fromkeys(("outranks", "increasing", "decreasing", "constant"), ("claims.md", ("The five forms",))),
    "witness": ("claims.md", ("Verdicts",)),
    **dict.fromkeys(("sample", "group", "expect"), ("testing.md", ("Samples",))),
    "test": ("testing.md", ("Samples", "Running")),
    **dict.fromkeys(("tests", "testing"), ("testing.md", ())),
    "mock": ("testing.md", ("Mocks",)),
    **dict.fromkeys(("rows", "agreement", "share", "mean"), ("testing.md", ("Rows",))),
    "coverage": ("testing.md", ("What the tests have never seen",)),
    **dict.fromkeys(("mutants", "mutate"), ("testing.md", ("Would the tests notice?",))),
}


def words() -> tuple[str, ...]:
    """The words that a page beside the guide explains."""
    return tuple(_CHAPTERS)


def chapters(word: str) -> list[str]:
    """What another page says of a word, each chapter in Markdown, its title first."""
    name, titles = _CHAPTERS.get(word, ("", ()))
    page = document(name) if name else None
    if page is None:
        return []
    if not titles:
        return [page.removeprefix("# ")]
    return [found for title in titles if (found := chapter(page, re.escape(title)))]


def _begins(code: str, word: str) -> bool:
    return re.match(rf"\.?{re.escape(word)}(?!\w)", code) is not None


@cache
def remarks() -> tuple[Remark, ...]:
    """Every row and paragraph of the guide, none where it does not travel with the package."""
    return tuple(_remarks(document("language.md") or ""))


def _remarks(text: str) -> Iterator[Remark]:
    title, heads, paragraph, inside = "", tuple[str, ...](), list[str](), False
    for line in [*text.splitlines(), ""]:
        inside ^= line.startswith("```")
        if line.startswith("#") and not inside:
            title = line.lstrip("# ")
        elif line.startswith("|") and not inside:
            cells = tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1])
            if not heads:
                heads = cells
            elif set("".join(cells)) - set("- "):
                yield Remark(title, cells, tuple(code for _, code in _CODE.findall(cells[0])), heads)
            continue
        heads = ()
        if paragraph and (not line or line.startswith("- ")):
            yield Remark(title, (" ".join(paragraph),))
            paragraph = []
        if line and not inside and not line.startswith(("```", "#", "<!--")):
            paragraph.append(line.strip().removeprefix("- "))
