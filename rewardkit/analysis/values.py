"""The expressions that some values are made of, in an order in which arguments come first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rewardkit.checker.spec import Value


@dataclass(frozen=True, eq=False)
class Values:
    """The values below some roots, each after its arguments, and which of them are the same value."""

    order: tuple[Value, ...]
    index: Mapping[int, int]  # id(value) -> position in `order`
    names: tuple[int, ...]  # position -> number of the value it is, shared by equal expressions
    same: Mapping[int, tuple[int, ...]]  # that number -> positions
    readers: tuple[tuple[int, ...], ...]  # position -> positions that have it as an argument

    def above(self, starts: Iterable[int]) -> list[int]:
        """These positions and all that depend on them, arguments first."""
        found, stack = set(starts), list(starts)
        while stack:
            for reader in self.readers[stack.pop()]:
                if reader not in found:
                    found.add(reader)
                    stack.append(reader)
        return sorted(found)


#: what these read of other rows or of list items is not looked into
_OPAQUE = ("aggregate",)


def below(roots: Iterable[Value], numbers: Mapping[int, int]) -> Values:
    """The values that `roots` are made of; `numbers` are those of the plan (`Plan.numbers`)."""
    order: list[Value] = []
    index: dict[int, int] = {}
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        value, ready = stack.pop()
        if id(value) in index:
            continue
        if ready:
            index[id(value)] = len(order)
            order.append(value)
            continue
        stack.append((value, True))
        stack += [(arg, False) for arg in reversed(arguments(value))]
    names = tuple(numbers.get(id(value), -1 - i) for i, value in enumerate(order))
    same: dict[int, list[int]] = {}
    readers: list[list[int]] = [[] for _ in order]
    for i, value in enumerate(order):
        same.setdefault(names[i], []).append(i)
        for arg in arguments(value):
            readers[index[id(arg)]].append(i)
    return Values(
        tuple(order),
        index,
        names,
        {name: tuple(places) for name, places in same.items()},
        tuple(map(tuple, readers)),
    )


def arguments(value: Value) -> tuple[Value, ...]:
    """The arguments that what a value can be is worked out from."""
    if value.op in _OPAQUE:
        return ()
    return value.args[:1] if value.op == "fold" else value.args
