r"""`math.equal` under `strict: true`: which of math-verify's verdicts for an answer hold up.

math-verify compares numbers by rounding, drops units, takes `18%` for `18`, unwraps `9 = 1` to `1` and
reads only the beginning of what its parser does not know. Here a pair that it calls equal is looked at
again. Nothing is ever made equal here; what cannot be decided stays as math-verify has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from latex2sympy2_extended.logic import And
from math_verify.grader import is_assignment_relation, is_expr_of_only_symbols, is_relation
from sympy import Eq, Float, Interval, MatrixBase, N, Rational, Set, Symbol, Tuple, solve
from sympy import FiniteSet as SympyFiniteSet

from rewardkit.library.math_answer import WITH_UNIT, is_prose, tidy
from rewardkit.library.math_fast import DELIMITED

Verify = Callable[[Any, Any], bool]
ReadsAll = Callable[[str], bool]

#: digits that numbers are evaluated to, and the relative difference that makes two of them different
_DIGITS = 100
_DIFFERENT = Rational(1, 10**60)
#: symbols are given these values, in their alphabetical order: positive, and in no simple relation
_POINTS = tuple(
    tuple(Rational(a * 97 + k * 31, b * 7 + k) for a, b in zip(range(3, 40), range(11, 60, 3), strict=False))
    for k in (1, 2, 3, 5)
)

#: a letter or two after a number, and signs before it, are units to math-verify, which drops them
_SHORT_UNIT = re.compile(
    r"[0-9}]\s*(?:\\(?:text|mathrm|mbox) ?\{\s*)?(?<![A-Za-z])"
    r"(mm|cm|dm|km|mg|kg|ml|lb|oz|ft|in|yd|mi|hr?|am|pm|a\.m\.|p\.m\.|[mglsdct])[\s}]*(\^\{?[23]\}?)?[\s.$]*$"
)
_MONEY = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₹": "rupee"}
_MONEY_SIGN = re.compile(rf"^[+\-−]?\s?\\?([{''.join(_MONEY)}])\s?[+\-−]?[0-9.]|[0-9]\s?([€£¥₹])$")
_NOT_LETTERS = re.compile(r"\\(?:text|mathrm|mbox)|[^a-z0-9/^]")


def exactly(
    found: str, gold: str, founds: Sequence[Any], golds: Sequence[Any], verify: Verify, reads_all: ReadsAll
) -> bool:
    """Whether a verdict of equality holds: `founds` and `golds` are what math-verify read in the texts, and
    `reads_all` says whether its parser reads a text to the end."""
    if any(is_prose(tidy(text)) and not DELIMITED.search(text) for text in (found, gold)):
        return False  # words compare as words, which has been done
    units = [unit for unit in map(_unit, (found, gold)) if unit]
    if len(set(units)) > 1:
        return False
    if not all(reads_all(text.rstrip(" .,;")) for text in (*founds, *golds) if isinstance(text, str)):
        return False
    return any(same(a, b) for a in golds for b in founds if verify(a, b))


def _unit(text: str) -> str:
    """The unit after a number, or the currency before it, in one spelling; empty where there is none."""
    text = text.strip()
    if text.count("$") <= 1 and (match := _MONEY_SIGN.search(text)):
        return _MONEY[match[1] or match[2]]
    text = text.strip(" .$")
    if match := WITH_UNIT.fullmatch(text):
        unit = text[match.end(1) :]
    elif match := _SHORT_UNIT.search(text):
        unit = match[1] + (match[2] or "")
    else:
        return ""
    return _NOT_LETTERS.sub("", unit.lower()).removesuffix("s")


def same(gold: Any, found: Any) -> bool:
    """Whether what math-verify calls equal is: `False` only where it is shown not to be."""
    if isinstance(gold, str) or isinstance(found, str) or gold == found:
        return True
    gold, found = (x.rhs if isinstance(x, Eq) and isinstance(x.rhs, Set) else x for x in (gold, found))
    if is_relation(gold) and is_relation(found):
        return _same_relations(gold, found)
    if is_relation(found):
        return _all_sides(gold, found)
    if is_relation(gold):
        return isinstance(found, Set) or _all_sides(found, gold)
    if isinstance(gold, Set | Tuple) or isinstance(found, Set | Tuple):
        return _same_sets(gold, found)
    if isinstance(gold, MatrixBase) and isinstance(found, MatrixBase):
        return gold.shape == found.shape and all(map(same, gold.flat(), found.flat()))
    if isinstance(gold, Symbol) or isinstance(found, Symbol):
        return True  # letters are spelled in several ways
    return _same_values(gold, found)


def _all_sides(value: Any, relation: Any) -> bool:
    """`x = 5` and `16 - 3 = 13` are their last side, `9 = 1` is nothing."""
    links = relation._unsorted_args if isinstance(relation, And) else (relation,)
    sides = [links[0].lhs, *(link.rhs for link in links)]
    if is_assignment_relation(relation):
        sides = sides[1:]
    return all(same(value, side) for side in sides if not is_expr_of_only_symbols(side) or side is sides[-1])


def _same_sets(gold: Any, found: Any) -> bool:
    if isinstance(gold, Interval) and isinstance(found, Interval):
        return same(gold.start, found.start) and same(gold.end, found.end)
    # `(1, 2)` is read as an open interval where it may be one, else as a pair
    gold, found = (_pair(x) if type(gold) is not type(found) else x for x in (gold, found))
    if isinstance(gold, Tuple) and isinstance(found, Tuple):
        return len(gold) == len(found) and all(map(same, gold, found))
    if isinstance(gold, SympyFiniteSet) and isinstance(found, SympyFiniteSet):
        return _matched(list(gold.args), list(found.args))
    return isinstance(gold, Set) and isinstance(found, Set) and not _finite(gold) and not _finite(found)


def _pair(value: Any) -> Any:
    return Tuple(value.start, value.end) if isinstance(value, Interval) and value.is_open else value


def _finite(value: Any) -> bool:
    return isinstance(value, SympyFiniteSet)


def _matched(golds: list[Any], founds: list[Any]) -> bool:
    """Whether each has one of the other's to itself; `same` is close enough to an equivalence for greed."""
    for gold in golds:
        match = next((i for i, found in enumerate(founds) if same(gold, found)), None)
        if match is None:
            return False
        del founds[match]
    return not founds


def _same_relations(gold: Any, found: Any) -> bool:
    if isinstance(gold, And) or isinstance(found, And):
        return (
            isinstance(gold, And)
            and isinstance(found, And)
            and len(gold._unsorted_args) == len(found._unsorted_args)
            and all(map(_same_relations, gold._unsorted_args, found._unsorted_args))
        )
    if isinstance(gold, Eq) and isinstance(found, Eq) and gold.lhs == found.lhs:
        return same(gold.rhs, found.rhs)
    # one is a multiple of the other
    ratio = None
    try:
        differences = gold.lhs - gold.rhs, found.lhs - found.rhs
    except TypeError:  # of sets
        return same(gold.lhs, found.lhs) and same(gold.rhs, found.rhs)
    for a, b in _evaluated(*differences):
        if not a or not b or (ratio is not None and _differ(ratio * b, a)):
            return _same_solutions(gold, found)
        ratio = a / b
    return True


def _same_solutions(gold: Any, found: Any) -> bool:
    """Whether both have solutions, and the same ones; math-verify takes two of none for equal."""
    try:
        golds, founds = (solve(x, dict=isinstance(x, Eq)) for x in (gold, found))
        if not isinstance(gold, Eq):
            return bool(golds == founds)
        if not golds or len(golds) != len(founds):
            return False
        pairs = [[Tuple(k, v) for k, v in sorted(s.items(), key=str)] for s in golds]
        others = [[Tuple(k, v) for k, v in sorted(s.items(), key=str)] for s in founds]
        return _matched([Tuple(*p) for p in pairs], [Tuple(*p) for p in others])
    except MemoryError:
        raise
    except Exception:
        return True


def _same_values(gold: Any, found: Any) -> bool:
    for a, b in _evaluated(gold, found):
        if not a or not b:  # of a sum that is zero, nothing but noise is left
            if (a or b) and (_exact(gold) - _exact(found)).equals(0) is False:
                return False
        elif _differ(a, b):
            return False
    return True


def _evaluated(*expressions: Any) -> list[tuple[Any, ...]]:
    """Values at a few points, to 100 digits; points where one has none are left out."""
    values = []
    try:
        exact = [_exact(expression) for expression in expressions]
        symbols = sorted(set().union(*(e.free_symbols for e in exact)), key=str)
        for point in _POINTS if symbols else _POINTS[:1]:
            at = dict(zip(symbols, point, strict=False))
            found = [N(e.subs(at), _DIGITS) for e in exact]
            if all(value.is_number and value.is_finite for value in found):
                values.append(tuple(found))
    except MemoryError:
        raise
    except Exception:
        return []
    return values


def _exact(expression: Any) -> Any:
    """Without anything left to do, and decimals as the fractions that they spell."""
    exact = expression.xreplace({number: Rational(str(number)) for number in expression.atoms(Float)})
    return exact.doit()


def _differ(a: Any, b: Any) -> bool:
    return bool(abs(a - b) > _DIFFERENT * max(abs(a), abs(b)))
