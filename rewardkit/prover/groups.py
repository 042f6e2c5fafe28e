"""Claims of advantages: what a normalizer makes of every group of N rows.

All but GDPO keep the order of the reward within a group, so there the claim is that of the reward.
GDPO divides each term by its own deviation, which the other rows of the group decide. There the claim is
proved where each weighted term puts the better row at or above the worse and one above; or, where rows
have few different term values, by computing every group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb
from typing import TYPE_CHECKING, Any

from rewardkit.checker.spec import ClaimSpec, Spec, Value
from rewardkit.prover.encode import Encoder
from rewardkit.prover.kinds import MOST_KINDS, Groups, Kind, kinds_of, may_lack_rows, may_lack_values
from rewardkit.prover.queries import Question, ask
from rewardkit.prover.solve import Effort, Solver
from rewardkit.prover.terms import Logic, and_, not_, or_
from rewardkit.prover.verdict import Verdict
from rewardkit.types.normalizer import resolved

if TYPE_CHECKING:
    from rewardkit.prover.candidate import RowCandidate

#: rows of all groups that are computed
MOST_ROWS = 1_500_000
#: groups that are looked for
MOST_TRIES = 24
#: differences of advantages below this share of the weights may be rounding
ROUNDING = 1e-9

#: normalizers whose advantages lie within a group as the rewards do. A deviation of the other rows of the
#: group is smaller, the further out a row is, so it keeps the order too; whitening moves all by one number
#: and scales them by one above 0
_ORDERED = ("grpo", "dr_grpo", "rloo", "reinforce_pp", "batch")


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


# --- normalizers of the sum ------------------------------------------------------------------------


def _by_reward(spec: Spec, claim: ClaimSpec, effort: Effort) -> Verdict:
    from rewardkit.prover.decide import settle

    verdict, rows = settle(spec, replace(claim, form="outranks", scope="reward"), effort)
    if verdict.answer == "proved" and _counts_missing(spec) and may_lack_values(spec, claim, effort):
        return Verdict(claim, "undecided", _COUNTED)
    if verdict.answer != "refuted" or rows is None:
        return replace(verdict, claim=claim)
    if _counts_tokens(spec):
        return Verdict(claim, "undecided", _TOKENS)
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
    witness = group_witness(spec, claim, found)
    missing = (claim.group_size or 2) - len(rows)
    if missing:
        note = (
            "the other row of the group is" if missing == 1 else f"the other {missing} rows of the group are"
        )
        witness = replace(witness, notes=(*witness.notes, f"{note} skipped, or without a value"))
    return Verdict(claim, "refuted", witness=witness)


# --- GDPO ------------------------------------------------------------------------------------------


def _by_terms(spec: Spec, claim: ClaimSpec, effort: Effort) -> Verdict:
    """The ordering argument, which holds for groups of any size; else every group of the kinds of rows."""
    if _counts_missing(spec) and may_lack_values(spec, claim, effort):
        return Verdict(claim, "undecided", _COUNTED)
    for relaxed in (True, False):
        question = _pair(spec, claim, relaxed=relaxed)
        solver = Solver(question, effort)
        if solver.check(question.broken) == "unsat":
            solver.limit(1 / 4)
            return Verdict(claim, "proved", vacuous=solver.check() == "unsat")
    kinds, complete = kinds_of(spec, claim, effort)
    if kinds is None:
        return Verdict(claim, "undecided", "the limit of the search was reached")
    if not any(kind.better for kind in kinds) or not any(kind.worse for kind in kinds):
        return Verdict(claim, "proved", vacuous=True) if complete else Verdict(claim, "undecided", _MANY)
    choices, constant = _weights(spec)
    complete = complete and constant and _resolved(spec) is not None
    if _counts_tokens(spec):
        reason = _TOKENS
    elif complete:
        reason = _SPURIOUS
    else:
        reason = _OPEN if len(kinds) < MOST_KINDS else _MANY
    for weights in choices:
        found = _by_kinds(spec, claim, kinds, weights, effort)
        if found is None:  # too many groups to try all
            complete, reason = False, _MANY
        elif isinstance(found, Verdict):
            return found
        elif not found:
            complete = False
    return Verdict(claim, "proved") if complete else Verdict(claim, "undecided", reason)


def _by_kinds(
    spec: Spec, claim: ClaimSpec, kinds: list[Kind], weights: Sequence[Fraction], effort: Effort
) -> Verdict | bool | None:
    """A refutation by a group of these kinds; else whether none of their groups breaks the claim.

    `None`: there were too many groups to try all.
    """
    size = claim.group_size or 2
    # a row that is skipped, fails or has no value leaves a smaller group
    sizes = range(2, size + 1) if may_lack_rows(spec, claim, effort) else range(size, size + 1)
    tried = kinds
    while tried and sum(comb(n + len(tried) - 1, len(tried) - 1) * n for n in sizes) > MOST_ROWS:
        tried = _fewer(tried)
    groups = Groups(spec, claim, weights, effort)
    suspects = _Suspects(spec, tried, groups.apart(tried), sizes, weights)
    settled = tried == kinds
    for _ in range(MOST_TRIES):
        group = suspects.worst()
        if group is None:
            return settled if tried == kinds else None
        outcome, found = groups.rows([tried[i] for i in group])
        suspects.drop(group)
        for rows in found:
            verdict = _replayed(spec, claim, rows)
            if verdict is not None:
                return verdict
        settled = settled and outcome == "unsat"
    return False


_MANY = (
    "not every term puts the better row at or above the worse, and the terms take too many values to try "
    "all groups"
)
_OPEN = (
    "not every term puts the better row at or above the worse, and what else holds depends on params, on "
    "curves or on the other rows"
)
_TOKENS = (
    "it may not hold, and a group that shows it would need the tokens of each row, which "
    '`whiten: "token"` counts'
)
_COUNTED = "under its `missing` a row without any value has an advantage too"
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


def _fewer(kinds: list[Kind]) -> list[Kind]:
    """One kind less, with some of either condition left."""
    for i in range(len(kinds) - 1, -1, -1):
        rest = kinds[:i] + kinds[i + 1 :]
        if any(k.better for k in rest) and any(k.worse for k in rest):
            return rest
    return []


class _Suspects:
    """The groups in which a better row is not above a worse one, as far as the kinds tell, by their gap."""

    def __init__(
        self,
        spec: Spec,
        kinds: Sequence[Kind],
        apart: Sequence[tuple[int, int]],
        sizes: Iterable[int],
        weights: Sequence[Fraction],
    ) -> None:
        self._spec, self._kinds, self._apart, self._weights = spec, kinds, apart, weights
        self._left = sorted((s for size in sizes for s in self._of(size)), key=lambda s: s[0])

    def worst(self) -> tuple[int, ...] | None:
        """The group that is furthest the wrong way round, by the numbers of its kinds."""
        return self._left[0][1] if self._left else None

    def drop(self, group: tuple[int, ...]) -> None:
        """Leave out the groups that have all kinds of this one."""
        self._left = [(gap, other) for gap, other in self._left if not set(group) <= set(other)]

    def _of(self, size: int) -> Iterator[tuple[float, tuple[int, ...]]]:
        import numpy as np

        from rewardkit.normalizers import get

        assert self._spec.advantage is not None
        groups = np.array(list(combinations_with_replacement(range(len(self._kinds)), size)), np.int64)
        has = [(groups == kind).any(axis=1) for kind in range(len(self._kinds))]
        possible = np.ones(len(groups), np.bool_)
        for i, j in self._apart:
            possible &= ~(has[i] & has[j])
        groups = groups[possible]
        if not len(groups):
            return
        values = np.array(
            [[np.nan if x is None else float(x) for x in kind.values] for kind in self._kinds], np.float64
        )
        rewards = values[groups].reshape(-1, values.shape[1])
        ids = np.repeat(np.arange(len(groups)), size)
        # whitening divides all of a batch by one number above 0
        options = {**(_constant_options(self._spec) or {}), "whiten": "none"}
        weights = np.array([float(weight) for weight in self._weights])
        advantages = get(self._spec.advantage.name)(rewards, ids, weights, **options).reshape(-1, size)
        better = np.array([kind.better for kind in self._kinds])[groups]
        worse = np.array([kind.worse for kind in self._kinds])[groups]
        lowest = np.where(better, advantages, np.inf).min(axis=1)
        highest = np.where(worse, advantages, -np.inf).max(axis=1)
        gaps = lowest - highest
        # rounding grows with the weights that are added up
        for at in np.flatnonzero(gaps <= ROUNDING * np.abs(weights).sum()):
            yield float(gaps[at]), tuple(int(kind) for kind in groups[at])


def _weights(spec: Spec) -> tuple[list[tuple[Fraction, ...]], bool]:
    """Weights that a run may have, and whether no run has others."""
    high, low = [], []
    for _, weight in spec.weights:
        ends = [end for end in (weight.interval.lo, weight.interval.hi) if end is not None] or [Fraction(1)]
        high.append(ends[-1])
        low.append(ends[0])
    constant = all(weight.interval.constant is not None for _, weight in spec.weights)
    return list(dict.fromkeys((tuple(high), tuple(low)))), constant


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


def _resolved(spec: Spec) -> dict[str, Any] | None:
    """Every option, those of the profile among them; `None` where a param decides one."""
    assert spec.advantage is not None
    options = _constant_options(spec)
    return None if options is None else resolved(spec.advantage.name, options)


def _counts_tokens(spec: Spec) -> bool:
    """Whether advantages need the tokens of each row."""
    options = _resolved(spec)
    return options is not None and options["whiten"] == "token"


def _counts_missing(spec: Spec) -> bool:
    """Whether a row without any value may have an advantage."""
    options = _resolved(spec)
    return options is None or options["missing"] != "skip"


def _constant(value: Value) -> Any:
    while value.op == "alias":
        value = value.args[0]
    data = value.data if value.op == "constant" else value.interval.constant
    if isinstance(data, Fraction):
        return int(data) if value.type.kind == "int" else float(data)
    return data
