"""The kinds of rows that a claim of advantages tells apart, and which of them one group may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import z3

from rewardkit.checker.spec import ClaimSpec, Spec, Value
from rewardkit.prover.candidate import RowCandidate, value_of
from rewardkit.prover.encode import Encoder
from rewardkit.prover.models import nothing_fails, truthful
from rewardkit.prover.queries import Question, row_of, rows_of, skipped
from rewardkit.prover.solve import Effort, Found, Solver
from rewardkit.prover.terms import Known, Logic, and_, not_, number, or_

#: different rows (by their terms and the two conditions) that are told apart
MOST_KINDS = 12
#: rows of a group that are looked at one by one; of larger groups one row of each kind is
MOST_APART = 6


@dataclass(frozen=True)
class Kind:
    """Rows with the same values of the weighted terms (`None` for none), and the same two conditions."""

    values: tuple[Fraction | None, ...]
    better: bool
    worse: bool


@dataclass(frozen=True, eq=False)
class _Looked:
    """The weighted terms of a row, and whether the two conditions hold of it."""

    terms: Sequence[Known]
    truths: Sequence[Logic]


def kinds_of(spec: Spec, claim: ClaimSpec, effort: Effort) -> tuple[list[Kind] | None, bool]:
    """The kinds of rows there are, and whether these are all."""
    encoder = Encoder(spec, relaxed=False)
    question, known = row_of(spec, encoder, _values(spec, claim))
    row = _looked(known)
    question.assumed.append(or_(*(not_(term.null) for term in row.terms)))
    # terms that a relation between the rows decides are followed only where the row decides them alone
    complete = encoder.exact and not encoder.aggregates
    solver = Solver(question, effort)
    found: list[Kind] = []

    def add() -> None:
        found.append(_kind(solver.model(), row))
        solver.add(not_(_is(found[-1], row, encoder)))

    for wanted in _wishes(row, encoder):
        if len(found) >= MOST_KINDS:
            return found, False
        if solver.check(*wanted) == "sat":
            add()
    while True:
        outcome = solver.check()
        if outcome == "unsat":
            return found, complete
        if outcome == "unknown" or len(found) >= MOST_KINDS:
            return (found or None), False
        add()


def may_lack_rows(spec: Spec, claim: ClaimSpec, effort: Effort) -> bool:
    """Whether some row of a group may not count: it is skipped, fails, or has no value at all."""
    return _may_lack(spec, claim, effort, lambda skips, empty: or_(skips, empty))


def may_lack_values(spec: Spec, claim: ClaimSpec, effort: Effort) -> bool:
    """Whether some row that is not skipped may have no value at all."""
    return _may_lack(spec, claim, effort, lambda skips, empty: and_(not_(skips), empty))


def _may_lack(spec: Spec, claim: ClaimSpec, effort: Effort, form: Callable[[Logic, Logic], Logic]) -> bool:
    """Whether `form` may hold of a row, of whether it is skipped and whether no term has a value."""
    values = _values(spec, claim)
    if any(value.faults for value in (*values, *spec.skips)):
        return True
    encoder = Encoder(spec, relaxed=True)
    question, out = skipped(spec, encoder, values)
    question.broken = form(question.broken, and_(*(known.null for known in out[2:])))
    return Solver(question, effort, 1 / 4).check(question.broken) != "unsat"


class Groups:
    """Groups of rows of some kinds: params, `step`, the prompt and what calls return agree in a group."""

    def __init__(self, spec: Spec, claim: ClaimSpec, weights: Sequence[Fraction], effort: Effort) -> None:
        self.spec, self.claim, self.weights, self.effort = spec, claim, weights, effort

    def apart(self, kinds: Sequence[Kind]) -> list[tuple[int, int]]:
        """The pairs of kinds that no group has both of."""
        question, rows = self._question(2)
        solver = Solver(question, self.effort, 1 / 8)
        pairs = [(i, j) for i in range(len(kinds)) for j in range(i)]
        facts = [[_is(kind, row, question.encoder) for kind in kinds] for row in rows]
        return [(i, j) for i, j in pairs if solver.check(facts[0][i], facts[1][j]) == "unsat"]

    def rows(self, group: Sequence[Kind]) -> tuple[Found, list[list[RowCandidate]]]:
        """Whether there is such a group; and such groups, those with simple numbers first."""
        distinct = list(dict.fromkeys(group))
        question, rows = self._question(len(distinct))
        if question.encoder.aggregates and len(group) <= MOST_APART:
            distinct = list(group)
            question, rows = self._question(len(distinct), closed=True)
        solver = Solver(question, self.effort, 1 / 2)
        for kind, row in zip(distinct, rows, strict=True):
            solver.add(_is(kind, row, question.encoder))
        outcome = solver.check()
        if outcome != "sat":
            return outcome, []
        calm = nothing_fails(question)  # mocks give values and nulls
        if calm is not True and solver.check(calm) == "sat":
            solver.add(calm)
            solver.check()
        found = []
        for made in truthful(self.spec, question, solver, fixed=False):
            found.append(list(made) if len(made) == len(group) else [made[distinct.index(k)] for k in group])
        return outcome, found

    def _question(self, count: int, *, closed: bool = False) -> tuple[Question, list[_Looked]]:
        encoder = Encoder(self.spec, relaxed=False)
        values = [*_values(self.spec, self.claim), *(weight for _, weight in self.spec.weights)]
        question, known = rows_of(self.spec, encoder, values, count, closed=closed)
        rows = []
        for of_row in known:
            rows.append(_looked(of_row[: -len(self.weights)]))
            for weight, wanted in zip(of_row[-len(self.weights) :], self.weights, strict=True):
                question.assumed.append(weight.term == number(wanted, encoder.context))
        return question, rows


def _values(spec: Spec, claim: ClaimSpec) -> list[Value]:
    assert claim.other is not None
    return [claim.subject, claim.other, *(spec.terms[name].value for name, _ in spec.weights)]


def _looked(known: Sequence[Known]) -> _Looked:
    return _Looked(known[2:], [and_(not_(k.null), k.term) for k in known[:2]])


def _wishes(row: _Looked, encoder: Encoder) -> Iterator[list[Logic]]:
    """Rows worth having where there are too many kinds: the ends of each term, under either condition."""
    for truth in row.truths:
        for term in row.terms:
            for end in (term.interval.lo, term.interval.hi):
                if end is not None:
                    yield [truth, not_(term.null), term.term == number(end, encoder.context)]


def _is(kind: Kind, row: _Looked, encoder: Encoder) -> Logic:
    parts: list[Logic] = []
    for truth, holds in zip(row.truths, (kind.better, kind.worse), strict=True):
        parts.append(truth if holds else not_(truth))
    for term, value in zip(row.terms, kind.values, strict=True):
        if value is None:
            parts.append(term.null)
        else:
            parts.append(and_(not_(term.null), term.term == number(value, encoder.context)))
    return and_(*parts)


def _kind(model: z3.ModelRef, row: _Looked) -> Kind:
    values = (None if value_of(model, t.null) else Fraction(value_of(model, t.term)) for t in row.terms)
    better, worse = (bool(value_of(model, truth)) for truth in row.truths)
    return Kind(tuple(values), better, worse)
