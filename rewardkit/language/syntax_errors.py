"""What a syntax error says: known mistakes by what was found, else what could stand there."""

from __future__ import annotations

import re

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from rewardkit.diagnostics import Collector, Source, Span

_STATEMENTS = frozenset(
    "LANGUAGE INPUT PARAM DEF USE EXTERN LET TERM REWARD ADVANTAGE SKIP MASK PROVE TEST".split()
)
_EXPRESSION = frozenset("NAME NUMBER STRING LPAR".split())
_OPERATORS = frozenset("SIGN SCALE COMPARE AND OR LSQB DOT".split())
_WORDS = {
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "LBRACE": "`{`", "RBRACE": "`}`",
    "EQUAL": "`=`", "COLON": "`:`", "COMMA": "`,`", "DOT": "`.`", "QMARK": "`?`",
    "NAME": "a name", "WORD": "a name", "NUMBER": "a number", "STRING": "a text", "$END": "the end of the file",
}  # fmt: skip

#: characters people type out of habit from other languages, and what to write here
_HABITS = {
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`, or `!=` between two values",
    ";": "leave it out: a statement ends where the next keyword begins",
    "'": 'texts stand in double quotes: `"…"`',
    "`": 'texts stand in double quotes: `"…"`',
    "%": "there is no `%` operator; write a share as a number, `0.05`",
    "^": "there is no power operator; multiply, or use `exp` and `log`",
    "@": "there are no decorators; name the value with `let`",
    "\\": 'LaTeX belongs in a raw string: `r"\\boxed"`',
    "/": "comments begin with `#`",
}


def explain(source: Source, error: UnexpectedInput, span: Span, found: Collector) -> None:
    """Add the diagnostic for one syntax error."""
    if isinstance(error, UnexpectedCharacters):
        _explain_character(source, span, found)
    else:
        assert isinstance(error, UnexpectedToken)
        _explain_token(source, error, span, found)


def _explain_character(source: Source, span: Span, found: Collector) -> None:
    rest = source.text[span.start : span.start + 200]
    char = rest[:1]
    if rest.startswith('"""'):
        found.error(
            "RK0102", "this text is never closed", Span(source, span.start, span.start + 3), help='close it with `"""`'
        )
        return
    if char == '"' or rest.startswith('r"'):
        line_end = source.text.find("\n", span.start)
        end = len(source.text) if line_end < 0 else line_end
        found.error(
            "RK0102",
            "this text is not closed on its line",
            Span(source, span.start, end),
            help='close it with `"`; a text over several lines stands in `"""…"""`',
        )
        return
    number = re.match(r"[0-9][0-9.]*[A-Za-z_][A-Za-z0-9_]*|[0-9]+\.(?![0-9])", rest)
    if number:
        found.error(
            "RK0105",
            f"`{number.group()}` is not a number",
            Span(source, span.start, span.start + number.end()),
            help="a number is `12`, `0.5` or `1e-4`; units are `4096tok`, `80ch`, `1.5s`",
        )
        return
    if char == "*" and source.text[span.start - 1 : span.start] == "*":
        found.error("RK0101", "there is no power operator", span, help="multiply, or use `exp` and `log`")
        return
    shown = char if char.isprintable() else f"\\u{{{ord(char):x}}}"
    found.error("RK0101", f"unexpected `{shown}`", span, help=_HABITS.get(char))


def _explain_token(source: Source, error: UnexpectedToken, span: Span, found: Collector) -> None:
    accepts = error.accepts or set()
    expected = _expected(frozenset(accepts))
    token: Token = error.token
    text = str(token)
    if token.type == "$END":
        opener = _unclosed(source.text)
        if opener is not None:
            found.error(
                "RK0101",
                f"`{source.text[opener]}` is never closed",
                Span(source, opener, opener + 1),
                help=f"expected {expected} at the end of the file",
            )
        else:
            found.error("RK0101", f"the file ends too early: expected {expected}", span)
        return
    help_: str | None = None
    message = f"unexpected `{_short(text)}`, expected {expected}"
    if text == "=" and "COMPARE" in accepts:
        help_ = "compare with `==`"
    elif token.type == "COMPARE" and "COMPARE" not in accepts and _OPERATORS & accepts:
        message, help_ = "comparisons do not chain", "write `a < b and b < c`"
    elif text in ("if", "not") and _EXPRESSION & accepts:
        message, help_ = f"`{text} …` needs parentheses here", f"write `({text} …)`"
    elif text == "else" and "OVER" in accepts:
        help_ = "`else` follows `if … then …`, or a term's `when`"
    elif text == "," and "RBRACE" in accepts:
        message, help_ = "no comma is needed here", "entries stand one after the other: `a: 1.0  b: 0.2`"
    elif accepts <= {"NAME"} and text.isidentifier():
        message, help_ = f"`{text}` is a keyword and cannot be a name", "choose another name"
    elif "$END" in accepts and not _OPERATORS & accepts:
        message = f"unexpected `{_short(text)}`: a statement begins with a keyword"
        help_ = _did_you_mean_statement(text)
    found.error("RK0101", message, span, help=help_)


def _did_you_mean_statement(word: str) -> str:
    import difflib

    near = difflib.get_close_matches(word, [name.lower() for name in _STATEMENTS], 1)
    if near:
        return f"did you mean `{near[0]}`?"
    return "statements are " + ", ".join(f"`{name.lower()}`" for name in sorted(_STATEMENTS))


def _expected(accepts: frozenset[str]) -> str:
    """In words, most useful first: an expression, an operator, a statement, then single tokens."""
    left = set(accepts) - {"ARGUMENT", "RAW_STRING", "LONG_STRING"}
    parts: list[str] = []
    if left >= _EXPRESSION:
        parts.append("an expression")
        left -= _EXPRESSION | {"IF", "NOT", "TRUE", "FALSE", "NULL", "LSQB", "SIGN", "REWARD"}
    operators = left >= {"SIGN", "SCALE"}
    if operators:
        left -= _OPERATORS | {"__ANON_0", "OVER"}
    closing = [name for name in ("RPAR", "RSQB", "RBRACE", "EQUAL", "THEN", "ELSE", "COMMA") if name in left]
    parts.extend(_WORDS.get(name, f"`{name.lower()}`") for name in closing)
    left -= set(closing)
    if operators:
        parts.append("an operator")
    if len(left & _STATEMENTS) > 5:
        parts.append("the next statement")
        left -= _STATEMENTS | {"$END"}
    parts.extend(
        _WORDS.get(name, f"`{name.lower()}`") for name in sorted(left) if not name.startswith("__")
    )
    if not parts:
        return "something else"
    if len(parts) > 6:
        parts = parts[:6]
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " or " + parts[-1]


def _unclosed(text: str) -> int | None:
    """Where the innermost bracket that is never closed stands, texts and comments left out."""
    skip = re.compile(r'"""(?:[^"]|"(?!""))*"""|r"[^"\n]*"|"(?:[^"\\\n]|\\.)*"|#[^\n]*|([\[({])|([\])}])')
    stack: list[int] = []
    for match in skip.finditer(text):
        if match.group(1):
            stack.append(match.start())
        elif match.group(2) and stack:
            stack.pop()
    return stack[-1] if stack else None


def _short(text: str) -> str:
    text = text.split("\n")[0]
    return text if len(text) <= 40 else text[:39] + "…"
