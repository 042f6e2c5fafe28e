"""Asking z3, under limits that do not depend on the machine: the same question gets the same answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Literal

import z3

from rewardkit.prover.queries import Question
from rewardkit.prover.terms import Logic

#: steps of z3 for one question at effort 1: about a second
STEPS = 4_000_000
#: megabytes that z3 may use
MEMORY = 2_048
#: milliseconds after which a step of z3 that counts no steps is stopped: far beyond what the limit allows
LAST_RESORT = 15_000

Found = Literal["sat", "unsat", "unknown"]

z3.set_param("memory_max_size", MEMORY)
_LOCK = Lock()


@contextmanager
def alone() -> Iterator[None]:
    """z3 keeps some state for the whole process: one question at a time."""
    with _LOCK:
        yield


class Solver:
    """The facts of a question, to which conditions are added for a while."""

    def __init__(self, question: Question, effort: float = 1.0) -> None:
        encoder = question.encoder
        self._solver = z3.Solver(ctx=encoder.context)
        # a step on polynomials of a high degree costs far more than one on lines
        self._steps = STEPS / 4 ** max(0, encoder.degree - 2)
        self.limit(effort)
        self._solver.set("timeout", int(LAST_RESORT * max(1.0, effort)))
        self._solver.set("random_seed", 1)
        self._false = False
        for fact in (*encoder.facts, *question.assumed):
            self.add(fact)

    def limit(self, effort: float) -> None:
        """What each further check may cost."""
        self._solver.set("rlimit", max(1, int(self._steps * effort)))

    def add(self, fact: Logic) -> None:
        if isinstance(fact, bool):
            self._false |= not fact
        else:
            self._solver.add(fact)

    def check(self, *conditions: Logic) -> Found:
        """Whether the facts and the conditions can hold together."""
        if self._false or any(c is False for c in conditions):
            return "unsat"
        try:
            found = self._solver.check(*(c for c in conditions if c is not True))
        except z3.Z3Exception:  # out of memory
            return "unknown"
        return "sat" if found == z3.sat else "unsat" if found == z3.unsat else "unknown"

    def model(self) -> z3.ModelRef:
        return self._solver.model()
