"""A numeric search beside z3: rows drawn from the ranges, for claims that hang on a curve."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from random import Random
from typing import Any

from rewardkit.checker.spec import ClaimSpec, Spec, Value
from rewardkit.prover.candidate import CannotBe, RowCandidate, follows
from rewardkit.prover.encode import Row
from rewardkit.prover.queries import Question
from rewardkit.prover.reproduce import Replayed, Replayer
from rewardkit.prover.solve import Effort, Stopped
from rewardkit.prover.terms import Known
from rewardkit.types.interval import Interval

#: rows, or pairs of rows, that are tried
TRIES = 300
FEWEST = 10
#: parts of a claim over all tries
PARTS = 60_000


def search(
    spec: Spec, claim: ClaimSpec, question: Question, effort: Effort
) -> tuple[tuple[RowCandidate, ...], Replayed] | None:
    """Rows that break the claim by more than rounding; always the same ones for a claim.

    Only where every value comes with the row: what calls return is left to z3, which keeps their
    promises.
    """
    if question.encoder.aggregates or not all(map(follows, question.encoder.applied)):
        return None
    replayer = Replayer(spec, claim)
    tries = max(FEWEST, min(TRIES, PARTS // max(1, question.encoder.parts)))
    for rows in islice(_draws(question, Random(claim.text)), tries):
        if effort.stopped:
            raise Stopped
        found = replayer.replay(rows, strictly=True)
        if found is not None and found.broken:
            return rows, found
    return None


def _draws(question: Question, random: Random) -> Iterator[tuple[RowCandidate, ...]]:
    while True:
        try:
            drawn = {key: _draw(source, random) for key, source in question.encoder.sources.items()}
        except CannotBe:
            return
        rows = tuple(RowCandidate(row.name) for row in question.rows)
        for row, made in zip(question.rows, rows, strict=True):
            for key, (home, value, _) in question.encoder.sources.items():
                if row.home(value) is not home:
                    continue
                if value.op == "step":
                    made.step = int(drawn[key])
                elif value.op == "param":
                    made.params[value.data] = drawn[key]
                else:
                    made.columns[value.data] = drawn[key]
        yield rows


def _draw(source: tuple[Row, Value, Known], random: Random) -> Any:
    _, value, known = source
    kind = value.type.kind
    if value.type.optional and random.random() < 0.2:
        return None
    if kind == "bool":
        return random.random() < 0.5
    if kind == "text":
        return random.choice(("", "a", "b"))
    if kind == "list" and value.type.item is not None and value.type.item.kind in _ITEMS:
        return tuple(random.choice(_ITEMS[value.type.item.kind]) for _ in range(random.randint(0, 3)))
    if kind not in ("int", "real") or value.op == "call":
        raise CannotBe
    number = _number(known.interval, random, whole=kind == "int")
    return int(number) if kind == "int" else float(number)


_ITEMS: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, -1, 2, 3, 5, 10),
    "real": (0.0, 1.0, -1.0, 0.5, 2.0, 10.0),
    "bool": (False, True),
    "text": ("", "a", "b", "a b"),
}


def _number(interval: Interval, random: Random, *, whole: bool) -> Fraction:
    """An end of the range, a simple number in it, or any."""
    lo = interval.lo if interval.lo is not None else (interval.hi or Fraction(0)) - 2 ** random.randint(0, 12)
    hi = interval.hi if interval.hi is not None else lo + 2 ** random.randint(0, 12)
    wishes = [lo, hi, (lo + hi) / 2, lo + (hi - lo) * Fraction(random.random())]
    wishes += [Fraction(n) for n in (0, 1, -1)]
    random.shuffle(wishes)
    for wish in wishes:
        number = Fraction(round(wish)) if whole else wish
        if interval.contains(number):
            return number
    raise CannotBe
