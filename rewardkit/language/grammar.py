"""The parse table: built once per grammar, kept beside the package or in the user's cache, then loaded."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path

import lark
from lark.lexer import PatternRE, PatternStr, TerminalDef

_OPTIONS = {
    "parser": "lalr",
    "lexer": "contextual",
    "propagate_positions": True,
    "maybe_placeholders": False,
}


_CHECKOUT = Path(__file__).parents[2]

#: counted up when this file builds another table from the same grammar
_FORM = 2


def grammar_text() -> str:
    """The grammar, from the wheel or (in a checkout) from `grammar/` at the top."""
    packaged = files("rewardkit").joinpath("grammar", "rwd.lark")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (_CHECKOUT / "grammar" / "rwd.lark").read_text(encoding="utf-8")


def build(strict: bool = False) -> lark.Lark:
    """Build the parser from the grammar (about half a second; `strict` also proves it free of conflicts)."""
    return lark.Lark(grammar_text(), strict=strict, edit_terminals=_whole_word, **_OPTIONS)


def _whole_word(terminal: TerminalDef) -> None:
    """A reserved word ends where the word ends: `lettuce` is a name, not `let tuce`."""
    pattern = terminal.pattern
    if isinstance(pattern, PatternStr) and pattern.value in _reserved():
        terminal.pattern = PatternRE(pattern.value + r"(?![A-Za-z0-9_])")


@cache
def _reserved() -> frozenset[str]:
    """The words that the grammar keeps out of `NAME`."""
    match = re.search(r"^NAME: /\(\?!\(\?:([a-z|]+)\)", grammar_text(), re.MULTILINE)
    assert match is not None, "NAME begins with the look-ahead that lists the reserved words"
    return frozenset(match.group(1).split("|"))


@cache
def parser() -> lark.Lark:
    """The parser, loaded from the table made with the wheel, else from the cache, else built and cached."""
    name = table_name()
    packaged = files("rewardkit").joinpath("grammar", name)
    if packaged.is_file():
        return _load(packaged.read_bytes())
    cached = _cache_folder() / name
    try:
        return _load(cached.read_bytes())
    except Exception:  # absent, cut short or of another version: build it again
        built = build()
        _store(built, cached)
        return built


def table_name() -> str:
    """A name that changes with the grammar, with lark and with the form of the table."""
    key = f"{_FORM}\0{lark.__version__}\0{sorted(_OPTIONS.items())}\0{grammar_text()}"
    return f"rwd-{hashlib.sha256(key.encode()).hexdigest()[:16]}.table"


def table(built: lark.Lark) -> bytes:
    buffer = io.BytesIO()
    built.save(buffer)
    return buffer.getvalue()


def _load(data: bytes) -> lark.Lark:
    return lark.Lark.load(io.BytesIO(data))


def _cache_folder() -> Path:
    """A checkout keeps its own table; an installed package whose lark has changed uses the user's cache."""
    if (_CHECKOUT / "grammar" / "rwd.lark").is_file():
        return _CHECKOUT / "build"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rewardkit"


def _store(built: lark.Lark, path: Path) -> None:
    """Write the table whole or not at all; a read-only home only costs the half second again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(table(built))
        os.replace(file.name, path)
    except OSError:
        return
