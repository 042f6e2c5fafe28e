"""Aggregates over rows: what any group makes of them, and what a group of just the rows at hand does."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from rewardkit.checker.spec import Value
from rewardkit.prover.encode import Encoder, Row
from rewardkit.prover.terms import Known, Logic, Term, and_, either, implies, inside, not_, number, or_, same
from rewardkit.types.interval import NON_NEGATIVE, UNIT, Interval, between


def relate(encoder: Encoder, rows: Sequence[Row], *, closed: bool) -> None:
    """Say what is known of every aggregate that was met, those inside of others included.

    Args:
        rows: the rows of one group; with `closed` they are the whole group and batch.
    """
    done, said = 0, set[int]()
    while done < len(encoder.aggregates):
        value, home, known = encoder.aggregates[done]
        done += 1
        if id(known) in said:  # the same aggregate, written once more
            continue
        said.add(id(known))
        parts = [_part(encoder, value, row) for row in rows]
        if closed:
            owner = rows.index(home) if home in rows else None
            _exactly(encoder, value, known, parts, owner)
        else:
            _loosely(encoder, value, known, parts)


def _part(encoder: Encoder, value: Value, row: Row) -> tuple[Logic, Known | None]:
    """Whether an aggregate looks at a row, and at what."""
    args = [encoder.encode(arg, row) for arg in value.args]
    counts: Logic = True
    if value.data.has_where:
        where = args[-1]
        counts = and_(not_(where.null), where.term)
    if not value.data.has_value:
        return counts, None
    counts = and_(counts, not_(args[0].null))
    return counts, args[0]


def _loosely(encoder: Encoder, value: Value, known: Known, parts: list[tuple[Logic, Known | None]]) -> None:
    """What holds whatever the other rows of the group are."""
    name, context, out = value.data.function, encoder.context, known.term
    intervals = [part.interval for _, part in parts if part is not None]
    kind = value.args[0].type.kind if value.data.has_value else "bool"
    own = intervals[0] if intervals else UNIT
    if kind == "bool":
        own = UNIT
    if name in ("mean", "min", "max"):
        encoder.fact(implies(not_(known.null), inside(out, own, context)))
    elif (name == "sum" and own.lo is not None and own.lo >= 0) or name in ("count", "std"):
        encoder.fact(inside(out, NON_NEGATIVE, context))
    elif name == "rank":
        encoder.fact(inside(out, Interval(Fraction(1)), context))
    if name == "std" and own.lo is not None and own.hi is not None:
        most = (own.hi - own.lo) * Fraction(70711, 100000)
        encoder.fact(implies(not_(known.null), inside(out, between(0, most), context)))
    for counts, part in parts:
        bound = _bound_by_own(encoder, value, known, part, own)
        encoder.fact(or_(known.fault, implies(counts, bound)))


def _bound_by_own(encoder: Encoder, value: Value, known: Known, part: Known | None, own: Interval) -> Logic:
    """What a row that counts says of the aggregate."""
    name, out = value.data.function, known.term
    if name == "count":
        truth = part.term if part is not None and value.args[0].type.kind == "bool" else True
        return implies(truth, out >= 1)
    assert part is not None
    if name == "any":
        return implies(part.term, out)
    if name == "all":
        return implies(not_(part.term), not_(out))
    x = encoder.as_number(part, value.args[0].type).term
    present = not_(known.null) if name in ("mean", "min", "max") else True
    if name == "min":
        return and_(present, out <= x)
    if name == "max":
        return and_(present, out >= x)
    if name == "sum" and own.lo is not None and own.lo >= 0:
        return out >= x
    if name == "mean":
        # a row inside of its range keeps the mean off that end
        ends: list[Logic] = [present]
        if own.lo is not None:
            lo = number(own.lo, encoder.context)
            ends.append(implies(x > lo, out > lo))
        if own.hi is not None:
            hi = number(own.hi, encoder.context)
            ends.append(implies(x < hi, out < hi))
        return and_(*ends)
    return present


def _exactly(
    encoder: Encoder,
    value: Value,
    known: Known,
    parts: list[tuple[Logic, Known | None]],
    owner: int | None,
) -> None:
    """The aggregate of just these rows."""
    name, out, context = value.data.function, known.term, encoder.context
    zero, one = number(0, context), number(1, context)
    size = _total(encoder, [either(counts, one, zero) for counts, _ in parts])
    if name == "count":
        is_bool = value.data.has_value and value.args[0].type.kind == "bool"
        held = [and_(counts, part.term) if part is not None and is_bool else counts for counts, part in parts]
        encoder.fact(out == _total(encoder, [either(c, one, zero) for c in held]))
        return
    if name in ("any", "all"):
        held = [(counts, part.term) for counts, part in parts if part is not None]
        truth = (
            or_(*(and_(c, x) for c, x in held)) if name == "any" else and_(*(implies(c, x) for c, x in held))
        )
        encoder.fact(same(out, truth))
        return
    values = [
        (counts, encoder.as_number(part, value.args[0].type).term)
        for counts, part in parts
        if part is not None
    ]
    total = _total(encoder, [either(counts, x, zero) for counts, x in values])
    if name == "sum":
        encoder.fact(out == total)
        return
    none = not_(or_(*(counts for counts, _ in values)))
    if name != "rank":
        encoder.fact(or_(known.fault, same(known.null, size < 2 if name == "std" else none)))
    if name in ("min", "max"):
        for counts, x in values:
            encoder.fact(implies(counts, out <= x if name == "min" else out >= x))
        encoder.fact(or_(none, *(and_(counts, out == x) for counts, x in values)))
    elif name == "mean":
        for n in range(1, len(values) + 1):
            encoder.fact(implies(size == n, out * n == total))
    elif name == "std":
        for n in range(2, len(values) + 1):
            mean = total / n
            squares = _total(encoder, [either(c, (x - mean) * (x - mean), zero) for c, x in values])
            encoder.fact(implies(size == n, and_(out >= 0, out * out * (n - 1) == squares)))
    elif name == "rank" and owner is not None:
        mine = values[owner][1]
        half = number(Fraction(1, 2), context)
        ahead = [
            either(and_(c, x < mine), one, either(and_(c, x == mine), half, zero))
            for i, (c, x) in enumerate(values)
            if i != owner
        ]
        encoder.fact(out == _total(encoder, [one, *ahead]))
        encoder.fact(or_(known.fault, same(known.null, not_(values[owner][0]))))


def _total(encoder: Encoder, terms: list[Term]) -> Term:
    out = number(0, encoder.context)
    for term in terms:
        out = out + term
    return out
