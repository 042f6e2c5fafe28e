"""The operators of the language on terms: what they make of null and of failures too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rewardkit.checker.rounding import keeps_sign, stays_within
from rewardkit.checker.spec import Value
from rewardkit.prover.terms import Known, Logic, Term, and_, either, implies, not_, number, or_, same
from rewardkit.types.interval import (
    NON_NEGATIVE,
    Interval,
    add,
    coarse,
    divide,
    hull,
    intersect,
    multiply,
    negate,
    subtract,
)

if TYPE_CHECKING:
    from rewardkit.prover.encode import Encoder


def _arithmetic(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    null, fault = or_(*(a.null for a in args)), or_(*(a.fault for a in args))
    terms = [a.term for a in args]
    op = value.op
    if op == "neg":
        term, interval = -terms[0], negate(args[0].interval)
    else:
        a, b = (arg.interval for arg in args)
        if op == "div":
            term, interval = terms[0] / terms[1], divide(a, b)
        elif op == "mul":
            term, interval = terms[0] * terms[1], multiply(a, b)
            if terms[0].eq(terms[1]):
                interval = intersect(interval, NON_NEGATIVE)
        elif op == "add":
            term, interval = terms[0] + terms[1], add(a, b)
        else:
            term, interval = terms[0] - terms[1], subtract(a, b)
    if value.faults and id(value) in encoder.settled:
        null, fault = may_overflow(encoder, value, term, null, fault)
    return Known(term, null, fault, coarse(interval))


def may_overflow(
    encoder: Encoder, value: Value, term: Term, null: Logic, fault: Logic
) -> tuple[Logic, Logic]:
    """Where a number may be too large for the run, or rounding may fail it, and the spec settles that."""
    fails = encoder.flag(f"{value.span.text[:40]} is too large")
    limit = number(2**62 if value.type.kind == "int" else 2**1000, encoder.context)
    if not may_round_off(value):
        encoder.fact(implies(fails, or_(term > limit, term < -limit)))
    return or_(null, fails), or_(fault, and_(fails, not_(null)))


def _comparison(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    a, b = args
    null, fault = or_(a.null, b.null), or_(a.fault, b.fault)
    if value.op in ("eq", "ne"):
        equal = same(a.term, b.term)
        return Known(equal if value.op == "eq" else not_(equal), null, fault)
    x, y = a.term, b.term
    term = {"lt": x < y, "le": x <= y, "gt": x > y, "ge": x >= y}[value.op]
    return Known(term, null, fault)


def _not(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    (a,) = args
    return Known(not_(a.term), a.null, a.fault)


def _logic(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    a, b = args
    goes_on = and_(not_(a.null), a.term if value.op == "and" else not_(a.term))
    return Known(
        either(goes_on, b.term, a.term),
        either(goes_on, b.null, a.null),
        either(goes_on, b.fault, a.fault),
    )


def _is_null(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    (a,) = args
    return Known(and_(a.null, not_(a.fault)), a.fault, a.fault)


def _failed(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    return Known(args[0].fault)


def _coalesce(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    a, b = args
    term, interval = _branch(not_(a.null), a, b), _either_interval(a, b)
    return Known(term, and_(a.null, b.null), and_(a.null, b.fault), interval)


def _if(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    return _choose(*args)


def _term(encoder: Encoder, value: Value, args: list[Known]) -> Known:
    body = encoder.as_number(args[0], value.args[0].type)
    held = value.data.range
    if id(value) in encoder.settled and held is not None and not stays_within(value.args[0], held):
        fails = encoder.flag(f"{value.data.name} is rounded out of its range")
        fault = or_(body.fault, and_(fails, not_(body.null)))
        body = Known(body.term, or_(body.null, fails), fault, body.interval)
    if not value.data.gated:
        return body
    return _choose(args[1], body, encoder.as_number(args[2], value.args[2].type))


def _choose(condition: Known, then: Known, otherwise: Known) -> Known:
    chosen = and_(not_(condition.null), condition.term)
    return Known(
        _branch(chosen, then, otherwise),
        or_(condition.null, either(chosen, then.null, otherwise.null)),
        or_(condition.fault, and_(not_(condition.null), either(chosen, then.fault, otherwise.fault))),
        _either_interval(then, otherwise),
    )


def _either_interval(a: Known, b: Known) -> Interval:
    """Of the one or the other; what is always null adds nothing."""
    if a.null is True:
        return b.interval
    return a.interval if b.null is True else hull(a.interval, b.interval)


def _branch(chosen: Logic, then: Known, otherwise: Known) -> Term:
    """The term of the branch that is taken; of two, the one that is not always null."""
    if then.null is True:
        return otherwise.term
    if otherwise.null is True:
        return then.term
    return either(chosen, then.term, otherwise.term)


def may_round_off(value: Value) -> bool:
    """Whether rounding may take what must not be 0, or below, across 0."""
    if value.op == "div":
        return not keeps_sign(value.args[1])
    return (
        value.op == "call" and value.data.function.name in ("log", "sqrt") and not keeps_sign(value.args[0])
    )


OPERATIONS: dict[str, Callable[[Encoder, Value, list[Known]], Known]] = {
    **dict.fromkeys(("add", "sub", "mul", "div", "neg"), _arithmetic),
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), _comparison),
    **dict.fromkeys(("and", "or"), _logic),
    "not": _not,
    "is_null": _is_null,
    "failed": _failed,
    "coalesce": _coalesce,
    "if": _if,
    "term": _term,
}
