"""What a model says of calls that can be looked up: a witness says of none what the library denies."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import z3

from rewardkit.checker.spec import Spec
from rewardkit.prover.candidate import RowCandidate, fits, follows, value_of
from rewardkit.prover.computed import UNKNOWN, call_of, is_light
from rewardkit.prover.encode import Applied
from rewardkit.prover.queries import Question
from rewardkit.prover.terms import Known, Logic, and_, implies, not_, same
from rewardkit.types.types import Type
from rewardkit.types.values import RunResult

#: calls that are looked up for one model
_MOST = 40
_PLAIN = ("bool", "int", "real", "text")


def untrue(spec: Spec, question: Question, model: z3.ModelRef, rows: Sequence[RowCandidate]) -> list[Logic]:
    """Of calls that a model gives other values than they have, what they really give for these arguments.

    Only calls of numbers, truths and texts that the spec writes out: other texts stand for any.
    """
    facts: list[Logic] = []
    calls = [
        a for a in question.encoder.applied if a.key[0] == "call" and not follows(a) and is_light(a.value)
    ]
    for applied in calls[:_MOST]:
        pairs = zip(applied.args, applied.value.args, strict=True)
        given = [_plain(question, model, arg, value.type) for arg, value in pairs]
        if any(one is UNKNOWN or one is None for one in given):
            continue
        found = call_of(spec, applied.value, given)
        if found is UNKNOWN:
            continue
        for told, truth in _parts(question, applied, found):
            if truth is UNKNOWN:  # a list, say: rows of another result are none
                said = [result for row in rows for value, result in row.results if value is applied.value]
                if any(result != found for result in said):
                    facts.append(not_(_is_given(question, applied, given)))
            elif not _agrees(question, model, told, truth):
                facts.append(implies(_is_given(question, applied, given), _is(question, told, truth)))
    return facts


def _parts(question: Question, applied: Applied, found: Any) -> list[tuple[Applied, Any]]:
    """What is told of a result: itself, or its fields."""
    if found is None or applied.value.type.kind in _PLAIN:
        return [(applied, found)]
    if not isinstance(found, RunResult):
        return [(applied, UNKNOWN)]
    fields = [a for a in question.encoder.applied if a.key[0] == "field"]
    mine = [a for a in fields if same(a.args[0].term, applied.result.term) is True]
    return [(field, getattr(found, field.value.data)) for field in mine]


def _plain(question: Question, model: z3.ModelRef, known: Known, type_: Type) -> Any:
    """An argument that is no invention; else `UNKNOWN`."""
    if type_.kind not in _PLAIN:
        return UNKNOWN
    if value_of(model, known.null):
        return None
    found = value_of(model, known.term)
    if type_.kind != "text":
        return found
    for (_, literal), place in question.encoder.literals.items():
        if place == found and fits(literal, type_):
            return literal
    return UNKNOWN


def _agrees(question: Question, model: z3.ModelRef, applied: Applied, found: Any) -> bool:
    result = applied.result
    if value_of(model, result.fault) or value_of(model, result.null) or found is None:
        return bool(value_of(model, result.null)) == (found is None)
    said = value_of(model, result.term)
    if isinstance(found, str):
        return bool(question.encoder.literals.get(("text", found)) == said)
    if isinstance(found, bool):
        return bool(said) == found
    off = abs(float(said) - float(found))
    return off <= 1e-9 * max(1.0, abs(float(found)))


def _is_given(question: Question, applied: Applied, given: list[Any]) -> Logic:
    parts: list[Logic] = []
    for arg, value, of in zip(applied.args, given, applied.value.args, strict=True):
        parts += [not_(arg.null), same(arg.term, question.encoder.constant(value, of.type).term)]
    return and_(*parts)


def _is(question: Question, applied: Applied, found: Any) -> Logic:
    if found is None:
        return applied.result.null
    exact = found if isinstance(found, bool | str) else Fraction(found)
    value = question.encoder.constant(exact, applied.value.type)
    return and_(not_(applied.result.null), same(applied.result.term, value.term))
