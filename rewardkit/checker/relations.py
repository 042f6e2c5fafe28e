"""What related values give: intervals alone do not know that `a` is part of `a + b`.

Each rule here is about exact numbers and holds for what floats compute as well (rounding is monotone), and
looks at a bounded number of values, so that long expressions cost no more than short ones. What no rule
finds is never wrong, only wide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rewardkit.checker.spec import AggregateData, CallData, FoldData, Value
from rewardkit.types.interval import (
    NON_NEGATIVE,
    UNIT,
    Interval,
    absolute,
    add,
    hull,
    intersect,
    multiply,
    point,
)

_MOST = 120  # values looked at for one question
_FROM_ONE = Interval(Fraction(1))
_UP_TO_ONE = Interval(None, Fraction(1))
_UP_TO_TWO = Interval(Fraction(0), Fraction(2))
_NOT_POSITIVE = Interval(None, Fraction(0))
_AROUND = Interval(Fraction(-1), Fraction(1))


def product(left: Value, right: Value, plain: Interval) -> Interval:
    """`x * x` is a square."""
    if _Question().alike(left, right):
        size = absolute(left.interval)
        return intersect(plain, multiply(size, size))
    return plain


def total(left: Value, right: Value, plain: Interval) -> Interval:
    """`w * a + (1 - w) * b` with a share `w` lies between `a` and `b`."""
    for first, second in ((left, right), (right, left)):
        for share, a in _either_way(first, "mul"):
            for rest, b in _either_way(second, "mul"):
                if share.interval.within(UNIT) and _is_rest(rest, share):
                    return intersect(plain, hull(a.interval, b.interval))
    return plain


def difference(left: Value, right: Value, plain: Interval) -> Interval:
    """`x - x` is 0; `max(a, b) - a` and `x - (min(x) over group)` are not negative."""
    if _Question().alike(left, right):
        return point(0)
    if _Question().at_most(right, left):
        return intersect(plain, NON_NEGATIVE)
    if _Question().at_most(left, right):
        return intersect(plain, _NOT_POSITIVE)
    return plain


def quotient(left: Value, right: Value, plain: Interval) -> Interval:
    """`a / (a + b)` is a share; a part over the whole is at most 1. The denominator is not 0."""
    if right.interval.lo is None or right.interval.lo < 0:
        return plain
    if _Question().alike(left, right):
        return point(1)
    if (share := _share(left, right)) is not None:
        return intersect(plain, share)
    if _Question().at_most(left, right):
        plain = intersect(plain, _UP_TO_ONE)
    elif _Question().at_most(right, left):
        plain = intersect(plain, _FROM_ONE)
    return intersect(plain, _AROUND) if _is_smaller_difference(left, right) else plain


def is_part(small: Value, large: Value) -> bool:
    """Whether `small` is at most `large` on every row where both have a value, as far as rules tell."""
    return _Question().at_most(small, large)


def key_of(value: Value) -> str | None:
    """A text that is the same for expressions of the same value; `None` for large ones and for folds."""
    parts: list[str] = []
    stack: list[Value | str] = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        node = bare_of(node)
        if len(parts) > _MOST or node.op == "fold":
            return None
        parts.append(f"{node.op} {_data(node)!r}(")
        stack += [")", *reversed(node.args)] if node.op != "term" else [")"]
    return "=" + "".join(parts)


def bare_of(value: Value) -> Value:
    """What a name stands for, under what narrowing put on top of it."""
    for _ in range(20):
        if value.op not in ("alias", "let", "bind"):
            break
        value = value.args[0]
    return value


def _data(value: Value) -> Any:
    data = value.data
    if isinstance(data, CallData):
        return (data.function.name, data.constants, data.order)
    if isinstance(data, AggregateData):
        return (data.function, data.scope, data.has_value, data.has_where)
    return (str(value.type), data) if value.op == "constant" else getattr(data, "name", data)


def _not_negative(value: Value) -> bool:
    return value.interval.lo is not None and value.interval.lo >= 0


def _call(value: Value, *names: str) -> tuple[Value, ...]:
    """The arguments, where the value is a call of one of these functions."""
    bare = bare_of(value)
    if bare.op == "call" and isinstance(bare.data, CallData) and bare.data.function.name in names:
        return bare.args
    return ()


def _operands(value: Value, op: str) -> tuple[Value, ...]:
    bare = bare_of(value)
    return bare.args if bare.op == op else ()


def _either_way(value: Value, op: str) -> Iterator[tuple[Value, Value]]:
    """The operands of an operator whose order does not matter, both ways round."""
    if pair := _operands(value, op):
        yield pair[0], pair[1]
        yield pair[1], pair[0]


def _is_rest(rest: Value, share: Value) -> bool:
    pair = _operands(rest, "sub")
    return bool(pair) and pair[0].interval.constant == 1 and _Question().alike(pair[1], share)


def _share(left: Value, right: Value) -> Interval | None:
    """The interval of `a / (a + b)`: it grows with `a` and falls with `b`."""
    for part, rest in _either_way(right, "add"):
        if not (_not_negative(part) and _not_negative(rest) and _Question().alike(left, part)):
            continue
        a, b = left.interval, rest.interval
        assert a.lo is not None and b.lo is not None
        lowest = Fraction(0) if b.hi is None or a.lo == 0 else a.lo / (a.lo + b.hi)
        highest = Fraction(1) if a.hi is None or a.hi + b.lo == 0 else a.hi / (a.hi + b.lo)
        return Interval(lowest, highest)
    return None


def _is_smaller_difference(left: Value, right: Value) -> bool:
    """`a - b` over what is at least both, and neither negative."""
    pair = _operands(left, "sub")
    return bool(pair) and all(_not_negative(part) and is_part(part, right) for part in pair)


@dataclass
class _Question:
    """One question about two values, with so many looks left."""

    left: int = _MOST

    def alike(self, a: Value, b: Value) -> bool:
        """Whether both are the same value on every row."""
        stack = [(a, b)]
        while stack:
            self.left -= 1
            a, b = map(bare_of, stack.pop())
            if a is b:
                continue
            same = a.op == b.op and len(a.args) == len(b.args) and a.op not in ("fold", "term")
            if a.op == b.op == "term" and a.data.name == b.data.name:
                continue
            if self.left <= 0 or not same or _data(a) != _data(b):
                return False
            stack += list(zip(a.args, b.args, strict=True))
        return True

    def at_most(self, n: Value, d: Value) -> bool:
        """Whether `n <= d` on every row."""
        self.left -= 1
        if self.left <= 0:
            return False
        if n.interval.hi is not None and d.interval.lo is not None and n.interval.hi <= d.interval.lo:
            return True
        if self.alike(n, d) or self.cancelled(n, d):
            return True
        return self.large(n, d) or self.small(n, d) or self.counted(n, d)

    def cancelled(self, n: Value, d: Value) -> bool:
        """Whether sums without what both hold compare: `a + 1` and `b + a + 2`, none of it negative."""
        some, rest = _leaves(n, "add"), _leaves(d, "add")
        if len(some) + len(rest) == 2 or not all(map(_not_negative, some + rest)):
            return False
        for one in list(some):
            twin = next((x for x in rest if self.alike(x, one)), None)
            if twin is not None:
                some.remove(one)
                rest.remove(twin)
        above, below = _summed(rest).lo, _summed(some).hi
        return above is not None and below is not None and below <= above

    def large(self, n: Value, d: Value) -> bool:
        """By what `d` is made of."""
        parts = _operands(d, "add")
        if parts and all(map(_not_negative, parts)) and self.is_mean_product(n, parts):
            return True
        for x, y in _either_way(d, "add"):
            if _not_negative(y) and self.at_most(n, x):
                return True
        for x, y in _either_way(d, "mul"):
            if _not_negative(x) and y.interval.within(_FROM_ONE) and self.at_most(n, x):
                return True
        if any(self.at_most(n, x) for x in _call(d, "max")):
            return True
        lowest = _call(d, "min")
        return bool(lowest) and all(self.at_most(n, x) for x in lowest)

    def small(self, n: Value, d: Value) -> bool:
        """By what `n` is made of."""
        for x, y in _either_way(n, "mul"):
            if _not_negative(x) and y.interval.within(UNIT) and self.at_most(x, d):
                return True
        ratio = _operands(n, "div")
        if ratio and _not_negative(ratio[0]) and ratio[1].interval.within(_FROM_ONE):
            return self.at_most(ratio[0], d)
        if pair := _operands(n, "sub"):
            if _not_negative(pair[1]) and self.at_most(pair[0], d):
                return True
            whole = _operands(d, "sub")
            if whole and self.at_most(pair[0], whole[0]) and self.at_most(whole[1], pair[1]):
                return True
        if any(self.at_most(x, d) for x in _call(n, "min")):
            return True
        if clamped := _call(n, "clamp"):
            x, lo, hi = clamped
            return self.at_most(hi, d) or (self.at_most(x, d) and self.at_most(lo, d))
        if sized := _call(n, "abs"):
            pair = _operands(sized[0], "sub")
            return bool(pair) and all(_not_negative(x) and self.at_most(x, d) for x in pair)
        parts = _call(n, "max") or _operands(n, "if")[1:]
        return bool(parts) and all(self.at_most(x, d) for x in parts)

    def is_mean_product(self, n: Value, parts: tuple[Value, ...]) -> bool:
        """`2 * p * r` is at most `p + r` for shares `p` and `r`."""
        factors = _leaves(n, "mul")
        for part in parts:
            for one in _leaves(part, "mul"):
                twin = next((f for f in factors if self.alike(f, one)), None)
                if twin is None or not part.interval.within(UNIT):
                    return False
                factors.remove(twin)
        weight = point(1)
        for factor in factors:
            weight = multiply(weight, factor.interval)
        return weight.within(_UP_TO_TWO)

    def counted(self, n: Value, d: Value) -> bool:
        """A row's value and its group's extremes and sum; counts and ranks and how many there are."""
        some, all_ = bare_of(n), bare_of(d)
        if lists := _call(d, "len"):
            counts = some.op == "fold" and some.data.function in ("count", "sum")
            return counts and _counts_up(some, some.data) and self.alike(some.args[0], lists[0])
        if all_.op == "aggregate" and self.in_aggregate(n, some, all_):
            return True
        if some.op == "aggregate" and some.data.function == "min" and not some.data.has_where:
            return self.alike(some.args[0], d)
        return False

    def in_aggregate(self, n: Value, some: Value, all_: Value) -> bool:
        data = all_.data
        if not data.has_where and data.function in ("max", "sum") and self.alike(n, all_.args[0]):
            return data.function == "max" or _not_negative(all_.args[0])
        if some.op != "aggregate" or some.data.scope != data.scope:
            return False
        if data.function == "count" and not data.has_value and not data.has_where:
            return some.data.function == "rank" or _counts_up(some, some.data)
        of, wheres = self.alike, (some.args[some.data.has_value :], all_.args[data.has_value :])
        within = len(wheres[0]) == len(wheres[1]) and all(map(of, *wheres))
        ordered = (some.data.function, data.function) in _ORDERED
        return ordered and within and of(some.args[0], all_.args[0])


_ORDERED = {("min", "max"), ("min", "mean"), ("mean", "max")}


def _leaves(value: Value, op: str, most: int = 8) -> list[Value]:
    """What a sum adds up, or a product multiplies."""
    found, stack = [], [value]
    while stack:
        one = stack.pop()
        if (pair := _operands(one, op)) and most > 0:
            most -= 1
            stack += pair
        else:
            found.append(one)
    return found


def _summed(parts: list[Value]) -> Interval:
    found = point(0)
    for value in parts:
        found = add(found, value.interval)
    return found


def _counts_up(value: Value, data: AggregateData | FoldData) -> bool:
    """Whether an aggregate adds at most 1 for each row or item."""
    return data.function == "count" or (
        data.function == "sum" and value.args[isinstance(data, FoldData)].type.kind == "bool"
    )
