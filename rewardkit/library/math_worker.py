r"""`math.equal` as it runs in a worker process: math-verify, with the gold answer as the gold.

Imported in workers only (sympy takes a while). math-verify's own alarms are off: they work on the
main thread alone and clobber the caller's, and the pool kills what takes too long.
"""

from __future__ import annotations

import logging
import random
import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import sympy.core.random
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
from sympy import Eq, Float, Integer, Symbol

from rewardkit.library.math_answer import FUNCTIONS, boxed, is_prose
from rewardkit.library.math_fast import DELIMITED, same_words
from rewardkit.library.math_strict import exactly

# it warns once per process that no alarm is set
logging.getLogger("math_verify").setLevel(logging.ERROR)

#: what `math_parser` and `math_grader` were written for, as they reach into it; of others nothing is changed
WRITTEN_FOR = {"math-verify": "0.9.0", "latex2sympy2_extended": "1.11.0"}


def is_known() -> bool:
    """Whether the installed versions are those."""
    try:
        return all(version(name) == known for name, known in WRITTEN_FOR.items())
    except PackageNotFoundError:
        return False


if is_known():
    from rewardkit.library import math_grader, math_parser

    math_parser.install()
    math_grader.install()
    _reads_all = math_parser.reads_all
else:

    def _reads_all(latex: str) -> bool:
        return True  # it cannot be asked


_EXTRACTION = (LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig())
_CURRENCY = re.compile(r"([+\-−]?)\s?\\?[$€£¥₹₩₽]\s?(?=[+\-−]?[0-9.])")
_MIXED = re.compile(r"([+\-−]?[0-9]{1,9}) ([0-9]{1,9})/([0-9]{1,9})")
_SCIENTIFIC = re.compile(r"([+\-−]?[0-9.]{1,40})[eE]([+\-]?[0-9]{1,4})")
_SPACED = re.compile(r"[+\-−]?[1-9][0-9]{0,2}(?: [0-9]{3})+(?:\.[0-9]+)?")
_SCALED = re.compile(r"([+\-−]?[0-9][0-9.,]{0,20}) (hundred|thousand|million|billion|trillion)")
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_NAMES = re.compile(rf"(?<![A-Za-z\\])(?:{'|'.join(sorted(FUNCTIONS))}|ln|pi)(?![A-Za-z])")
_SYMBOLS = str.maketrans({"∞": r"\infty ", "√": r"\sqrt ", "²": "^2", "³": "^3", "−": "-"})

#: of a longer text only its last box is read: math-verify's patterns take longer than linear
_LONGEST = 10_000


def warm() -> None:
    """Builds the parser's tables, so that the first task does not pay for them."""
    equal(r"\frac{1}{2}", "0.25")


def equal(found: str, gold: str, strict: bool = False) -> bool:
    """Whether `found` is the answer `gold`; the rule is `math.equal`'s `doc`."""
    same = same_words(found, gold)
    if same is not None:
        return same
    # sympy's zero tests draw random points: the same ones for every pair, whatever came before it
    random.seed(0)
    sympy.core.random.seed(0)
    golds, founds = _parse(gold), _parse(found)
    if not any(_verify(a, b) for a in golds for b in founds):
        return False
    return not strict or exactly(found, gold, founds, golds, _verify, _reads_all)


def overdue(found: str, gold: str, strict: bool = False) -> bool:
    """The verdict on an answer that took all the time or memory it was given: false, as math-verify says.

    Raises `ValueError` where the gold answer alone may be the cause, which is no doing of the candidate's.
    """
    for a in _parse(gold):
        for b in _PROBES:
            _verify(a, b)
    return False


#: what a gold answer that is fit to be compared with is compared with in no time
_PROBES = (Integer(7), Float("0.3"), Symbol("x", real=True), Eq(Symbol("x", real=True), 3))


def _verify(gold: Any, found: Any) -> bool:
    try:
        return bool(verify(gold, found, timeout_seconds=None, raise_on_error=True))
    except MemoryError:
        raise
    except Exception:  # whatever sympy cannot compare is not shown to be equal
        return False


def _parse(text: str) -> tuple[Any, ...]:
    """What math-verify reads in a text: expressions, and the text they come from."""
    return _parsed(_as_math(text))


@lru_cache(1024)
def _parsed(text: str) -> tuple[Any, ...]:
    try:
        return tuple(parse(text, _EXTRACTION, parsing_timeout=None, raise_on_error=True))
    except MemoryError:
        raise
    except Exception:  # what cannot be parsed has no value
        return ()


def _as_math(text: str) -> str:
    r"""What math-verify reads best: prose and delimited math as they stand, a bare expression in a box."""
    text = text.strip()
    if len(text) > _LONGEST:
        box = boxed(text)
        return rf"\boxed{{{box}}}" if box and len(box) <= _LONGEST else ""
    if text.count("$") <= 1:  # money
        text = _CURRENCY.sub(r"\1", text).rstrip("$").removesuffix("\\")
    if match := _SCALED.fullmatch(text):
        text = rf"{match[1]} \cdot 10^{{{_SCALES[match[2]]}}}"
    if DELIMITED.search(text):
        return text if "\\fbox" not in text or "\\boxed" in text else rf"\boxed{{{text}}}"
    if is_prose(text):
        return text
    if match := _MIXED.fullmatch(text):
        text = rf"{match[1]}\frac{{{match[2]}}}{{{match[3]}}}"
    elif _SPACED.fullmatch(text):
        text = text.replace(" ", "")
    elif match := _SCIENTIFIC.fullmatch(text):
        text = rf"{match[1]} \cdot 10^{{{match[2]}}}"
    text = text.replace("**", "^").translate(_SYMBOLS)
    return rf"\boxed{{{_NAMES.sub(lambda name: chr(92) + name[0], text)}}}"
