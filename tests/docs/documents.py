"""Documents that run: fenced `rwd` blocks, and the diagnostics shown after them.

A `rwd` block with a `text` block right after it gives exactly what that block shows. Every other `rwd`
block checks without errors. A block that begins "```rwd lib/names.rwd" is that file, which the specs of the
same document may use. The tables of functions, of the options of normalizers and of their profiles, and
the reference of functions, are made from their declarations. To write all of
that anew after a message or a function has changed:

    python tests/docs/documents.py --update

and then read what changed: `git diff docs`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rewardkit.analysis.lints import LINTS, lint
from rewardkit.checker import Spec, check
from rewardkit.diagnostics import Diagnostic, RewardError, Source, render_full
from rewardkit.library import functions
from rewardkit.library.pages import body, signature
from rewardkit.normalizers.pages import profile_rows
from rewardkit.prover import prove_all
from rewardkit.prover.findings import findings
from rewardkit.types.function import Function
from rewardkit.types.normalizer import NORMALIZERS, Option

ROOT = Path(__file__).parents[2]
#: where specs that are diagnosed are said to lie, so that no message depends on where this checkout does
PLACE = Path("/rewards")
_FENCED = re.compile(
    r"^```rwd((?: [\w./-]+)?)\n(.*?)^```\n(?:\n*^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    path: Path
    line: int
    spec: str
    shown: str | None  # the diagnostics that the document shows, `None` where it shows none
    name: str = "spec.rwd"

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}"


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("grammar/**/*.md"))]


def blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    return [
        Block(path, text.count("\n", 0, m.start()) + 1, m[2], m[3], m[1].strip() or "spec.rwd")
        for m in _FENCED.finditer(text)
    ]


def files(text: str) -> dict[str, str]:
    """The files that a document holds, by their paths."""
    return {m[1].strip(): m[2] for m in _FENCED.finditer(text) if m[1]}


def checked(
    spec: str, others: Mapping[str, str], name: str = "spec.rwd", place: Path = ROOT
) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """Check a block as if it and the document's files lay in one folder."""

    def read(path: Path) -> Source:
        relative = str(path.relative_to(place))
        if relative not in others:
            raise RewardError(f"cannot read `{relative}`: No such file or directory")
        return Source(relative, others[relative], path)

    return check(Source(name, spec, place / name), read)


def diagnosed(text: str, path: Path) -> str:
    """What `rewardkit check` shows of a spec, with the lints that the document is about."""
    spec, found = checked(text, files(path.read_text(encoding="utf-8")), place=PLACE)
    if spec is not None:
        found += findings(spec, prove_all(spec))
    found += tuple(d for d in lint(spec or Source("spec.rwd", text)) if d.code in lints_of(path))
    return "\n\n".join(render_full(d) for d in found) + "\n"


def lints_of(path: Path) -> set[str]:
    """The codes of the lints that a document shows: a lint's page that one, the published bugs all but one,
    which is about the file and not the bug."""
    if path.parent.name == "lints":
        return {each.code for each in LINTS.values() if each.name == path.stem}
    return {each.code for each in LINTS.values() if path.stem == "published_bugs" and each.name != "no-tests"}


_FUNCTIONS = re.compile(r"(<!-- functions[^\n]*-->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def function_tables() -> str:
    """A table of functions for each namespace."""
    namespaces: dict[str, list[Function]] = {}
    for function in functions().values():
        namespaces.setdefault(function.namespace, []).append(function)
    out = []
    for name, members in namespaces.items():
        rows = "".join(f"| `{signature(f)}` | {f.summary} |\n" for f in members)
        out.append(f"| {f'`{name}`' if name else 'without a namespace'} | |\n| --- | --- |\n{rows}")
    return "\n" + "\n".join(out) + "\n"


_REFERENCE = re.compile(r"(<!-- reference[^\n]*-->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def reference() -> str:
    """Every function's page, below a heading for each namespace."""
    out: list[str] = []
    namespace = None
    for function in functions().values():
        if function.namespace != namespace:
            namespace = function.namespace
            out.append(f"## `{namespace}`\n" if namespace else "## Without a namespace\n")
        out.append(f"### `{function.name}`\n\n`{signature(function)}`\n\n{body(function)}")
    return "\n" + "\n".join(out) + "\n"


_NORMALIZERS = re.compile(r"(<!-- normalizers[^\n]*-->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def normalizer_table() -> str:
    """A row for each option, with its default for each normalizer."""
    options = dict.fromkeys(name for known in NORMALIZERS.values() for name in known)
    head = "".join(f" `{name}` |" for name in NORMALIZERS)
    rows = "".join(
        f"| `{name}` | {_values(name)} |"
        + "".join(f" {_default(known.get(name))} |" for known in NORMALIZERS.values())
        + "\n"
        for name in options
    )
    return f"\n| option | values |{head}\n| --- | --- |{' --- |' * len(NORMALIZERS)}\n{rows}\n"


def _values(name: str) -> str:
    known = [options[name] for options in NORMALIZERS.values() if name in options]
    choices = dict.fromkeys(choice for option in known for choice in option.choices)
    option = known[0]
    if choices:
        return ", ".join(f'`"{choice}"`' for choice in choices)
    return f"{option.kind} in `{option.range}`"


def _default(option: Option | None) -> str:
    if option is None:
        return ""
    if option.default is None:
        return "as `eps`"
    return f'`"{option.default}"`' if option.kind == "text" else f"`{option.default}`"


_PROFILES = re.compile(r"(<!-- profiles[^\n]*-->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def profile_tables() -> str:
    """A table for each normalizer: what each profile says of each option."""
    out = []
    for name in NORMALIZERS:
        head, *rows = profile_rows(name)
        lines = [f"| `{name}` | " + " | ".join(f"`{option}`" for option in head[1:]) + " |"]
        lines.append("| --- |" + " --- |" * (len(head) - 1))
        lines += [f"| `{row[0]}` | " + " | ".join(row[1:]) + " |" for row in rows]
        out.append("\n".join(lines) + "\n")
    return "\n" + "\n".join(out) + "\n"


def update(path: Path) -> bool:
    """Write the diagnostics and tables of a document anew; whether that changed it."""
    text = path.read_text(encoding="utf-8")

    def anew(match: re.Match[str]) -> str:
        if match[3] is None:
            return match[0]
        return match[0][: match.start(3) - match.start()] + diagnosed(match[2], path) + "```"

    new = _FENCED.sub(anew, text)
    new = _FUNCTIONS.sub(lambda m: m[1] + function_tables() + m[3], new)
    new = _REFERENCE.sub(lambda m: m[1] + reference() + m[3], new)
    new = _NORMALIZERS.sub(lambda m: m[1] + normalizer_table() + m[3], new)
    new = _PROFILES.sub(lambda m: m[1] + profile_tables() + m[3], new)
    path.write_text(new, encoding="utf-8")
    return new != text


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    for document in documents():
        if update(document):
            print(f"updated {document.relative_to(ROOT)}")
