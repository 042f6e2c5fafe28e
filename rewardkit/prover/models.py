"""Models of what z3 found, as rows: simple numbers first, and nothing that a function would not give."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import z3

from rewardkit.checker.claims import is_measure
from rewardkit.checker.spec import Spec
from rewardkit.prover.candidate import CannotBe, RowCandidate, candidate
from rewardkit.prover.queries import Question
from rewardkit.prover.real import untrue
from rewardkit.prover.solve import Solver
from rewardkit.prover.terms import Known, Logic, and_, not_, number
from rewardkit.prover.texts import NoText
from rewardkit.types.interval import Interval

#: times that a model is told what a function really gives
_MOST_LIES = 6
#: the most variables that are made simple
_MOST = 60


def truthful(
    spec: Spec, question: Question, solver: Solver, *, fixed: bool
) -> Iterator[tuple[RowCandidate, ...]]:
    """Rows of models, of a solver that has one; what they say of calls that can be looked up is so."""
    for _ in range(_MOST_LIES):
        lies: list[Logic] = []
        for model in models(spec, question, solver):
            try:
                rows = candidate(question, model, fixed=fixed)
            except (CannotBe, NoText, ValueError):
                continue
            told = untrue(spec, question, model, rows)
            if not told:
                yield rows
            lies += told
        for lie in lies:
            solver.add(lie)
        if not lies or solver.check() != "sat":
            return


def nothing_fails(question: Question) -> Logic:
    """That no call fails."""
    return and_(*(not_(applied.result.fault) for applied in question.encoder.applied))


def models(spec: Spec, question: Question, solver: Solver) -> Iterator[z3.ModelRef]:
    """The model with simple numbers, then the one that z3 found."""
    first = solver.model()
    pinned: list[Logic] = []
    solver.limit(0.1)
    for term, wishes in _variables(spec, question):
        for wish in wishes:
            fact = term == number(wish, question.encoder.context)
            if solver.check(*pinned, fact) == "sat":
                pinned.append(fact)
                break
    if pinned and solver.check(*pinned) == "sat":
        yield solver.model()
    yield first


def _variables(spec: Spec, question: Question) -> list[tuple[Any, list[Fraction]]]:
    """Numbers with the values that a reader would choose, those that are shared by the rows first."""
    measures: list[tuple[Any, list[Fraction]]] = []
    inputs: list[tuple[Any, list[Fraction]]] = []
    results: list[tuple[Any, list[Fraction]]] = []
    sources = sorted(question.encoder.sources.values(), key=lambda s: s[1].op not in ("param", "step"))
    for _, value, known in sources:
        if not value.type.is_number:
            continue
        first = [spec.params[value.data].default] if value.op == "param" else []
        wishes = _within(known.interval, [*first, *_ends(known), *_SIMPLE])
        (measures if value.op == "call" else inputs).append((known.term, wishes))
    for applied in question.encoder.applied:
        if applied.value.type.is_number and applied.key[0] == "call":
            known = applied.result
            if is_measure(applied.value) or applied.key[1] == "len":
                measures.append((known.term, _within(known.interval, _SIMPLE)))
            else:
                wishes = [*_SIMPLE[:2], *_ends(known), Fraction(1, 2)]
                results.append((known.term, _within(known.interval, wishes)))
    # texts are written out, so short ones come first
    found = [*measures, *inputs, *results]
    return found[:_MOST]


_SIMPLE = [Fraction(n) for n in ("0", "1", "2", "1/2", "10", "100", "1000", "-1")]


def _ends(known: Known) -> list[Fraction]:
    return [end for end in (known.interval.lo, known.interval.hi) if end is not None and abs(end) < 10**6]


def _within(interval: Interval, wishes: list[Fraction]) -> list[Fraction]:
    return [wish for wish in dict.fromkeys(wishes) if interval.contains(wish)]
