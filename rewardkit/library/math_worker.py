r"""`math.equal` as it runs in a worker process: math-verify, with the gold answer as the gold.

Imported in workers only (sympy takes a while). math-verify's own alarms are off: they work on the
main thread alone and clobber the caller's, and the pool kills what takes too long.
"""

from __future__ import annotations

import logging
import random
import re
from functools import lru_cache
from typing import Any

import sympy.core.random
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

from rewardkit.library.math_answer import FUNCTIONS, is_prose

# it warns once per process that no alarm is set
logging.getLogger("math_verify").setLevel(logging.ERROR)

_EXTRACTION = (LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig())
_DELIMITED = re.compile(r"\$|\\\(|\\\[|\\(?:boxed|fbox)")
_CURRENCY = re.compile(r"([+\-−]?)\s?\\?[$€£¥₹₩₽]\s?(?=[0-9.])")
_MIXED = re.compile(r"([+\-−]?[0-9]{1,9}) ([0-9]{1,9})/([0-9]{1,9})")
_SCIENTIFIC = re.compile(r"([+\-−]?[0-9.]{1,40})[eE]([+\-]?[0-9]{1,4})")
_SPACED = re.compile(r"[+\-−]?[1-9][0-9]{0,2}(?: [0-9]{3})+(?:\.[0-9]+)?")
_NAMES = re.compile(rf"(?<![A-Za-z\\])(?:{'|'.join(sorted(FUNCTIONS))}|ln|pi)(?![A-Za-z])")
_SYMBOLS = str.maketrans({"∞": r"\infty ", "√": r"\sqrt ", "²": "^2", "³": "^3", "−": "-"})
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|mathrm|mbox) ?\{([^{}]*+)\}")
_MARKS = " .,;:?\"'$"


def warm() -> None:
    """Builds the parser's tables, so that the first task does not pay for them."""
    equal(r"\frac{1}{2}", "0.25")


def equal(found: str, gold: str) -> bool:
    """Whether `found` is the answer `gold`; the rule is `math.equal`'s `doc`."""
    # an exclamation mark may end a sentence, but of a gold answer in numbers it is a factorial
    marks = _MARKS if gold.rstrip(_MARKS).endswith("!") and not is_prose(gold) else _MARKS + "!"
    words = _words(found, marks)
    if words == _words(gold, marks):
        return words != ""
    if _is_text(gold):
        return False
    # sympy's zero tests draw random points: the same ones for every pair, whatever came before it
    random.seed(0)
    sympy.core.random.seed(0)
    return any(_verify(a, b) for a in _parse(gold) for b in _parse(found))


def _verify(gold: Any, found: Any) -> bool:
    try:
        return bool(verify(gold, found, timeout_seconds=None, raise_on_error=True))
    except MemoryError:
        raise
    except Exception:  # whatever sympy cannot compare is not shown to be equal
        return False


@lru_cache(1024)
def _parse(text: str) -> tuple[Any, ...]:
    try:
        return tuple(parse(_as_math(text), _EXTRACTION, parsing_timeout=None, raise_on_error=True))
    except MemoryError:
        raise
    except Exception:  # what cannot be parsed has no value
        return ()


def _as_math(text: str) -> str:
    """What math-verify reads best: prose and delimited math as they stand, a bare expression in `$`."""
    text = text.strip()
    if text.count("$") <= 1:  # money
        text = _CURRENCY.sub(r"\1", text).rstrip("$").removesuffix("\\")
    if _DELIMITED.search(text) or is_prose(text):
        return text
    if match := _MIXED.fullmatch(text):
        text = rf"{match[1]}\frac{{{match[2]}}}{{{match[3]}}}"
    elif _SPACED.fullmatch(text):
        text = text.replace(" ", "")
    elif match := _SCIENTIFIC.fullmatch(text):
        text = rf"{match[1]} \cdot 10^{{{match[2]}}}"
    text = text.replace("**", "^").translate(_SYMBOLS)
    return f"${_NAMES.sub(lambda name: chr(92) + name[0], text)}$"


def _is_text(gold: str) -> bool:
    """Whether a gold answer is words rather than one value: prose that holds no number, or several."""
    return is_prose(gold) and not _DELIMITED.search(gold) and len(re.findall(r"[0-9]+", gold)) != 1


def _words(text: str, marks: str) -> str:
    """A text without case (of prose), spacing, the punctuation marks around it and text commands."""
    text = _TEXT_COMMAND.sub(r" \1 ", text.strip())
    plain = text.casefold() if is_prose(text) and "\\" not in text else text
    return " ".join(plain.split()).strip(marks)
