"""Claims of advantages: what a normalizer makes of every group of N rows.

GRPO and Dr. GRPO keep the order of the reward within a group, so there the claim is that of the reward.
GDPO divides each term by its own deviation, which the other rows of the group decide. There the claim is
proved where each weighted term puts the better row at or above the worse and one above; or, where rows
have few different term values, by computing every group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Any

import z3

from rewardkit.checker.spec import ClaimSpec, Spec, Value
from rewardkit.prover.candidate import CannotBe, candidate, value_of
from rewardkit.prover.encode import Encoder, Row
from rewardkit.prover.queries import Question, ask, row_of
from rewardkit.prover.solve import Effort, Solver
from rewardkit.prover.terms import Known, Logic, and_, not_, number, or_
from rewardkit.prover.texts import NoText
from rewardkit.prover.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rewardkit.prover.candidate import RowCandidate

#: different rows (by their terms and the two conditions) that are told apart
MOST_KINDS = 12
#: rows of all groups that are computed
MOST_ROWS = 1_500_000
#: differences of advantages below this may be rounding
ROUNDING = 1e-9

_ORDERED = ("grpo", "dr_grpo")


def decide_group(spec: Spec, claim: ClaimSpec, effort: Effort) -> Verdict:
    """The verdict on a claim of advantages."""
    assert spec.advantage is not None and claim.group_size is not None
    scale = spec.advantage.scale
    positive = scale is None or (scale.interval.lo is not None and scale.interval.lo >= 0)
    if scale is not None and (not positive or scale.interval.contains(Fraction(0)) or scale.type.optional):
        return Verdict(claim, "undecided", "its `scale` may be 0, below 0 or null, which no order survives")
    if spec.advantage.name in _ORDERED:
        return _by_reward(spec, claim, effort)
    if spec.advantage.name != "gdpo":  # nothing is known of what it does to an order
        return Verdict(claim, "undecided", f"nothing is known of how `{spec.advantage.name}` orders rows")
    return _by_terms(spec, claim, effort)


# --- GRPO ------------------------------------------------------------------------------------------


def _by_reward(spec: Spec, claim: ClaimSpec, effort: Effort) -> Verdict:
    from rewardkit.prover.decide import settle

    verdict, rows = settle(spec, replace(claim, form="outranks", scope="reward"), effort)
    if verdict.answer != "refuted" or rows is None:
        return replace(verdict, claim=claim)
    for filler in (0, 1, -1):
        found = _replayed(spec, claim, _filled(rows, claim.group_size or 2, filler))
        if found is not None:
            return found
    return Verdict(claim, "undecided", _SPURIOUS)


def _filled(rows: Sequence[RowCandidate], size: int, filler: int) -> list[RowCandidate]:
    """The two rows among copies of one of them (-1: of both in turn)."""
    more = [rows[i % 2 if filler < 0 else filler] for i in range(size - 2)]
    return [*rows[:2], *more]


def _replayed(spec: Spec, claim: ClaimSpec, rows: Sequence[RowCandidate]) -> Verdict | None:
    """A refutation, where the group breaks the claim as the spec runs."""
    from rewardkit.prover.block import group_witness
    from rewardkit.prover.reproduce import GroupReplayer

    named = [replace(row, name=f"row{i + 1}") for i, row in enumerate(rows)]
    found = GroupReplayer(spec, claim).replay_group(named)
    if found is None:
        return None
    return Verdict(claim, "refuted", witness=group_witness(spec, claim, found))


# --- GDPO ------------------------------------------------------------------------------------------


def _by_terms(spec: Spec, claim: ClaimSpec, effort: Effort) -> Verdict:
    """The ordering argument, which holds for groups of any size; else every group of the kinds of rows."""
    for relaxed in (True, False):
        question = _pair(spec, claim, relaxed=relaxed)
        solver = Solver(question, effort)
        if solver.check(question.broken) == "unsat":
            solver.limit(1 / 4)
            return Verdict(claim, "proved", vacuous=solver.check() == "unsat")
    kinds, complete = _kinds(spec, claim, effort)
    if kinds is None:
        return Verdict(claim, "undecided", "the limit of the search was reached")
    weights = _constant_weights(spec)
    options = _constant_options(spec)
    if weights is None or options is None:
        complete = False
    if not any(kind.better for kind in kinds) or not any(kind.worse for kind in kinds):
        return Verdict(claim, "proved", vacuous=True) if complete else Verdict(claim, "undecided", _OPEN)
    size = claim.group_size or 2
    while kinds and comb(size + len(kinds) - 1, len(kinds) - 1) * size > MOST_ROWS:
        complete = False
        kinds = _fewer(kinds)
    worst = _worst_groups(spec, kinds, size, weights or _default_weights(spec), options or {})
    if complete and (not worst or worst[0][0] > ROUNDING):
        return Verdict(claim, "proved")
    for gap, group in worst:
        if gap > ROUNDING:
            break
        found = _replayed(spec, claim, [kinds[i].row for i in group])
        if found is not None:
            return found
    return Verdict(
        claim, "undecided", _OPEN if not complete else "a possible counterexample could not be reproduced"
    )


_OPEN = (
    "not every term puts the better row at or above the worse, and the terms take too many values to try "
    "all groups"
)
_SPURIOUS = "a possible counterexample could not be reproduced"


def _pair(spec: Spec, claim: ClaimSpec, *, relaxed: bool) -> Question:
    """Two rows for which the ordering argument fails."""
    encoder = Encoder(spec, relaxed=relaxed)
    question = ask(spec, replace(claim, form="outranks", scope="reward"), encoder, closed=False)
    better, worse = question.rows
    above: list[Logic] = []
    strictly: list[Logic] = []
    for name, weight in spec.weights:
        a, b = (encoder.encode(spec.terms[name].value, row) for row in (better, worse))
        w = encoder.encode(weight, better)
        gain = w.term * (a.term - b.term)
        both = and_(not_(a.null), not_(b.null))
        # a term without a value adds 0, wherever the mean of the group is
        above.append(or_(and_(both, gain >= 0), and_(a.null, b.null)))
        strictly.append(and_(both, gain > 0))
    question.broken = not_(and_(*above, or_(*strictly)))
    question.gap = None
    return question


@dataclass(frozen=True, eq=False)
class Kind:
    """Rows with the same values of the weighted terms (NaN for none), and the same two conditions."""

    values: tuple[float, ...]
    better: bool
    worse: bool
    row: RowCandidate


def _kinds(spec: Spec, claim: ClaimSpec, effort: Effort) -> tuple[list[Kind] | None, bool]:
    """The kinds of rows there are, and whether these are all."""
    encoder = Encoder(spec, relaxed=False)
    assert claim.other is not None
    values = [claim.subject, claim.other, *(spec.terms[name].value for name, _ in spec.weights)]
    question, known = row_of(spec, encoder, values)
    row, terms = question.rows[0], known[2:]
    truths = [and_(not_(k.null), k.term) for k in known[:2]]
    question.assumed.append(or_(*(not_(term.null) for term in terms)))
    # terms that a relation between the rows decides are followed only where the row decides them alone
    complete = encoder.exact and not encoder.aggregates
    solver = Solver(question, effort)
    found: list[Kind] = []
    for wanted in _wishes(terms, truths, encoder):
        if len(found) >= MOST_KINDS:
            return found, False
        if solver.check(*wanted) == "sat":
            kind = _kind(question, row, solver.model(), terms, truths)
            if kind is not None:
                found.append(kind)
                solver.add(not_(_is(kind, terms, truths, encoder)))
    while True:
        outcome = solver.check()
        if outcome == "unsat":
            return found, complete
        if outcome == "unknown" or len(found) >= MOST_KINDS:
            return (found or None), False
        kind = _kind(question, row, solver.model(), terms, truths)
        if kind is None:
            return (found or None), False
        found.append(kind)
        solver.add(not_(_is(kind, terms, truths, encoder)))


def _wishes(terms: Sequence[Known], truths: Sequence[Logic], encoder: Encoder) -> Iterator[list[Logic]]:
    """Rows worth having where there are too many kinds: the ends of each term, under either condition."""
    for truth in truths:
        for term in terms:
            for end in (term.interval.lo, term.interval.hi):
                if end is not None:
                    yield [truth, not_(term.null), term.term == number(end, encoder.context)]


def _is(kind: Kind, terms: Sequence[Known], truths: Sequence[Logic], encoder: Encoder) -> Logic:
    parts: list[Logic] = []
    for truth, holds in zip(truths, (kind.better, kind.worse), strict=True):
        parts.append(truth if holds else not_(truth))
    for term, value in zip(terms, kind.values, strict=True):
        if value != value:
            parts.append(term.null)
        else:
            parts.append(and_(not_(term.null), term.term == number(Fraction(value), encoder.context)))
    return and_(*parts)


def _kind(
    question: Question,
    row: Row,
    model: z3.ModelRef,
    terms: Sequence[Known],
    truths: Sequence[Logic],
) -> Kind | None:
    try:
        made = candidate(question, model, fixed=False)[0]
    except (CannotBe, NoText, ValueError):
        return None
    values = []
    for term in terms:
        missing = value_of(model, term.null)
        values.append(float("nan") if missing else float(value_of(model, term.term)))
    return Kind(tuple(values), bool(value_of(model, truths[0])), bool(value_of(model, truths[1])), made)


def _fewer(kinds: list[Kind]) -> list[Kind]:
    """One kind less, with some of either condition left."""
    for i in range(len(kinds) - 1, -1, -1):
        rest = kinds[:i] + kinds[i + 1 :]
        if any(k.better for k in rest) and any(k.worse for k in rest):
            return rest
    return []


def _worst_groups(
    spec: Spec, kinds: Sequence[Kind], size: int, weights: Sequence[float], options: dict[str, Any]
) -> list[tuple[float, tuple[int, ...]]]:
    """The groups in which a better row is least above (or most below) a worse one."""
    import numpy as np

    from rewardkit.normalizers import get

    assert spec.advantage is not None
    groups = np.array(list(_multisets(len(kinds), size)), np.int64)
    if not len(groups):
        return []
    values = np.array([kind.values for kind in kinds])
    rewards = values[groups].reshape(-1, values.shape[1])
    ids = np.repeat(np.arange(len(groups)), size)
    # whitening divides all of a batch by one number above 0
    options = {**options, "whiten": "none"}
    advantages = get(spec.advantage.name)(rewards, ids, np.array(weights), **options).reshape(-1, size)
    better = np.array([kind.better for kind in kinds])[groups]
    worse = np.array([kind.worse for kind in kinds])[groups]
    lowest = np.where(better, advantages, np.inf).min(axis=1)
    highest = np.where(worse, advantages, -np.inf).max(axis=1)
    gaps = lowest - highest
    order: NDArray[np.int64] = np.argsort(gaps, kind="stable")[:8]
    return [(float(gaps[i]), tuple(int(k) for k in groups[i])) for i in order]


def _multisets(kinds: int, size: int) -> Iterator[tuple[int, ...]]:
    from itertools import combinations_with_replacement

    return combinations_with_replacement(range(kinds), size)


def _constant_weights(spec: Spec) -> list[float] | None:
    found = [weight.interval.constant for _, weight in spec.weights]
    return None if any(w is None for w in found) else [float(w) for w in found if w is not None]


def _default_weights(spec: Spec) -> list[float]:
    """Some weights that a run may have."""
    out = []
    for _, weight in spec.weights:
        ends = [end for end in (weight.interval.hi, weight.interval.lo) if end is not None]
        out.append(float(weight.interval.constant or (ends[0] if ends else 1)))
    return out


def _constant_options(spec: Spec) -> dict[str, Any] | None:
    """The options of the spec's normalizer; `None` where a param decides one."""
    assert spec.advantage is not None
    out: dict[str, Any] = {}
    for name, value in spec.advantage.options.items():
        constant = _constant(value)
        if constant is None:
            return None
        out[name] = constant
    return out


def _constant(value: Value) -> Any:
    while value.op == "alias":
        value = value.args[0]
    data = value.data if value.op == "constant" else value.interval.constant
    if isinstance(data, Fraction):
        return int(data) if value.type.kind == "int" else float(data)
    return data
