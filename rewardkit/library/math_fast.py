r"""`math.equal` where no worker is needed: equal texts, gold answers in words, plain numbers, single letters.

Nothing here may decide otherwise than math-verify would: `tests/library/test_math_fast.py` holds each form
to it. A pair that is not of these forms, or is too close to call, is left to a worker (`None`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import inf, log10

from rewardkit.library.math_answer import is_prose

#: What marks mathematics off from the text around it
DELIMITED = re.compile(r"\$|\\\(|\\\[|\\(?:boxed|fbox)")
_TEXT_COMMAND = re.compile(r"\\(?:text(?:bf|it|rm|normal)?|mathrm|mbox) ?\{([^{}]*+)\}")
_NUMBERS = re.compile(r"[0-9]++(?:[.,][0-9]++)*+")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_MARKS = " .,;:?\"'$"
#: Forms are looked for in short texts only: a million digits are no plain number
_SHORT = 400

_WRAPPERS = (("$", "$"), ("\\boxed{", "}"), ("\\(", "\\)"), ("\\[", "\\]"), ("$\\boxed{", "}$"))
_GROUPED = r"[1-9][0-9]{0,2}(?:(?:,|\{,\}|,\\!)[0-9]{3}){1,4}"
_WHOLE = re.compile(rf"(-?)(0|[1-9][0-9]{{0,299}}|{_GROUPED})(\\?%)?")
_DECIMAL = re.compile(r"(-?)((?:0|[1-9][0-9]{0,5}|[1-9][0-9]{0,2},[0-9]{3})\.[0-9]{1,6})")
_FRACTION = re.compile(
    r"(-?)(?:\\[dt]?frac\{([0-9]{1,6})\}\{([1-9][0-9]{0,5})\}|([1-9][0-9]{0,5})/([1-9][0-9]{0,5}))"
)
_LETTER = re.compile(r"\(([A-Za-z])\)|([A-Za-z])")
#: letters that are numbers to math-verify
_CONSTANTS = frozenset("eEiI")
_SEPARATORS = re.compile(r"[^0-9.]")

#: numbers of this many digits cannot be computed in any deadline, so math-verify never finds them equal
_ASTRONOMIC = 5e7
_ARITHMETIC = re.compile(
    r"(?:[0-9\s^{}()+\-*/.,!$]|\\(?:cdot|times|[dt]?frac|left|right|boxed)(?![A-Za-z]))+"
)
#: `9^{9^{9}}`, `9^(9^9)`: each exponent in brackets, but for a last one of one digit
_TOWER = re.compile(r"[0-9]+(?:\s?(?:\^|\*\*)\s?[{(]\s?[0-9]{1,40}(?![0-9.,]))+(?:\s?\^\s?[0-9](?![0-9.]))?")
_FACTORIAL = re.compile(r"(?<![0-9.])([0-9]{8,40})\s?!")

#: math-verify rounds decimals to 6 places: what lies this close together is for it to say
_CLOSE = Fraction(1, 10**5)


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain answer: its exact value, or a letter; how it is written tells how math-verify compares it."""

    form: str  # "whole", "percent", "decimal", "fraction" or "letter"
    value: Fraction | str


def fast_equal(found: str, gold: str, strict: bool = False) -> bool | None:
    """`math.equal`'s verdict where strings and exact arithmetic decide; `None` where a worker must."""
    same = same_words(found, gold)
    if same is not None:
        return same
    a, b = plain(found), plain(gold)
    if a is None or b is None:
        return False if astronomic(found) and not astronomic(gold) else None
    return _strictly_equal(a, b) if strict else _equal(a, b)


def same_words(found: str, gold: str) -> bool | None:
    """Rules 1 and 2 of `math.equal`'s `doc`, which compare words; `None` where they do not decide."""
    # an exclamation mark may end a sentence, but of a gold answer in numbers it is a factorial
    marks = _MARKS if gold.rstrip(_MARKS).endswith("!") and not is_prose(gold) else _MARKS + "!"
    words = _words(found, marks)
    if words == _words(gold, marks):
        return words != ""
    return False if _is_text(gold) else None


def plain(text: str) -> Plain | None:
    """A plain number or a letter; `None` for everything else."""
    text = text.strip()
    return _plain(text) if 0 < len(text) <= _SHORT else None


@lru_cache(4096)
def _plain(text: str) -> Plain | None:
    for opening, closing in _WRAPPERS:
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening):
            text = text[len(opening) : -len(closing)].strip()
            break
    if match := _WHOLE.fullmatch(text):
        sign, digits, percent = match.groups()
        return Plain("percent" if percent else "whole", _signed(sign, _SEPARATORS.sub("", digits)))
    if match := _DECIMAL.fullmatch(text):
        return Plain("decimal", _signed(match[1], match[2].replace(",", "")))
    if match := _FRACTION.fullmatch(text):
        return Plain("fraction", _signed(match[1], f"{match[2] or match[4]}/{match[3] or match[5]}"))
    if match := _LETTER.fullmatch(text):
        letter = match[1] or match[2]
        return None if letter in _CONSTANTS else Plain("letter", letter.lower())
    return None


def astronomic(text: str) -> bool:
    """Whether arithmetic holds a power or a factorial that nobody can write out: `9^{9^{9^9}}`."""
    if (
        len(text) > _SHORT
        or not ("^" in text or "!" in text or "**" in text)
        or not _ARITHMETIC.fullmatch(text)
    ):
        return False
    return any(_tower_digits(match[0]) > _ASTRONOMIC for match in _TOWER.finditer(text)) or any(
        int(match[1]) > _ASTRONOMIC for match in _FACTORIAL.finditer(text)
    )


def _tower_digits(tower: str) -> float:
    """How many digits the value of a tower of powers has; infinite where even that is beyond a float."""
    *bases, value = (float(level) for level in re.findall(r"[0-9]+", tower))
    digits = 0.0
    for base in reversed(bases):
        digits = value * log10(base) if base > 1 else 0.0
        value = 10.0**digits if digits < 300 else inf
    return digits


def _equal(a: Plain, b: Plain) -> bool | None:
    if isinstance(a.value, str) or isinstance(b.value, str):
        return a.value == b.value
    forms = {a.form, b.form}
    if "percent" in forms:
        if forms == {"percent"}:
            return a.value == b.value
        # math-verify takes `-18%` for a product, which does not equal `-18`
        return _percent(a, b) if forms == {"percent", "whole"} and min(a.value, b.value) >= 0 else None
    if forms == {"whole"}:
        return a.value == b.value
    if a.value != b.value and abs(a.value - b.value) < _CLOSE and forms != {"decimal"}:
        return None
    if max(abs(a.value), abs(b.value)) >= 10**15:  # beyond the digits of a float
        return None
    return a.value == b.value


def _percent(a: Plain, b: Plain) -> bool:
    """`18%` is `18`, and `100%` is `1`."""
    assert not isinstance(a.value, str) and not isinstance(b.value, str)
    share, whole = (a.value, b.value) if a.form == "percent" else (b.value, a.value)
    return share == whole or share == 100 * whole


def _strictly_equal(a: Plain, b: Plain) -> bool:
    """Exact values, a percentage being hundredths."""
    values = [
        p.value / 100 if p.form == "percent" and isinstance(p.value, Fraction) else p.value for p in (a, b)
    ]
    return values[0] == values[1]


def _signed(sign: str, digits: str) -> Fraction:
    value = Fraction(digits)
    return -value if sign else value


def _is_text(gold: str) -> bool:
    """Whether a gold answer is words rather than one value: prose that holds no number, or several."""
    return is_prose(gold) and not DELIMITED.search(gold) and len(_NUMBERS.findall(gold)) != 1


def _words(text: str, marks: str) -> str:
    """A text without case (of prose), spacing, a box and punctuation marks around it and text commands."""
    text = _TEXT_COMMAND.sub(r" \1 ", _unboxed(text.strip()))
    plain = text.casefold() if is_prose(text) and "\\" not in text else text
    return " ".join(plain.split()).strip(marks)


def _unboxed(text: str) -> str:
    r"""The content of a text that is one box and nothing else: `\boxed{x}` is `x`."""
    inner = text.strip("$")
    if not (inner.startswith("\\boxed{") and inner.endswith("}")):
        return text
    content = inner[len("\\boxed{") : -1]
    if "\\boxed" in content or content.endswith("\\"):
        return text
    # the first brace is closed by the last one: none before it closes more than was opened
    depth = accumulate((brace == "{") - (brace == "}") for brace in _BRACES.findall(content))
    return content if min(depth, default=0) >= 0 else text
