"""What a condition settles: names that are not null, and numbers held to an interval by a constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from rewardkit.checker.relations import bare_of, key_of
from rewardkit.checker.spec import Value
from rewardkit.types.interval import FULL, Interval, intersect, point, whole
from rewardkit.types.levels import Level


@dataclass(frozen=True)
class Fact:
    present: bool = False  # known not to be null
    interval: Interval = FULL
    level: Level = Level.CONSTANT  # of the value: a row's fact says nothing of the other rows


#: by name or path, and by `key_of` for other expressions
Facts = Mapping[str, Fact]
NOTHING: Facts = {}

_MOST_PARTS = 400

FLIPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}
NEGATED = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne", "ne": "eq"}

#: operations that a comparison narrows although they have no name
_TESTED = frozenset(("add", "sub", "mul", "div", "neg", "call", "aggregate"))


def both(a: Facts, b: Facts) -> Facts:
    """What holds where both hold."""
    if not a or not b:
        return a or b
    merged = dict(a)
    for path, fact in b.items():
        _learn(merged, path, fact)
    return merged


def _learn(known: dict[str, Fact], path: str, fact: Fact) -> None:
    old = known.get(path, Fact())
    known[path] = Fact(
        old.present or fact.present, intersect(old.interval, fact.interval), max(old.level, fact.level)
    )


def shared(facts: Facts, level: Level) -> Facts:
    """The facts that hold for every row under a value of this level."""
    return {path: fact for path, fact in facts.items() if fact.level <= level}


def when(condition: Value, holds: bool) -> Facts:
    """What is known where `condition` is true (`holds`) or false.

    Every rule below passes on to parts that must all be so, so one walk gathers everything; shared
    parts are visited once, and long chains of lets need no recursion. A condition of very many parts
    settles less than it could, which is never wrong.
    """
    known: dict[str, Fact] = {}
    stack, seen = [(condition, holds)], set[tuple[int, bool]]()
    while stack and len(seen) < _MOST_PARTS:
        value, holds = stack.pop()
        if (id(value), holds) in seen:
            continue
        seen.add((id(value), holds))
        op, args = value.op, value.args
        if op in ("let", "alias", "bind"):
            stack.append((args[0], holds))
        elif op == "not":
            stack.append((args[0], not holds))
        elif (op == "and" and holds) or (op == "or" and not holds):
            stack += [(args[0], holds), (args[1], holds)]
        elif op == "coalesce" and _is_constant(args[1], not holds):
            stack.append((args[0], holds))  # `x ?? false` is true only where x is
        elif op == "is_null" and not holds and args[0].path:
            _learn(known, args[0].path, Fact(present=True, level=args[0].level))
        elif op in FLIPPED:
            for path, fact in _comparison(op if holds else NEGATED[op], args[0], args[1]).items():
                _learn(known, path, fact)
    return known


def _is_constant(value: Value, wanted: bool) -> bool:
    return value.op == "constant" and value.data is wanted


def names_of(value: Value) -> list[str]:
    """What a value is known by: its name, the names that it stands for, or the expression itself."""
    names, bare = _names(value), bare_of(value)
    if bare.path is None and bare.op in _TESTED and (key := key_of(bare)) is not None:
        names.append(key)
    return names


def _names(value: Value) -> list[str]:
    names = dict.fromkeys([value.path] if value.path else [])
    for _ in range(20):
        if value.op not in ("alias", "let", "bind"):
            break
        value = value.args[0]
        if value.path:
            names[value.path] = None
    return list(names)


def of(facts: Facts, value: Value, expressions: bool) -> Fact | None:
    """What is known of a value; `expressions` says that some fact is of one.

    A test against null settles the name that it names, a comparison the number behind it.
    """
    known: dict[str, Fact] = {}
    for name in names_of(value) if expressions else _names(value):
        if name in facts:
            fact = facts[name]
            _learn(known, "", fact if name == value.path else replace(fact, present=False))
    return known.get("")


def _comparison(op: str, left: Value, right: Value) -> Facts:
    if _number(right) is None:
        left, right, op = right, left, FLIPPED[op]
    bound = _number(right)
    if bound is None or not left.type.is_number:
        return NOTHING
    interval = held(op, left.interval, bound, whole_number=left.type.kind == "int")
    return {name: Fact(interval=interval, level=left.level) for name in names_of(left)}


def held(op: str, known: Interval, bound: Fraction, *, whole_number: bool) -> Interval:
    """Where a number lies whose comparison `op` with `bound` holds, not intersected with what is `known`."""
    interval = {
        "lt": Interval(None, bound, hi_open=True),
        "le": Interval(None, bound),
        "gt": Interval(bound, None, lo_open=True),
        "ge": Interval(bound, None),
        "eq": point(bound),
        "ne": Interval(
            known.lo, known.hi, known.lo_open or known.lo == bound, known.hi_open or known.hi == bound
        ),
    }[op]
    return whole(interval) if whole_number else interval


def _number(value: Value) -> Fraction | None:
    """The number, where the expression is a constant one (`-3`, `2 * 4tok`)."""
    if value.op == "constant" and isinstance(value.data, Fraction):
        return value.data
    if value.op in ("neg", "add", "sub", "mul", "div") and all(_number(a) is not None for a in value.args):
        return value.interval.constant
    return None
