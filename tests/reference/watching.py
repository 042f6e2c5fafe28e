"""The reference evaluator, watched: each value that it reaches is held to what the checker said of it.

A number lies in its `Value.interval`, a null needs an optional type, a failure `Value.faults`, and the
kind of the value is that of its type. Intervals are of exact numbers, and floats round: a number may be
beyond its interval by rounding alone, and what is computed from such a number is let off.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import evaluator

from rewardkit.checker.spec import Spec, Value
from rewardkit.types.interval import Interval

_KINDS = {"bool": bool, "int": int, "real": float, "text": str, "list": tuple}
#: what one operation may round by, as a share of the largest number in it
_ROUNDING = Fraction(1, 10**12)


class Unsound(AssertionError):
    """A value that the checker ruled out."""


class Watching(evaluator._Evaluator):
    """Counts what it `checked` and let off as `rounded`; `seen` holds every value outside of folds."""

    def __init__(
        self,
        spec: Spec,
        rows: Sequence[Mapping[str, Any]],
        group: Any,
        params: Mapping[str, Any],
        step: int,
    ) -> None:
        super().__init__(spec, rows, group, params, step)
        self.checked = self.rounded = self.failing = 0
        self.seen: dict[tuple[int, int], Any] = {}
        self.settled: set[tuple[int, int]] = set()  # lets and terms, looked at once
        self.outside: set[tuple[int, int]] = set()
        self.parts: list[list[tuple[Any, bool]]] = []  # of each value under way: what it reads

    def value(self, value: Value, row: int, items: Mapping[int, Any]) -> Any:
        key = (id(value), row)
        if key in self.settled:
            found, rounded = self.known[key], key in self.outside
        else:
            self.parts.append([])
            found = super().value(value, row, items)
            parts = self.parts.pop()
            rounded = self.look(value, row, found, parts)
            if not items:
                self.seen[key] = found
            if value.op in ("let", "term"):
                self.settled.add(key)
                self.outside |= {key} if rounded else set()
        if self.parts:
            self.parts[-1].append((found, rounded))
        return found

    def look(self, value: Value, row: int, found: Any, parts: list[tuple[Any, bool]]) -> bool:
        """Hold one value to its type, `faults` and interval; whether it is beyond that by rounding."""
        self.checked += 1
        if found is evaluator.FAULT:
            self.failing += 1
            self.demand(value.faults, value, row, "fails, and the checker says that it cannot")
            return False
        if found is None:
            self.demand(value.type.optional, value, row, "is null, and its type is not")
            return False
        kind = _KINDS.get(value.type.kind, object)
        fits = isinstance(found, kind) and (kind is bool or not isinstance(found, bool))
        self.demand(fits, value, row, f"is {found!r}, and its type `{value.type}`")
        if not value.type.is_number:
            return False
        beyond = _beyond(Fraction(found), value.interval)
        if beyond == 0:
            return False
        self.rounded += 1
        if not any(rounded for _, rounded in parts):
            numbers = [Fraction(part) for part, _ in parts if isinstance(part, int | float)]
            size = max([Fraction(1), abs(Fraction(found)), *map(abs, numbers)])
            self.demand(beyond <= _ROUNDING * size, value, row, f"is {found!r}, not in {value.interval}")
        return True

    def demand(self, holds: bool, value: Value, row: int, what: str) -> None:
        if not holds:
            raise Unsound(f"row {row}: `{value.span.text}` ({value.op}) {what}")


def _beyond(x: Fraction, a: Interval) -> Fraction:
    """How far a number is outside; a number at an open end is outside by less than any number."""
    if a.contains(x):
        return Fraction(0)
    tiny = Fraction(1, 2**1100)
    below = a.lo - x if a.lo is not None else Fraction(-1)
    above = x - a.hi if a.hi is not None else Fraction(-1)
    return max(below, above, tiny)
