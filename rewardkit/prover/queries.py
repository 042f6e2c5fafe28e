"""Claims as questions: the rows they speak of, what is assumed of them, and what would break the claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rewardkit.checker.claims import readers
from rewardkit.checker.spec import ClaimSpec, Spec, Value
from rewardkit.prover.aggregates import relate
from rewardkit.prover.encode import Encoder, Row
from rewardkit.prover.functions import relate_calls, relate_fields, relate_folds
from rewardkit.prover.terms import Known, Logic, Term, and_, inside, not_, or_, same
from rewardkit.types.levels import Level


@dataclass(eq=False)
class Question:
    """`assumed` holds of every row that the claim speaks of; `broken` is what must not be.

    `gap` is by how much the claim fails, where it is about numbers.
    """

    encoder: Encoder
    rows: tuple[Row, ...]
    assumed: list[Logic]
    broken: Logic
    gap: Term | None = None


def ask(spec: Spec, claim: ClaimSpec, encoder: Encoder, *, closed: bool, others: int = 0) -> Question:
    """The question of a claim. `closed`: its rows, and `others` more, are the whole group.

    Raises:
        TooLarge: the claim has too many parts.
    """
    encoder.prepare(roots(spec, claim))
    question = _FORMS[claim.form](spec, claim, encoder)
    extra = [_beside(question.rows[0], f"other{i}") for i in range(others)] if closed else []
    for row in extra:
        question.assumed += _alive(spec, encoder, row)
    group = [question.rows[0]] if claim.form == "direction" else list(question.rows)
    relate(encoder, [*group, *extra], closed=closed)
    relate_calls(encoder)
    relate_folds(encoder)
    relate_fields(encoder)
    question.rows = (*question.rows, *extra)
    return question


def roots(spec: Spec, claim: ClaimSpec) -> list[Value]:
    """What a claim looks at."""
    found = [claim.subject, *spec.skips]
    if claim.form in ("outranks", "advantage"):
        assert claim.other is not None and claim.score is not None
        found += [claim.other, claim.score]
    return found


def reward_terms(spec: Spec, claim: ClaimSpec) -> list[Value]:
    """The weighted terms, where the claim reads `reward`; empty where it does not."""
    if any(_reads_reward(value) for value in roots(spec, claim)):
        return [spec.terms[name].value for name, _ in spec.weights]
    return []


def _reads_reward(value: Value) -> bool:
    stack, seen = [value], set[int]()
    while stack:
        part = stack.pop()
        if part.op == "let" and part.data == "reward":
            return True
        if id(part) not in seen:
            seen.add(id(part))
            stack.extend(part.args)
    return False


# --- rows ------------------------------------------------------------------------------------------


def _beside(row: Row, name: str) -> Row:
    """Another row of the group: params, `step`, the prompt and aggregates are the same."""
    return Row(name, _of_a_row, row)


def _of_a_row(value: Value) -> bool:
    return value.level > Level.GROUP


def _alive(spec: Spec, encoder: Encoder, row: Row) -> list[Logic]:
    """That the row is not skipped, and that its skip conditions do not fail."""
    out: list[Logic] = []
    for condition in spec.skips:
        known = encoder.encode(condition, row)
        out += [not_(known.fault), not_(and_(not_(known.null), known.term))]
    return out


def _rewarded(spec: Spec, claim: ClaimSpec, encoder: Encoder, row: Row) -> list[Logic]:
    """Where the claim reads the reward: that no term fails, and that one has a value."""
    terms = [encoder.encode(term, row) for term in reward_terms(spec, claim)]
    if not terms:
        return []
    return [*(not_(term.fault) for term in terms), or_(*(not_(term.null) for term in terms))]


def _there(known: Known) -> list[Logic]:
    return [not_(known.null), not_(known.fault)]


def row_of(spec: Spec, encoder: Encoder, values: Sequence[Value]) -> tuple[Question, list[Known]]:
    """One row that is not skipped, of which these values are asked; none of them fails."""
    question, known = rows_of(spec, encoder, values, 1)
    return question, known[0]


def rows_of(
    spec: Spec, encoder: Encoder, values: Sequence[Value], count: int, *, closed: bool = False
) -> tuple[Question, list[list[Known]]]:
    """Rows of one group, as many as `count`, as `row_of` has one; with `closed` they are the whole group."""
    encoder.prepare([*values, *spec.skips])
    shared = Row("group")
    rows = [Row(f"row{i + 1}", _of_a_row, shared) for i in range(count)]
    found, assumed = [], []
    for row in rows:
        found.append([encoder.encode(value, row) for value in values])
        assumed += [*_alive(spec, encoder, row), *(not_(k.fault) for k in found[-1])]
    return _related(Question(encoder, tuple(rows), assumed, False), closed=closed), found


def skipped(spec: Spec, encoder: Encoder, values: Sequence[Value]) -> tuple[Question, list[Known]]:
    """One row of which nothing is assumed; `broken` is that it is skipped."""
    encoder.prepare([*values, *spec.skips])
    row = _single()
    known = [encoder.encode(value, row) for value in values]
    skips = [encoder.encode(condition, row) for condition in spec.skips]
    out = or_(*(and_(not_(skip.null), skip.term) for skip in skips))
    return _related(Question(encoder, (row,), [], out), closed=False), known


def _related(question: Question, *, closed: bool) -> Question:
    relate(question.encoder, question.rows, closed=closed)
    relate_calls(question.encoder)
    relate_folds(question.encoder)
    relate_fields(question.encoder)
    return question


# --- the forms -------------------------------------------------------------------------------------


def _condition(spec: Spec, claim: ClaimSpec, encoder: Encoder) -> Question:
    row = _single()
    known = encoder.encode(claim.subject, row)
    assumed = [*_alive(spec, encoder, row), *_rewarded(spec, claim, encoder, row), *_there(known)]
    return Question(encoder, (row,), assumed, not_(known.term))


def _range(spec: Spec, claim: ClaimSpec, encoder: Encoder) -> Question:
    assert claim.range is not None
    row = _single()
    known = encoder.encode(claim.subject, row)
    assumed = [*_alive(spec, encoder, row), *_rewarded(spec, claim, encoder, row), *_there(known)]
    return Question(encoder, (row,), assumed, not_(inside(known.term, claim.range, encoder.context)))


def _single() -> Row:
    return Row("row", _of_a_row, Row("group"))


def _outranks(spec: Spec, claim: ClaimSpec, encoder: Encoder) -> Question:
    assert claim.other is not None and claim.score is not None
    shared = Row("group")
    better, worse = Row("better", _of_a_row, shared), Row("worse", _of_a_row, shared)
    assumed: list[Logic] = []
    scores = []
    for row, condition in ((better, claim.subject), (worse, claim.other)):
        holds = encoder.encode(condition, row)
        score = encoder.encode(claim.score, row)
        assumed += [
            *_alive(spec, encoder, row), *_rewarded(spec, claim, encoder, row), *_there(holds), holds.term,
            *_there(score),
        ]  # fmt: skip
        scores.append(score.term)
    gap = scores[1] - scores[0]
    return Question(encoder, (better, worse), assumed, gap >= 0, gap)


def _direction(spec: Spec, claim: ClaimSpec, encoder: Encoder) -> Question:
    assert claim.other is not None
    moved = claim.other
    depends = readers([moved, *roots(spec, claim), *reward_terms(spec, claim)], moved)

    def owns(value: Value) -> bool:
        return id(value) in depends

    shared = Row("row")
    low, high = Row("low", owns, shared, moved), Row("high", owns, shared, moved)
    assumed: list[Logic] = []
    found = []
    for row in (low, high):
        subject, source = encoder.encode(claim.subject, row), encoder.encode(moved, row)
        assumed += [*_alive(spec, encoder, row), *_rewarded(spec, claim, encoder, row)]
        assumed += [not_(subject.fault), *_there(source)]
        found.append((source, subject))
    (x, before), (y, after) = found
    if claim.direction == "constant":
        changed = not_(and_(same(before.null, after.null), or_(before.null, same(before.term, after.term))))
        return Question(encoder, (low, high), [*assumed, not_(same(x.term, y.term))], changed)
    assumed += [not_(before.null), not_(after.null), _less(moved, x, y)]
    a = encoder.as_number(before, claim.subject.type).term
    b = encoder.as_number(after, claim.subject.type).term
    gap = a - b if claim.direction == "increasing" else b - a
    return Question(encoder, (low, high), assumed, gap > 0, gap)


def _less(moved: Value, x: Known, y: Known) -> Logic:
    if moved.type.kind == "bool":
        return and_(not_(x.term), y.term)
    return x.term < y.term


_FORMS: dict[str, Callable[[Spec, ClaimSpec, Encoder], Question]] = {
    "condition": _condition,
    "range": _range,
    "outranks": _outranks,
    "direction": _direction,
}
