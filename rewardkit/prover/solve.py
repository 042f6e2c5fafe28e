"""Asking z3, under limits that do not depend on the machine: the same question gets the same answer.

Each question may take some steps, each claim and each file some more. A clock is the last resort for what
hardly counts steps; where it ends a search, the verdict's reason says so.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

import z3

from rewardkit.prover.limits import MEMORY
from rewardkit.prover.queries import Question
from rewardkit.prover.terms import Logic

#: steps of z3 for one question at effort 1: about a second
STEPS = 4_000_000
#: steps for all questions of one claim, and of all claims of a file that is checked
CLAIM_STEPS = 4 * STEPS
FILE_STEPS = 10 * STEPS
#: seconds for one claim, and for all claims of a file, whatever it takes: far beyond what steps allow
CLAIM_SECONDS = 20.0
FILE_SECONDS = 25.0
#: parts of a claim from which on steps cost more
_LARGE = 1_000

Found = Literal["sat", "unsat", "unknown"]

_LOCK = Lock()


@contextmanager
def alone() -> Iterator[None]:
    """z3 keeps some state for the whole process: one question at a time."""
    with _LOCK:
        yield


class Stopped(Exception):
    """The user stopped the search."""


@dataclass(eq=False)
class Effort:
    """What a search may still cost. `times` is a multiple of the usual limits."""

    times: float = 1.0
    steps: float = CLAIM_STEPS
    until: float = field(default_factory=lambda: time.monotonic() + CLAIM_SECONDS)
    by_clock: bool = False  # whether the clock ended a search
    stopped: bool = False
    asking: z3.Context | None = None

    def stop(self) -> None:
        """End the search, from another thread."""
        self.stopped = True
        context = self.asking
        if context is not None:
            context.interrupt()


def for_claim(times: float, whole: Effort | None = None) -> Effort:
    """The limits of one claim, within what is left for a `whole` file."""
    effort = Effort(times, CLAIM_STEPS * times, time.monotonic() + CLAIM_SECONDS * max(1.0, times))
    if whole is not None:
        effort.steps, effort.until = min(effort.steps, whole.steps), min(effort.until, whole.until)
    return effort


def for_file(times: float) -> Effort:
    """The limits of all claims of a file."""
    return Effort(times, FILE_STEPS * times, time.monotonic() + FILE_SECONDS * max(1.0, times))


class Solver:
    """The facts of a question, to which conditions are added for a while."""

    def __init__(self, question: Question, effort: Effort, share: float = 1.0) -> None:
        encoder = question.encoder
        self._effort, self._context = effort, encoder.context
        self._solver = z3.Solver(ctx=encoder.context)
        # a step on polynomials of a high degree costs far more than one on lines, one among many facts too
        self._cost = 4.0 ** max(0, encoder.degree - 2) * max(1.0, encoder.parts / _LARGE)
        self._taken = 0
        self.limit(share)
        self._solver.set("random_seed", 1)
        self._solver.set("max_memory", MEMORY)
        self._false = False
        for fact in (*encoder.facts, *question.assumed):
            self.add(fact)

    def renew(self, effort: Effort) -> None:
        """Ask on with other limits."""
        self._effort = effort

    def limit(self, share: float) -> None:
        """What each further check may cost, as a share of the usual."""
        self._share = share

    def add(self, fact: Logic) -> None:
        if isinstance(fact, bool):
            self._false |= not fact
        else:
            self._solver.add(fact)

    def check(self, *conditions: Logic) -> Found:
        """Whether the facts and the conditions can hold together.

        Raises:
            Stopped: the user stopped the search.
        """
        effort = self._effort
        if effort.stopped:
            raise Stopped
        if self._false or any(c is False for c in conditions):
            return "unsat"
        left = effort.until - time.monotonic()
        if left <= 0:
            effort.by_clock = True
        if left <= 0 or effort.steps <= 0:
            return "unknown"
        steps = max(1, int(min(STEPS * effort.times * self._share, effort.steps) / self._cost))
        self._solver.set("rlimit", steps)
        self._solver.set("timeout", max(1, int(left * 1000)))
        found = self._ask(*(c for c in conditions if c is not True))
        used = self._used()
        effort.steps -= used * self._cost
        if effort.stopped:
            raise Stopped
        if found == z3.unknown and time.monotonic() >= effort.until:
            effort.by_clock = True
        return "sat" if found == z3.sat else "unsat" if found == z3.unsat else "unknown"

    def _ask(self, *conditions: z3.BoolRef) -> z3.CheckSatResult:
        # nothing of this context may be freed by another thread while z3 is at it
        collects = gc.isenabled()
        gc.disable()
        self._effort.asking = self._context
        try:
            return self._solver.check(*conditions)
        except z3.Z3Exception:  # out of memory
            return z3.unknown
        finally:
            self._effort.asking = None
            if collects:
                gc.enable()

    def _used(self) -> int:
        """The steps of the last check."""
        counts = self._solver.statistics()
        total = int(counts.get_key_value("rlimit count")) if "rlimit count" in counts.keys() else 0  # noqa: SIM118
        used, self._taken = max(0, total - self._taken), total
        return used

    def model(self) -> z3.ModelRef:
        return self._solver.model()
