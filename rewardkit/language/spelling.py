"""Mistakes in how single words are written: texts, numbers, signs and characters."""

from __future__ import annotations

import re
from fractions import Fraction

from rewardkit.diagnostics import Label, Span
from rewardkit.language.sketch import STATEMENTS
from rewardkit.language.syntax_errors import Answer, Spot, short
from rewardkit.types.interval import show

NO_OPERATOR = "`{0}` is not an operator here"
_COMMENT = ("`{0}` does not begin a comment", "comments begin with `#`")

#: signs of other languages, and what to write instead
_SIGNS = {
    "&&": (NO_OPERATOR, "write `and`"),
    "&": (NO_OPERATOR, "write `and`"),
    "||": (NO_OPERATOR, "write `or`"),
    "|": (NO_OPERATOR, "write `or`"),
    "!": (NO_OPERATOR, "write `not`"),
    "~": (NO_OPERATOR, "write `not`"),
    "**": ("there is no power operator", "multiply, `x * x`, or use `exp` and `log`"),
    "^": ("there is no power operator", "multiply, `x * x`, or use `exp` and `log`"),
    "//": ("`//` is not an operator here", "write `floor(a / b)`; a comment begins with `#`"),
    "%": ("there is no remainder operator", "write `a - b * floor(a / b)`"),
    "/*": _COMMENT,
    "*/": _COMMENT,
    "--": _COMMENT,
    "===": (NO_OPERATOR, "write `==`"),
    "!==": (NO_OPERATOR, "write `!=`"),
    "<>": (NO_OPERATOR, "write `!=`"),
    "=!": (NO_OPERATOR, "write `!=`"),
    "=>": (NO_OPERATOR, "write `>=`"),
    "=<": (NO_OPERATOR, "write `<=`"),
    ":=": (NO_OPERATOR, "write `=`"),
    "+=": (NO_OPERATOR, "a name has one value; write it as one expression"),
    "-=": (NO_OPERATOR, "a name has one value; write it as one expression"),
    "->": ("a result type follows `:`", "write `: real`"),
    "?": ("there is no `?` operator", "write `if … then … else …`; for a value that may be null, `x ?? y`"),
    "?:": (NO_OPERATOR, "write `x ?? y`"),
    "?.": (NO_OPERATOR, "write `.`: a field of null is null"),
    ";": ("no `;` is needed here", "leave it out: a statement ends where the next keyword begins"),
    "\\": ("unexpected `\\`", r'LaTeX stands in a raw text: `r"\boxed"`'),
    "@": ("there are no decorators", "leave it out"),
}

#: a sign of ours that stands for one of theirs, as it is
_WRITTEN = re.compile(r"write `((?:and|or|not)|[=!<>.]+)`")

#: characters that look like ours
_LOOKALIKES = {
    "–": "-", "—": "-", "−": "-", "×": "*", "·": "*", "÷": "/", "≥": ">=", "≤": "<=", "≠": "!=", "∞": "inf",
    "¬": "not", "∧": "and", "∨": "or", "→": "=", "：": ":", "，": ",",
    "（": "(", "）": ")", "＝": "=",
}  # fmt: skip


def text_mistake(spot: Spot) -> Answer | None:
    rest, start = spot.rest, spot.span.start
    if spot.kind == "" and rest.startswith('"""'):
        span = Span(spot.source, start, start + 3)
        return Answer("this text is never closed", 'close it with `"""`', span, "RK0102")
    if spot.kind == "" and rest.startswith(('"', 'r"')):
        line_end = spot.source.text.find("\n", start)
        span = Span(spot.source, start, len(spot.source.text) if line_end < 0 else line_end)
        advice = 'close it with `"`; a text over several lines stands in `"""…"""`'
        return Answer("this text is not closed on its line", advice, span, "RK0102")
    quoted = re.match(
        r"'''((?:[^']|'(?!''))*)'''|'([^'\n]*)'|‘([^’\n]*)’|“([^”\n]*)”|«([^»\n]*)»|`([^`\n]*)`", rest
    )
    if quoted:
        inner = next(group for group in quoted.groups() if group is not None)
        advice = f'write `"{short(inner)}"`' if '"' not in inner and "\\" not in inner else 'write `r"…"`'
        plain = f'"{inner}"' if '"' not in inner and "\\" not in inner and "\n" not in inner else None
        return Answer('texts stand in `"`', advice, _ahead(spot, quoted.end()), instead=plain)
    if rest[0:1] and rest[0] in "'‘’“”«»`":
        return Answer('texts stand in `"`', 'write `"…"`')
    before = spot.word(-1)
    touches = before.end == spot.span.start and re.match(r'[\w"]', rest) is not None
    if before.kind == "text" and touches:
        return Answer(
            f"unexpected `{short(spot.text)}` after a text",
            r'a `"` inside a text is written `\"`; a text in `"""…"""` may hold any',
            labels=(Label(spot.place(before), "the text ends here"),),
        )
    if before.kind == "name" and touches and rest[0] == '"':
        if before.text in ("f", "F"):
            return Answer(
                "there are no formatted texts", "write the text without the `f`", spot.place(before)
            )
        return Answer(
            f"a text does not begin with `{before.text}`",
            'write `"…"`, or `r"…"` for a raw one',
            spot.place(before),
        )
    return None


def number_mistake(spot: Spot) -> Answer | None:
    rest, before = spot.rest, spot.word(-1)
    wrong = re.match(r"[0-9](?:[A-Za-z0-9_]|\.(?=[A-Za-z0-9_]))*", rest) if spot.kind == "" else None
    if wrong:
        return _not_a_number(wrong.group(), _ahead(spot, wrong.end()))
    if spot.wants_value and re.match(r"\.[0-9]", rest):
        number = re.match(r"\.[0-9]+", rest)
        assert number is not None
        return _not_a_number(number.group(), _ahead(spot, number.end()))
    if before.kind == "number" and before.text.endswith(".") and before.text.count(".") == 1:
        return _not_a_number(before.text, spot.place(before))
    if before.kind != "number":
        return None
    if rest.startswith("%") and (spot.ends or not re.match(r"%\s*[\w(]", rest)):
        share = show(Fraction(before.text) / 100) if re.fullmatch(r"[0-9.]+", before.text) else "0.05"
        return Answer(
            "there are no percentages", f"write `{share}`", spot.place(before).to(spot.span), instead=share
        )
    if spot.text == "," and before.end == spot.span.start and re.match(r",[0-9]{3}\b", rest):
        whole = re.match(r"(?:,[0-9]{3})+\b", rest)
        assert whole is not None
        number_text = before.text + whole.group()
        return _not_a_number(number_text, spot.place(before).to(_ahead(spot, whole.end())))
    unit = _unit(spot.text)
    if unit is not None and not spot.sketch.opens_line(spot.word(0)):
        written = _with_unit(before.text, spot.text)
        span = spot.place(before).to(spot.span)
        return Answer(
            "a unit stands right at its number", f"write `{written}`", span, "RK0105", instead=written
        )
    return None


def _not_a_number(text: str, span: Span) -> Answer:
    plain = text.replace("_", "").replace(",", "")
    parts = re.fullmatch(r"([0-9]*\.?[0-9]*)([A-Za-z]*)", plain)
    advice = "a number is `12`, `0.5` or `1e-4`; with a unit it is `4096tok`, `80ch` or `1.5s`"
    meant: str | None = None
    if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,16}", plain):
        meant = str(int(plain, 16))
    elif parts and parts[1].strip("."):
        digits = "0" + parts[1] if parts[1].startswith(".") else parts[1].rstrip(".")
        if not parts[2]:
            meant = digits
        elif parts[2] in ("k", "K", "m", "M"):
            whole = show(Fraction(digits) * (1000 if parts[2] in "kK" else 1_000_000))
            advice = f"write `{whole}`, or with its unit, `{whole}tok`"
        elif _unit(parts[2]):
            meant = _with_unit(digits, parts[2])
    advice = f"write `{meant}`" if meant else advice
    return Answer(f"`{short(text)}` is not a number", advice, span, "RK0105", instead=meant)


def _unit(word: str) -> str | None:
    word = word.lower()
    known = {"t": "tok", "ch": "ch", "c": "ch", "s": "s", "ms": "ms", "min": "min", "m": "min"}
    for start, unit in (("tok", "tok"), ("char", "ch"), ("sec", "s"), ("minute", "min"), ("milli", "ms")):
        if word.startswith(start):
            return unit
    return known.get(word)


def _with_unit(digits: str, word: str) -> str:
    unit = _unit(word) or ""
    if unit in ("ms", "min") and re.fullmatch(r"[0-9]+(\.[0-9]+)?", digits):
        seconds = Fraction(digits) / 1000 if unit == "ms" else Fraction(digits) * 60
        return show(seconds) + "s"
    return digits + unit


def sign_mistake(spot: Spot) -> Answer | None:
    """Signs of other languages, looked up with the signs that touch them."""
    text, at = spot.source.text, spot.span.start
    if spot.kind not in ("", "$END") and spot.text[:1].isalnum():
        return None
    if re.match(r"\|\s*(?:null|None)\b", spot.rest):
        end = re.match(r"\|\s*\w+", spot.rest)
        assert end is not None
        return Answer(
            "a type that may be null ends in `?`", f"write `{spot.word(-1).text}?`", _ahead(spot, end.end())
        )
    for back, forward in ((2, 1), (1, 2), (0, 3), (1, 1), (0, 2), (0, 1)):
        sign = text[max(0, at - back) : at + forward]
        if len(sign) != back + forward or sign not in _SIGNS or spot.kind == "$END":
            continue
        if len(sign) == 1 and spot.kind != "" and sign != "?":
            continue
        message, advice = _SIGNS[sign]
        if sign == "//" and spot.sketch.opens_line(spot.word(0)):
            message, advice = _COMMENT
        meant = _WRITTEN.fullmatch(advice)
        place = Span(spot.source, at - back, at + forward)
        return Answer(message.format(sign), advice, place, instead=meant[1] if meant else None)
    char = text[at : at + 1]
    if spot.kind == "" and char in _LOOKALIKES:
        ours = _LOOKALIKES[char]
        return Answer(f"unexpected `{char}`", f"write `{ours}`", instead=ours)
    if spot.kind == "" and char and (not char.isprintable() or not char.strip()):
        name = f"U+{ord(char):04X}"
        return Answer(
            f"there is a character here that cannot be seen, {name}", "delete it, or type a plain space"
        )
    if spot.kind == "" and char.isalpha():
        word = spot.word(0) if spot.word(0).start == at else spot.word(-1)
        span = spot.place(word) if word.start <= at < word.end else None
        return Answer(
            "names are made of the letters `a` to `z` and `A` to `Z`, digits and `_`",
            'other letters stand in texts: an input takes its column\'s name from `from "…"`',
            span,
        )
    return None


def _ahead(spot: Spot, length: int) -> Span:
    return Span(spot.source, spot.span.start, spot.span.start + length)


def open_path_mistake(spot: Spot) -> Answer | None:
    """A dot at the end of a statement, which took the next keyword for a field."""
    dot, word = spot.word(-2), spot.word(-1)
    if word.text not in STATEMENTS or not dot.text.endswith(".") or not spot.sketch.opens_line(word):
        return None
    if dot.kind == "number":
        return _not_a_number(dot.text, spot.place(dot))
    return Answer("expected a name after `.`", None, spot.place(dot))
