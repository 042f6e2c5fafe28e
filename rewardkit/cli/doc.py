"""`rewardkit doc`."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

import typer

from rewardkit.analysis.lints import LINTS
from rewardkit.cli import codes
from rewardkit.cli.show import Format, left_table, print_json
from rewardkit.diagnostics import RewardError
from rewardkit.diagnostics.catalogue import TITLES
from rewardkit.diagnostics.pages import document, plain, section
from rewardkit.language.guide import Remark, about, chapters, remarks, words
from rewardkit.language.sketch import KEYWORDS
from rewardkit.library import functions
from rewardkit.library import pages as function_pages
from rewardkit.types.normalizer import NORMALIZERS

_MOST = 12  # remarks of the guide that are shown for one word

#: a page as text, and as JSON
Page = tuple[str, dict[str, Any]]


def run(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="a function, namespace, word, normalizer, code or lint"),
    ] = None,
    search: Annotated[
        str | None, typer.Option(metavar="WORD", help="list what has this word in its name or summary")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Show a page: of a function (`math.equal`), a namespace (`math`), a statement or another word (`term`,
    `outranks`), a normalizer (`gdpo`), a diagnostic (`RK0604`) or a lint (`ungated-form`; `lint` lists them).
    Without a name, what there is."""
    if name is not None and search is not None:
        raise RewardError("give a name or --search, not both")
    page = _search(search) if search is not None else _all() if name is None else find(name)
    if form is Format.json:
        print_json(page[1])
    else:
        print(page[0])
    return codes.OK


def find(name: str) -> Page:
    """The page of a name.

    Raises:
        RewardError: there is nothing of that name; the text names what is near.
    """
    if name in functions():
        function = functions()[name]
        found = function_pages.to_json(function)
        return _with_guide(name, function_pages.text(function)), {"kind": "function", **found}
    members = _members(name)
    if members:
        listed = {
            "kind": "namespace",
            "name": name,
            "functions": [function_pages.to_json(f) for f in members],
        }
        return _with_guide(name, _table(members)), listed
    if name in NORMALIZERS:
        from rewardkit.normalizers import pages

        return pages.text(name), pages.to_json(name)
    if name in ("lint", "lints"):
        rows = [[lint.code, lint.name, lint.summary] for lint in LINTS.values()]
        listed_ = [{"code": c, "name": n, "summary": summary} for c, n, summary in rows]
        advice = "`rewardkit doc NAME` shows the page of one."
        return f"{left_table(rows)}\n\n{advice}", {"kind": "lints", "name": name, "lints": listed_}
    if name in LINTS:
        text = _lint(name)
        return text, {"kind": "lint", "name": name, "code": LINTS[name].code, "text": text}
    code = name.upper() if name.upper().startswith("RK") else f"RK{name}"
    if code in TITLES:
        text = next((_lint(lint.name) for lint in LINTS.values() if lint.code == code), None) or plain(
            section(code) or f"{code}: {TITLES[code]}"
        )
        return text, {"kind": "diagnostic", "name": code, "title": TITLES[code], "text": text}
    said = about(name) if name else []
    more = [function_pages.flowed(plain(chapter)) for chapter in chapters(name)]
    if more:  # then a paragraph that only names the word is no news
        said = [r for r in said if any(code.startswith(name) for code in r.names)]
    if said or more:
        text = "\n\n".join([_guide(said)] * bool(said) + more)
        return text, {"kind": "keyword" if name in KEYWORDS else "guide", "name": name, "text": text}
    raise RewardError(f"there is no page `{name}`{_near(name)}")


def _lint(name: str) -> str:
    """A lint's whole page, or in one line what it finds where no page travels with the package."""
    page = document(f"lints/{name}.md") or f"{name}\n\n{LINTS[name].code}: {LINTS[name].summary}."
    return function_pages.flowed(plain(page.removeprefix("# ")))


def _near(name: str) -> str:
    named = {code for r in remarks() for code in r.names if code.isidentifier()}
    known = [*functions(), *_namespaces(), *NORMALIZERS, *KEYWORDS, *TITLES, *LINTS, *words(), *named]
    last = [f for f in functions() if f.partition(".")[2] == name.rpartition(".")[2] != ""]
    near = last or difflib.get_close_matches(name, known, 3)
    if near:
        return "; did you mean " + " or ".join(f"`{other}`" for other in near) + "?"
    return "; `rewardkit doc` lists what there is"


def _guide(found: list[Remark]) -> str:
    parts, section_ = [], None
    for remark in found[:_MOST]:
        if remark.section != section_:
            section_ = remark.section
            parts.append(f"from the guide, {section_!r}:".replace("'", '"'))
        parts.append(function_pages.wrapped_all(remark.text()))
    if len(found) > _MOST:
        parts.append(f"and {len(found) - _MOST} more in docs/language.md")
    return "\n\n".join(parts)


def _with_guide(name: str, text: str) -> str:
    """A page, and what else is of that name: `text` is a type too, `min` an aggregate."""
    rows = [r for r in about(name) if r.is_row and r.section not in ("Functions", "From Python")]
    return f"{text}\n\n{_guide(rows)}" if rows else text


def _members(namespace: str) -> list[Any]:
    return [f for f in functions().values() if f.namespace == namespace and namespace]


def _namespaces() -> list[str]:
    return [n for n in dict.fromkeys(f.namespace for f in functions().values()) if n]


def _table(members: list[Any]) -> str:
    return left_table([[function_pages.signature(f), f.summary] for f in members])


def _all() -> Page:
    plain_ones = [f.name for f in functions().values() if not f.namespace]
    spaces = {space: [f.name.partition(".")[2] for f in _members(space)] for space in _namespaces()}
    statements = [r.names[0] for r in remarks() if r.section == "Statements" and r.is_row and r.names]
    parts = [
        "functions\n"
        + left_table([["", " ".join(plain_ones)], *([s, " ".join(m)] for s, m in spaces.items())], 2),
        "statements\n" + "\n".join(f"  {s}" for s in statements) if statements else "",
        f"normalizers\n  {' '.join(NORMALIZERS)}",
        "claims and tests\n  " + " ".join(words()),
        "diagnostics\n  RK0101 and so on: `rewardkit doc RK0604`",
        "lints\n  `rewardkit doc lint` lists them",
        "`rewardkit doc NAME` shows a page, `rewardkit doc --search WORD` finds one.",
    ]
    listed = {
        "functions": list(functions()),
        "namespaces": list(spaces),
        "statements": statements,
        "normalizers": list(NORMALIZERS),
        "words": list(words()),
        "diagnostics": list(TITLES),
        "lints": list(LINTS),
    }
    return "\n\n".join(part for part in parts if part), listed


def _search(word: str) -> Page:
    """Functions, normalizers and codes with a word in their name, summary or rule; a lint by its name too."""
    low = word.lower()
    names = {lint.code: lint.name for lint in LINTS.values()}
    found = [
        {"kind": "function", "name": f.name, "summary": f.summary}
        for f in functions().values()
        if low in f"{f.name} {f.summary} {f.doc}".lower()
    ]
    found += [{"kind": "normalizer", "name": n, "summary": ""} for n in NORMALIZERS if low in n]
    found += [
        {"kind": "diagnostic", "name": code, "summary": title}
        for code, title in TITLES.items()
        if low in f"{code} {title} {names.get(code, '')}".lower()
    ]
    found += [
        {"kind": "guide", "name": r.names[0] if r.names else r.section, "summary": plain(" ".join(r.cells))}
        for r in remarks()
        if r.section != "Functions" and low in " ".join(r.cells).lower()
    ]
    if not found:
        raise RewardError(f"nothing has `{word}` in its name or summary")
    rows = [[m["name"], function_pages.shortened(m["summary"])] for m in found]
    return left_table(rows), {"search": word, "matches": found}
