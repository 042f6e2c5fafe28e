"""math-verify's costly comparisons, made less often and with the same verdicts.

Its last resort is `simplify(a - b)`. Most answers that get that far are wrong, and simplifying their
difference is what takes longest. Where both sides have values at some point, and these lie well apart, no
simplification makes their difference zero. For equations it is `solve`, which need not solve the gold answer
again for each found one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from math_verify import grader
from sympy import Derivative, Expr, Integral, Limit, Product, Sum

_simplified_eq = grader.sympy_symbolic_eq
_solve = grader.solve

#: values of symbols in alphabetical order: positive, where roots and logarithms obey their rules
_POINT = (1.618, 2.302, 0.757, 3.317, 1.193, 0.531, 2.827, 1.909)
_APART = 1e-6
#: what takes longer to evaluate than to simplify
_SLOW = (Derivative, Integral, Limit, Product, Sum)


def install() -> None:
    """Makes math-verify, in this process, look at values before it simplifies, and remember solutions."""
    grader.sympy_symbolic_eq = _symbolic_eq
    grader.solve = _remembered_solve


def uninstall() -> None:
    """Puts math-verify's own way back."""
    grader.sympy_symbolic_eq = _simplified_eq
    grader.solve = _solve


def _remembered_solve(relation: Any, symbols: set[Any]) -> Any:
    return _solutions(relation, frozenset(symbols))


@lru_cache(512)
def _solutions(relation: Any, symbols: frozenset[Any]) -> Any:
    return _solve(relation, set(symbols))


def _symbolic_eq(a: Any, b: Any) -> bool:
    return not _apart(a, b) and bool(_simplified_eq(a, b))


def _apart(a: Any, b: Any) -> bool:
    """Whether two expressions have different values at a point."""
    try:
        if not (isinstance(a, Expr) and isinstance(b, Expr)) or a.has(*_SLOW) or b.has(*_SLOW):
            return False
        symbols = sorted(a.free_symbols | b.free_symbols, key=str)
        if len(symbols) > len(_POINT):
            return False
        at = dict(zip(symbols, _POINT, strict=False))
        x, y = complex(a.evalf(15, subs=at)), complex(b.evalf(15, subs=at))
        return abs(x - y) > _APART * (1 + abs(x) + abs(y))  # false of infinities and of what is no number
    except MemoryError:
        raise
    except Exception:
        return False
