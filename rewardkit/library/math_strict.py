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
from sympy import Basic, Eq, Float, Interval, MatrixBase, N, Rational, Set, Symbol, Tuple, solve
from sympy import FiniteSet as SympyFiniteSet

from rewardkit.library.math_answer import is_prose
from rewardkit.library.math_fast import DELIMITED
from rewardkit.library.math_parser import consumes

#: digits that numbers are evaluated to, and the relative difference that makes two of them different
_DIGITS = 100
_DIFFERENT = Rational(1, 10**60)
#: symbols are given these values, in their alphabetical order: positive, and in no simple relation
_POINTS = tuple(
    tuple(Rational(a * 97 + k * 31, b * 7 + k) for a, b in zip(range(3, 40), range(11, 60, 3), strict=False))
    for k in (1, 2, 3, 5)
)

_UNITS = (
    r"mm|cm|dm|km|m|meters?|metres?|inch(?:es)?|in|ft|feet|foot|yards?|yd|miles?|mi|mg|kg|g|grams?|lbs?|pounds?"
    r"|oz|ounces?|ml|l|liters?|litres?|gallons?|gal|s|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?|weeks?"
    r"|months?|years?|yrs?|mph|dollars?|cents?|euros?|pounds?|degrees?|am|pm|a\.m\.|p\.m\."
)
_UNIT = re.compile(
    rf"[0-9}}]\s*(?:\\(?:text|mathrm|mbox) ?\{{\s*)?(?<![A-Za-z])({_UNITS})\s*\}}?(\^\{{?[23]\}}?)?[\s.$]*$"
)


def exactly(found: str, gold: str, founds: Sequence[Any], golds: Sequence[Any], verify: Verify) -> bool:
    """Whether a verdict of equality holds: `founds` and `golds` are what math-verify read in the texts."""
    if any(is_prose(text) and not DELIMITED.search(text) for text in (found, gold)):
        return False  # words compare as words, which has been done
    units = [match[0].strip("0123456789} .$").lower() for match in map(_UNIT.search, (found, gold)) if match]
    if len(units) == 2 and units[0].rstrip("s") != units[1].rstrip("s"):
        return False
    if not all(consumes(text) for text in (*founds, *golds) if isinstance(text, str)):
        return False
    return any(same(a, b) for a in golds for b in founds if verify(a, b))


Verify = Callable[[Any, Any], bool]


def same(gold: Any, found: Any) -> bool:
    """Whether what math-verify calls equal is: `False` only where it is shown not to be."""
    if isinstance(gold, str) or isinstance(found, str) or gold == found:
        return True
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
    for a, b in _evaluated(gold.lhs - gold.rhs, found.lhs - found.rhs):
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
    done = expression.doit() if isinstance(expression, Basic) else expression
    return done.xreplace({number: Rational(str(number)) for number in done.atoms(Float)})


def _differ(a: Any, b: Any) -> bool:
    return bool(abs(a - b) > _DIFFERENT * max(abs(a), abs(b)))
