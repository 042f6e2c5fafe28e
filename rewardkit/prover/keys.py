"""Expressions by their structure: those that are written the same, names written out, have one number."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from rewardkit.checker.claims import is_measure
from rewardkit.checker.spec import CallData, FoldData, TermData, Value


class Keys:
    """Numbers for expressions; equal numbers mean equal values on any row. Their cost is that of a walk."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._of: dict[tuple[int, int], int] = {}  # id(value), folds around it -> its number
        self._binders: dict[int, int] = {}  # number of a fold -> folds around it
        self._captures: dict[int, tuple[Value, ...]] = {}
        self._kept: list[Value] = []  # an `id` means something as long as its value lives

    def of(self, root: Value) -> int:
        stack = [(root, 0, False)]
        while stack:
            value, around, ready = stack.pop()
            if (id(value), around) in self._of:
                continue
            children = [(arg, around + (value.op == "fold" and i > 0)) for i, arg in enumerate(value.args)]
            if not ready:
                if value.op == "fold":
                    self._binders[value.data.number] = around
                stack.append((value, around, True))
                stack += [(arg, depth, False) for arg, depth in reversed(children)]
                continue
            parts = tuple(self._of[id(arg), depth] for arg, depth in children)
            if value.op in ("alias", "let", "bind"):
                number = parts[0]
            else:
                key = (value.op, self._data(value, around), parts)
                number = self._numbers.setdefault(key, len(self._numbers))
            self._of[id(value), around] = number
            self._kept.append(value)
        return self._of[id(root), 0]

    def _data(self, value: Value, around: int) -> Hashable:
        data: Any = value.data
        if isinstance(data, CallData):
            return (data.function.name, repr(data.constants), data.order, is_measure(value) and value.path)
        if isinstance(data, FoldData):
            return (data.function, data.has_where)
        if isinstance(data, TermData):
            return (data.name, data.gated)
        if value.op == "element":  # how many folds out the one is whose item it is
            return around - self._binders.get(int(data), -int(data))
        return (str(value.type), repr(data)) if value.op == "constant" else repr(data)

    def captures(self, fold: Value) -> tuple[Value, ...]:
        """What a fold's body reads of the row around it; of equal folds the same, in the same order."""
        if id(fold) not in self._captures:
            found: dict[int, Value] = {}
            stack, seen = list(fold.args[1:]), set[int]()
            while stack:
                value = stack.pop()
                if id(value) in seen:
                    continue
                seen.add(id(value))
                own = is_measure(value) and value.args[0].op == "column"  # a claim may move it by itself
                if own or value.op in ("column", "param", "step", "let", "term"):
                    found.setdefault(self.of(value), value)
                else:
                    stack.extend(value.args)
            self._captures[id(fold)] = tuple(found[number] for number in sorted(found))
            self._kept.append(fold)
        return self._captures[id(fold)]
