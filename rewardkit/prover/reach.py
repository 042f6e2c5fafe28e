"""Whether some row can be so: what intervals alone leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from rewardkit.checker.spec import Spec, Value
from rewardkit.prover.aggregates import relate
from rewardkit.prover.encode import Encoder, Row
from rewardkit.prover.limits import TooLarge
from rewardkit.prover.queries import Question
from rewardkit.prover.solve import Solver, alone, for_claim
from rewardkit.prover.terms import Logic, and_, inside, not_, number, same
from rewardkit.types.interval import Interval
from rewardkit.types.levels import Level

#: what a value is wanted to be: null, a truth value, or in an interval
Wish = None | bool | Interval


class Reach:
    """One row of a spec that is not skipped, of which much can be asked.

    `possible` is `False` only where no row is so: over all inputs and results that calls may return, where
    nothing fails but what the spec settles. A limit that counts steps and no seconds ends each question.
    """

    def __init__(self, spec: Spec, roots: Sequence[Value], fixed: Mapping[str, Any], effort: float) -> None:
        """`roots` are the values to ask about, `fixed` the params and the `step` of a run, by name.

        Raises:
            TooLarge: the values have too many parts.
        """
        self._encoder = encoder = Encoder(spec, relaxed=False)
        everything = [*roots, *spec.skips]
        encoder.prepare(everything)
        self._row = row = Row("row", lambda value: value.level > Level.GROUP, Row("group"))
        facts: list[Logic] = []
        for condition in spec.skips:
            known = encoder.encode(condition, row)
            facts += [not_(known.fault), not_(and_(not_(known.null), known.term))]
        for root in roots:
            facts.append(not_(encoder.encode(root, row).fault))
        facts += [self._is(value, fixed[name]) for name, value in _run_values(everything) if name in fixed]
        relate(encoder, [row], closed=False)
        self._solver = Solver(Question(encoder, (row,), facts, False), for_claim(effort))
        self._effort = effort

    def possible(self, wishes: Sequence[tuple[Value, Wish]]) -> bool | None:
        """Whether some row has all of this at once; `None` where the limit was reached."""
        with alone():
            self._solver.renew(for_claim(self._effort))
            found = self._solver.check(*(self._wish(value, wish) for value, wish in wishes))
        return {"sat": True, "unsat": False, "unknown": None}[found]

    def _wish(self, value: Value, wish: Wish) -> Logic:
        known = self._encoder.encode(value, self._row)
        if wish is None:
            return known.null
        if isinstance(wish, bool):
            return and_(not_(known.null), known.term if wish else not_(known.term))
        term = self._encoder.as_number(known, value.type).term
        return and_(not_(known.null), inside(term, wish, self._encoder.context))

    def _is(self, value: Value, data: Any) -> Logic:
        known = self._encoder.encode(value, self._row)
        if isinstance(data, bool | str):
            return same(known.term, self._encoder.constant(data, value.type).term)
        return known.term == number(Fraction(data), self._encoder.context)


def reach(spec: Spec, roots: Sequence[Value], fixed: Mapping[str, Any], effort: float = 0.05) -> Reach | None:
    """A row to ask about; `None` where the values are too large a question."""
    with alone():
        try:
            return Reach(spec, roots, fixed, effort)
        except (TooLarge, RecursionError):
            return None


def _run_values(roots: Sequence[Value]) -> list[tuple[str, Value]]:
    """The params and `step`, by name, that values read."""
    found: dict[str, Value] = {}
    stack, seen = list(roots), set[int]()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if value.op in ("param", "step"):
            found.setdefault("step" if value.op == "step" else str(value.data), value)
        stack += value.args
    return list(found.items())
