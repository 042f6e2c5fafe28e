"""A Pygments lexer, so that documents show specs in colour. Only this file needs Pygments.

Where rewardkit is installed, Pygments knows it as `rwd`, and takes it for files named `*.rwd`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, default, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

from rewardkit.language.sketch import KEYWORDS, STATEMENTS
from rewardkit.types.types import NAMED, UNITS

_CONSTANTS = ("true", "false", "null", "inf")
_OPERATORS = ("and", "or", "not", "in", "over")
_TYPES = ("list", *NAMED)
#: what declares the name after it
_DECLARING = ("input", "param", "def", "extern", "let", "term", "sample", "advantage", "as")

_GAP = r"[ \t\r\n\ufeff]"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_END = r"(?![A-Za-z0-9_])"
_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"


def _one_of(choices: Any) -> str:
    return rf"(?:{'|'.join(choices)}){_END}"


class RwdLexer(RegexLexer):  # type: ignore[misc]
    """Specs of rewardkit: `pygmentize -l rwd`."""

    name = "rwd"
    aliases: ClassVar[list[str]] = ["rwd", "rewardkit"]
    filenames: ClassVar[list[str]] = ["*.rwd"]
    mimetypes: ClassVar[list[str]] = []

    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [
            (rf"{_GAP}+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r'"""(?:[^"]|"(?!""))*"""', String),
            (r'r"[^"\n]*"', String.Regex),
            (r'"', String, "text"),
            (rf"({_NUMBER})({'|'.join(UNITS.values())})?{_END}", bygroups(Number, Keyword.Type)),
            # after a dot and before a colon every word is a name
            (rf"(\.)({_GAP}*)({_NAME})(?={_GAP}*\()", bygroups(Punctuation, Whitespace, Name.Function)),
            (rf"(\.)({_GAP}*)({_NAME})", bygroups(Punctuation, Whitespace, Name.Attribute)),
            (
                rf"({'|'.join(_DECLARING)})({_GAP}+)(?!{_one_of(sorted(KEYWORDS))})({_NAME})",
                bygroups(Keyword.Declaration, Whitespace, Name.Variable),
            ),
            (rf"{_NAME}(?={_GAP}*:)", Name.Label),
            (rf":(?={_GAP}*{_one_of(_TYPES)}(?!{_GAP}*[.(]))", Punctuation, "type"),
            (rf"(over)({_GAP}+)(group|batch){_END}", bygroups(Operator.Word, Whitespace, Keyword)),
            (rf"(per)({_GAP}+)(prompt){_END}", bygroups(Keyword, Whitespace, Keyword)),
            (rf"(groups)({_GAP}+)(of)(?={_GAP}+[0-9])", bygroups(Keyword, Whitespace, Keyword)),
            (rf'from(?={_GAP}*r?")', Keyword),
            (words(_CONSTANTS, suffix=_END), Keyword.Constant),
            (words(_OPERATORS, suffix=_END), Operator.Word),
            (words(STATEMENTS, suffix=_END), Keyword.Declaration),
            (words(sorted(KEYWORDS), suffix=_END), Keyword),
            (rf"{_one_of(('completion', 'prompt', 'step'))}", Name.Builtin),
            (rf"{_NAME}(?={_GAP}*\()", Name.Function),
            (_NAME, Name),
            (r"\?\?|[=!<>]=|[<>+\-*/=]", Operator),
            (r"[\[\](){},.:?]", Punctuation),
        ],
        "type": [
            (rf"{_GAP}+", Whitespace),
            (_one_of(_TYPES), Keyword.Type),
            (r"[\[\]?]", Punctuation),
            default("#pop"),
        ],
        "text": [
            (r'[^"\\\n]+', String),
            (r'\\(?:[\\"nt]|u\{[0-9A-Fa-f]{1,6}\})', String.Escape),
            (r'"', String, "#pop"),
        ],
    }
