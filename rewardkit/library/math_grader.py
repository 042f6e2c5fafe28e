"""math-verify's costly comparisons, made less often and with the same verdicts.

Its last resort is `simplify(a - b)`. Most answers that get that far are wrong, and simplifying their
difference is what takes longest. Where both sides have values at some point, and these lie well apart, no
simplification makes their difference zero. For equations it is `solve`, which need not solve the gold answer
again for each found one, nor linear equations at all that are not multiples of one another.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from typing import Any

from math_verify import grader
from sympy import QQ, Derivative, Eq, Expr, Integral, Limit, Poly, Product, Sum

_simplified_eq = grader.sympy_symbolic_eq
_solve = grader.solve
_solve_and_compare = grader.sympy_solve_and_compare

#: values of symbols in alphabetical order: positive, where roots and logarithms obey their rules
_POINT = (1.618, 2.302, 0.757, 3.317, 1.193, 0.531, 2.827, 1.909)
_APART = 1e-6
#: what takes longer to evaluate than to simplify
_SLOW = (Derivative, Integral, Limit, Product, Sum)


def install() -> None:
    """Makes math-verify, in this process, look at values before it simplifies, and remember solutions."""
    grader.sympy_symbolic_eq = _symbolic_eq
    grader.solve = _remembered_solve
    grader.sympy_solve_and_compare = _compare_solutions


def uninstall() -> None:
    """Puts math-verify's own way back."""
    grader.sympy_symbolic_eq = _simplified_eq
    grader.solve = _solve
    grader.sympy_solve_and_compare = _solve_and_compare


def _remembered_solve(relation: Any, symbols: set[Any]) -> Any:
    return _solutions(relation, frozenset(symbols))


@lru_cache(512)
def _solutions(relation: Any, symbols: frozenset[Any]) -> Any:
    return _solve(relation, set(symbols))


def _compare_solutions(gold: Any, found: Any, *precision: int) -> bool:
    return not _different_planes(gold, found) and bool(_solve_and_compare(gold, found, *precision))


def _different_planes(gold: Any, found: Any) -> bool:
    """Whether both are linear equations, of which each has solutions, and not multiples of one another."""
    if not (isinstance(gold, Eq) and isinstance(found, Eq)):
        return False
    try:
        symbols = sorted(gold.free_symbols | found.free_symbols, key=str)
        sides = [Poly(relation.lhs - relation.rhs, *symbols, domain=QQ) for relation in (gold, found)]
        if any(side.total_degree() != 1 for side in sides):
            return False
        a, b = ([side.coeff_monomial(m) for m in (*symbols, 1)] for side in sides)
        return any(a[i] * b[j] != a[j] * b[i] for i, j in combinations(range(len(a)), 2))
    except MemoryError:
        raise
    except Exception:
        return False


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
