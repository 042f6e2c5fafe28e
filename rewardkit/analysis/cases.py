"""The cases of a spec: which values its terms can have on one row, found by splitting on its conditions.

A case settles every condition, null and small whole number that the terms depend on. What stays open is
a range: `correctness` somewhere in [-3, 3]. Conditions that are the same for all rows of a group are
settled first; each way to do so is a *world*, and the rows of one group have cases of one world.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from rewardkit.analysis.possible import Assumed, Contradiction, Possible, can_fail, possible
from rewardkit.analysis.values import Values, arguments, below
from rewardkit.checker.facts import FLIPPED, NEGATED, held
from rewardkit.checker.spec import Spec, Value
from rewardkit.types.interval import Interval, intersect, point
from rewardkit.types.levels import Level

#: splits looked at before giving up: enough for ten free conditions
MOST_SPLITS = 4096
#: splits × values that they are worked out for: what a large spec's splits may cost
_MOST_WORK = 200_000
#: a whole number of at most this many values is split into them
_MOST_VALUES = 9

Assumptions = dict[int, Assumed]


@dataclass(frozen=True)
class Case:
    """What each root can be, in one case. Rows of one group share a `world`."""

    world: int
    found: tuple[Possible, ...]


@dataclass(frozen=True)
class Cases:
    """`complete` is false where there are more cases than were looked at."""

    cases: tuple[Case, ...]
    complete: bool


def cases(
    spec: Spec,
    numbers: Mapping[int, int],
    roots: Sequence[Value],
    fixed: Mapping[str, Any] | None = None,
    most: int = MOST_SPLITS,
) -> Cases:
    """The cases of some values, over all rows that are not skipped.

    Args:
        spec: whose skip conditions leave rows out.
        numbers: `Plan.numbers`, which tells equal expressions.
        roots: the values.
        fixed: the params and the `step` of a run; what is not named can be all that is declared.
        most: splits before giving up; fewer for values that are made of very many.
    """
    search = _Search(spec.skips, roots, below([*spec.skips, *roots], numbers), fixed or {})
    most = min(most, max(16, _MOST_WORK // len(search.values.order)))
    found: dict[Case, None] = {}
    splits = 0
    worlds = 0
    stack: list[tuple[_State, int | None]] = []
    start = search.start()
    if start is not None:
        stack.append((start, None))
    while stack:
        splits += 1
        if splits > most:
            return Cases(tuple(found), False)
        state, world = stack.pop()
        if search.is_skipped(state):
            continue
        split = search.split(state, wide=True) if world is None else None
        if split is None:
            if world is None:
                world, worlds = worlds, worlds + 1
            split = search.split(state, wide=False)
        if split is None:
            assert world is not None
            found[Case(world, search.found(state))] = None
            continue
        stack += [(then, world) for then in reversed(list(search.ways(state, split)))]
    return Cases(tuple(found), True)


@dataclass(frozen=True, eq=False)
class _State:
    assumed: Assumptions  # number of a value -> what is taken to be so
    found: tuple[Possible, ...]  # position -> what it can be


class _Search:
    def __init__(
        self, skips: Sequence[Value], roots: Sequence[Value], values: Values, fixed: Mapping[str, Any]
    ) -> None:
        self.skips = [values.index[id(skip)] for skip in skips]
        self.roots = [values.index[id(root)] for root in roots]
        self.values = values
        self.fixed = fixed
        self.args = [tuple(values.index[id(arg)] for arg in arguments(value)) for value in values.order]
        self._above: dict[int, list[int]] = {}

    def start(self) -> _State | None:
        none = Possible()
        return self._with(_State({}, (none,) * len(self.values.order)), {}, range(len(self.values.order)))

    def is_skipped(self, state: _State) -> bool:
        return any(not state.found[skip].false for skip in self.skips)

    def found(self, state: _State) -> tuple[Possible, ...]:
        return tuple(state.found[root] for root in self.roots)

    def _with(self, state: _State, new: Assumptions, places: Sequence[int]) -> _State | None:
        """The state with more assumed, values at `places` worked out anew; `None` if that cannot be."""
        assumed, found = {**state.assumed, **new}, list(state.found)
        try:
            for i in places:
                value = self.values.order[i]
                args = [found[arg] for arg in self.args[i]]
                found[i] = possible(value, args, assumed.get(self.values.names[i]), self.fixed)
        except Contradiction:
            return None
        return _State(assumed, tuple(found))

    # --- where to split ------------------------------------------------------------------------------

    def split(self, state: _State, *, wide: bool) -> int | None:
        """A value that is open, that a root depends on, and that can be split; `None` where none is.

        `wide` looks for those that are the same for a whole group, in branches that are not taken yet too.
        """
        seen = set[tuple[int, bool]]()
        stack = [(i, False, False) for i in reversed(self.roots)]
        stack += [(i, False, False) for i in reversed(self.skips)]
        while stack:
            i, only_null, ready = stack.pop()
            if ready:
                if self._splits(state, i) and not (wide and self.values.order[i].level > Level.GROUP):
                    return i
                continue
            if (i, only_null) in seen or self._closed(state, i, only_null):
                continue
            seen.add((i, only_null))
            stack.append((i, only_null, True))
            stack += [(arg, null, False) for arg, null in reversed(self._needs(state, i, only_null, wide))]
        return None

    def _closed(self, state: _State, i: int, only_null: bool) -> bool:
        found, type_ = state.found[i], self.values.order[i].type
        if not found.settled:
            return False
        if only_null or not found.present:
            return True
        if type_.kind == "bool":
            return found.true != found.false
        return found.interval.constant is not None if type_.is_number else False

    def _needs(self, state: _State, i: int, only_null: bool, wide: bool) -> list[tuple[int, bool]]:
        """The arguments that settle a value, each with whether only its null counts."""
        value, args = self.values.order[i], self.args[i]
        if value.op in ("if", "term") and len(args) == 3:
            gate, then, otherwise = args if value.op == "if" else (args[1], args[0], args[2])
            condition = state.found[gate]
            chosen = [then] * condition.true + [otherwise] * condition.false
            if len(chosen) == 1:
                return [(chosen[0], only_null)]
            return [(gate, False)] + [(arg, only_null) for arg in chosen if wide]
        if value.op == "coalesce":
            left, right = args
            if not state.found[left].present or self._assumed(state, i).fails:
                return [(right, only_null)]
            if state.found[left].null:
                return [(left, True)] + ([(left, only_null), (right, only_null)] if wide else [])
            return [(left, only_null)]
        if value.op in ("is_null", "fold", "field", "index") or only_null:
            return [(arg, True) for arg in args]
        if value.op == "call" and value.data.function.infer is None:
            return [(arg, True) for arg in args]
        return [(arg, False) for arg in args] if value.op != "failed" else []

    def _assumed(self, state: _State, i: int) -> Assumed:
        return state.assumed.get(self.values.names[i], _NOTHING)

    def _splits(self, state: _State, i: int) -> bool:
        value, found = self.values.order[i], state.found[i]
        if value.op in _THROUGH:
            return can_fail(value) and found.present and self._assumed(state, i).fails is None
        if not found.settled:
            return True
        if value.type.kind == "bool":
            return found.true and found.false
        return bool(value.type.kind == "int" and _few(found.interval))

    # --- how to split --------------------------------------------------------------------------------

    def ways(self, state: _State, i: int) -> Iterator[_State]:
        """The states that a split leads to."""
        for new in self._assumptions(state, i):
            merged: Assumptions = {}
            for name, assumed in new:
                merged[name] = _both(merged.get(name, state.assumed.get(name, _NOTHING)), assumed)
            places = sorted({place for name in merged for place in self._places(name)})
            then = self._with(state, merged, places)
            if then is not None:
                yield then

    def _places(self, name: int) -> list[int]:
        if name not in self._above:
            self._above[name] = self.values.above(self.values.same.get(name, ()))
        return self._above[name]

    def _assumptions(self, state: _State, i: int) -> Iterator[list[tuple[int, Assumed]]]:
        value, found, name = self.values.order[i], state.found[i], self.values.names[i]
        if can_fail(value):
            for fails in (True, False):
                yield [(name, Assumed(fails=fails))]
        elif not found.settled:
            for null in (True, False):
                yield [(name, Assumed(null=null))]
        elif value.type.kind == "bool":
            for truth in (True, False):
                yield [(name, Assumed(truth=truth)), *self._settles(state, i, truth)]
        else:
            lo, hi = found.interval.lo, found.interval.hi
            assert lo is not None and hi is not None
            for number in range(int(lo), int(hi) + 1):
                if found.interval.contains(Fraction(number)):
                    yield [(name, Assumed(interval=point(number)))]

    def _settles(self, state: _State, i: int, truth: bool) -> Iterator[tuple[int, Assumed]]:
        """What a comparison says of the number or text that it compares with a constant."""
        value = self.values.order[i]
        if value.op not in FLIPPED:
            return
        op = value.op if truth else NEGATED[value.op]
        left, right = self.args[i]
        for one, other, seen in ((left, right, op), (right, left, FLIPPED[op])):
            known, bound, type_ = state.found[one], state.found[other], self.values.order[one].type
            number = bound.interval.constant
            if type_.is_number and number is not None and known.interval.constant is None:
                interval = held(seen, known.interval, number, whole_number=type_.kind == "int")
                yield self.values.names[one], Assumed(interval=interval)
            elif type_.kind == "text" and seen == "eq" and bound.data is not None and known.data is None:
                yield self.values.names[one], Assumed(data=bound.data)


_NOTHING = Assumed()
#: what only passes on what it is made of: its parts are split, not it
_THROUGH = ("let", "alias", "bind", "term", "if", "coalesce", "not", "and", "or", "is_null", "list")


def _few(interval: Interval) -> bool:
    if interval.lo is None or interval.hi is None:
        return False
    return 0 < interval.hi - interval.lo < _MOST_VALUES


def _both(a: Assumed, b: Assumed) -> Assumed:
    interval = b.interval if a.interval is None or b.interval is None else intersect(a.interval, b.interval)
    return replace(
        a,
        null=a.null if b.null is None else b.null,
        truth=a.truth if b.truth is None else b.truth,
        interval=a.interval if interval is None else interval,
        data=a.data if b.data is None else b.data,
        fails=a.fails if b.fails is None else b.fails,
    )
