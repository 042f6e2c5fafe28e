r"""Reading answers out of text: `math.boxed`, `math.answer` and `math.number`.

A completion is written by a policy that may be hostile, so everything here is linear in its length.
The patterns keep to forms whose matching cannot go quadratic: a repeat is either bounded, possessive
(`++`), or over characters that exclude what starts the next attempt, so that a failed attempt never
scans what a later one scans again.
"""

from __future__ import annotations

import re
from collections import deque
from math import isfinite

#: `\boxed{`, `\boxed 5`, an escaped character (`\{`, `\\`), or a bare brace. A doubled backslash
#: before the command is taken too: models escape it when they have seen much JSON.
_BOX_TOKENS = re.compile(
    r"\\{1,2}(?:boxed|fbox)(?![A-Za-z])\s*+(?:(?P<brace>\{)|(?=(?P<bare>[^\s${}])))?|\\.|[{}]", re.DOTALL
)

_CURRENCY = r"(?:\\?[$€£¥₹₩₽])"
_DIGITS = r"(?:[0-9]{1,3}(?:(?:,|\{,\}|\\,|,\\!)[0-9]{3})++(?![0-9])|[0-9]++)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.[0-9]++)?|\.[0-9]++)"

#: A number within text. A sign counts where no operand stands before it (`10-5` ends in 5), digits
#: inside a name (`x2`) or an ordinal (`2nd`) do not. Nor does a number start behind any thousands
#: separator: where the groups from one start fail, they are not tried again from the next.
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9_.])(?:((?<![)\]}}])[+\-−])\s?)?{_CURRENCY}?\s?"
    rf"((?<![A-Za-z0-9_.,])(?<!\{{,\}})(?<!,\\!){_DECIMAL}"
    r"(?:/[0-9]++|[eE][+\-]?[0-9]{1,4}+(?![A-Za-z0-9]))?(?!(?:st|nd|rd|th)\b)(?:\s?\\?%)?)"
)
#: A number and nothing else, as `number` reads it: sign, digits, exponent, denominator, percent.
_PLAIN = re.compile(
    rf"([+\-−]?)\s?{_CURRENCY}?\s?([+\-−]?)({_DECIMAL}|[0-9]++\.)(?:[eE]([+\-]?[0-9]{{1,4}}))?"
    rf"(?:\s?/\s?({_DECIMAL}))?\s?(\\?%|percent)?\s?{_CURRENCY}?"
)
_SEPARATORS = re.compile(r"[^0-9.]")

#: Calculator annotations of GSM8K-style solutions: `16-3=<<16-3=13>>13`.
_ANNOTATION = re.compile(r"<<[^<>]*+>>")

#: Functions by the names that LaTeX gives them.
FUNCTIONS = frozenset(
    (
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "sinh",
        "cosh",
        "tanh",
        "arcsin",
        "arccos",
        "arctan",
        "log",
        "exp",
    )
)
_NOT_PROSE = FUNCTIONS | {"sqrt", "lim", "max", "min", "gcd", "lcm", "mod", "and", "inf", "infinity"}
_COMMAND = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox|operatorname|begin|end) ?\{[^{}]*+\}")
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}+")
_VOWELS = frozenset("aeiou")
#: Short words that no answer holds: `4, as 2 + 2 = 4`
_SHORT_WORD = re.compile(r"(?<![A-Za-z\\{^_])(?:as|so|we|it|is|if)(?![A-Za-z])")

#: A number and its unit: `18 dollars`, `5 cm^2`, `12\text{ apples}`.
WITH_UNIT = re.compile(
    rf"([+\-−]?\s?{_CURRENCY}?\s?{_DECIMAL})"
    r"(?:\s*+\\(?:text|mathrm|mbox) ?\{[^{}]*+\}|\s++[A-Za-z]{2,20}+(?:[ /][A-Za-z]{1,20}+){0,2})"
    r"(?:\^(?:[23]|\{[23]\}))?"
)
_SCALES = frozenset(("hundred", "thousand", "million", "billion", "trillion", "dozen", "percent"))
_NOT_UNITS = _SCALES | {"pi", "or", "and", "to", "by", "over", "if", "when", "mod", "sqrt"}

#: What announces an answer. The gap between `answer` and its verb is bounded and stays in a sentence.
_CUE = re.compile(
    r"\banswer(?P<gap>\s(?:to|for|of)\b[^.:=\n]{0,60}?)?[\s*_]{0,4}"
    r"(?P<verb>:|=|(?:\bis\b(?:\s(?:therefore|thus|simply|approximately|about|equal to))?+:?+|\bequals\b)"
    # `is not 4` announces nothing; `is not possible` does
    r"(?![\s*_]{1,4}not\b[^.\n]{0,60}[0-9]))"
    r"|^[ \t*_]{0,4}(?P<short>A)[*_]{0,2}:",
    re.IGNORECASE | re.MULTILINE,
)
_MAX_CUES = 16
_MAX_PHRASE = 1000
_CHOICE = re.compile(r"\(?([A-Ja-j])\)(?:[\s.,:]|$)|([A-J])[.,]?$")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_OPERATOR_NEXT = re.compile(r"\s?[-+*/^=×÷·−\\(<>]")
_DECORATION = " \t\r\n*_`\"'“”:"


def boxed(text: str) -> str | None:
    r"""Content of the last complete `\boxed{...}` or `\fbox{...}`; without one, of `\boxed 5`.

    Of nested boxes the inner one counts (it starts last). A box that is never closed is ignored.
    """
    opened: list[tuple[int, int] | None] = []  # per open brace: where its box and its content start
    best = (-1, 0, 0)
    bare = -1
    for token in _BOX_TOKENS.finditer(text):
        if token["brace"] or token[0] == "{":
            opened.append((token.start(), token.end()) if token["brace"] else None)
        elif token[0] == "}":
            box = opened.pop() if opened else None
            if box and box[0] > best[0]:
                best = (*box, token.start())
        elif token["bare"] and _starts_bare(text, token.end()):
            bare = token.end()
    if best[0] >= 0:
        return text[best[1] : best[2]].strip()
    return _bare_content(text, bare) if bare >= 0 else None


def answer(text: str) -> str | None:
    """The final answer of a solution, tidied; the rule is `math.answer`'s `doc`."""
    box = boxed(text)
    if box and (tidied := tidy(box)):
        return tidied
    hashes = text.rfind("####")
    if hashes >= 0 and (found := _direct(_phrase(text, hashes + 4))):
        return found
    cues = list(_CUE.finditer(text))
    for cue in reversed(cues[-_MAX_CUES:]):
        in_sentence = (cue["verb"] or ":") not in (":", "=")
        if found := _read(_phrase(text, cue.end()), in_sentence):
            return found
    return _last_number(text)


def number(text: str) -> float | None:
    """A plain number as a real, or `None`; never infinite, never an error. Rule: `math.number`'s `doc`."""
    text = text.strip() if len(text) <= 200 else ""
    match = _PLAIN.fullmatch(text)
    if not match or (match[1] and match[2]):
        return None
    sign, inner, digits, exponent, denominator, percent = match.groups()
    value = float(_SEPARATORS.sub("", digits) + "e" + (exponent or "0"))
    if denominator:
        below = float(_SEPARATORS.sub("", denominator))
        if below == 0 or not isfinite(value):
            return None
        value /= below
    if percent:
        value /= 100
    if not isfinite(value):
        return None
    return -value if (sign or inner) in ("-", "−") and value else value


def is_prose(text: str) -> bool:
    r"""Whether `text` holds words: 3 or more letters, not all capitals, or `as`, `so` and the like,

    outside commands and `\text{...}`. `xyz` and `mph` are none.
    """
    text = _COMMAND.sub("", text)
    return _SHORT_WORD.search(text) is not None or any(map(_is_word, _WORD.findall(text)))


def _is_word(letters: str) -> bool:
    if letters.lower() in _NOT_PROSE or letters.isupper():
        return False
    return len(letters) > 3 or not _VOWELS.isdisjoint(letters.lower())


def tidy(text: str) -> str:
    r"""An answer without what surrounds it: `**$18.00$.**` is `18.00`, `1,234 dollars` is `1234`."""
    text = text.strip(' \t\r\n*_`"“”').rstrip(".,;:").rstrip(_DECORATION)
    text = _undelimited(text) or text
    match = WITH_UNIT.fullmatch(text)
    if match and not _NOT_UNITS.intersection(re.findall("[a-z]+", text[match.end(1) :].lower())):
        text = match[1]
    match = _NUMBER.fullmatch(text.rstrip("$€£¥₹₩₽").removesuffix("\\").rstrip())
    return _plain(match) if match else text.strip()


def _plain(match: re.Match[str]) -> str:
    """A found number without currency signs and thousands separators."""
    sign = (match[1] or "").replace("−", "-").replace("+", "")
    return sign + re.sub(r",\\!|\{,\}|\\,|,|\s|\\", "", match[2])


def _starts_bare(text: str, at: int) -> bool:
    """Whether what follows a `\\boxed` without braces is a value, not the next word of a sentence."""
    return text[at] in "0123456789.+-\\" or (text[at].isalpha() and not text[at + 1 : at + 2].isalpha())


def _bare_content(text: str, at: int) -> str | None:
    depth, end = 0, at
    for end in range(at, len(text) + 1):
        char = text[end : end + 1]
        depth += (char == "{") - (char == "}")
        if char == "" or depth < 0 or (depth == 0 and (char.isspace() or char == "$")):
            break
    content = text[at:end].rstrip(".,;")
    return content if depth <= 0 and any(char.isalnum() for char in content) else None


def _phrase(text: str, start: int) -> str:
    """The rest of the line, or the next line that is not blank."""
    rest = text[start : start + _MAX_PHRASE].lstrip(_DECORATION)
    if rest.startswith(("$$", "\\[")):  # a displayed formula may take several lines
        return rest
    return rest.partition("\n")[0].strip(_DECORATION)


def _direct(phrase: str) -> str | None:
    """The answer a phrase is, where it is nothing but an answer: an expression, or a number and its unit."""
    if choice := _CHOICE.match(phrase):
        return choice[1] or choice[2]
    tidied = tidy(phrase)
    if WITH_UNIT.fullmatch(tidied) and tidied.split()[-1].lower() in _SCALES:
        return tidied
    return tidied if tidied and not is_prose(tidied) else None


def _read(phrase: str, in_sentence: bool) -> str | None:
    """The answer in what follows a cue, which is a sentence's rest (`is`) or a line (`Answer:`)."""
    if formula := _formula_at_start(phrase):
        return _right_side(formula)
    first = phrase[: end.start()] if (end := _SENTENCE_END.search(phrase)) else phrase
    for part in (phrase, first):
        if found := _direct(part):
            return _right_side(found)
    start = _NUMBER.match(phrase)
    if start and not _OPERATOR_NEXT.match(phrase, start.end()):
        return _plain(start)
    if "=" in first and (found := _direct(first.rpartition("=")[2])):
        return found
    # a solution may follow `A:`, whose last number is then the last of the text
    several = not in_sentence and phrase[len(first) + 1 :].strip()
    numbers = [] if several else list(_NUMBER.finditer(_ANNOTATION.sub("", first)))
    if numbers:
        return _plain(numbers[0 if in_sentence else -1])
    return tidy(first) if not several and 0 < len(first.split()) <= 4 else None


def _last_number(text: str) -> str | None:
    """The last number of a text, with the formula around it where it stands in one."""
    text = _ANNOTATION.sub("", text)
    found = deque(_NUMBER.finditer(text), maxlen=1)
    if not found:
        return None
    last = found[0]
    for opening, closing in (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        left = text.rfind(opening, max(0, last.start() - 200), last.start(2))
        right = text.find(closing, last.end(), last.end() + 200)
        if left < 0 or right < 0:
            continue
        inside = text[left + len(opening) : right]
        if closing not in inside and "\n" not in inside.strip() and inside.strip() and not is_prose(inside):
            return _right_side(tidy(inside))
    return _plain(last)


def _formula_at_start(phrase: str) -> str | None:
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if phrase.startswith(opening):
            end = phrase.find(closing, len(opening))
            inside = phrase[len(opening) : end] if end > 0 else ""
            # `$18 per day and $20` is money: its words give it away
            if inside.strip() and not is_prose(inside):
                return tidy(inside)
    return None


def _right_side(found: str) -> str:
    """`x = 5` is 5, `16 - 3 = 13` is 13; systems, lists and inequalities stay whole."""
    _, equals, right = found.rpartition("=")
    whole = any(mark in found for mark in (",", ";", "<", ">", "\\le", "\\ge", "\\ne", "!="))
    return tidy(right) if equals and right.strip() and not whole else found


def _undelimited(text: str) -> str | None:
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening) + len(closing):
            inside = text[len(opening) : -len(closing)]
            if closing not in inside and opening not in inside:
                return inside.strip()
    return None
