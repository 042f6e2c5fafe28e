"""What parts of a spec mean: a digest of each, and which names each reads.

Two expressions have one digest where they compute the same from the same columns, params and calls:
formatting, comments, the names of lets and whether a let is written out do not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from rewardkit.checker.spec import AggregateData, CallData, Callee, DefSpec, Spec, TermData, Value
from rewardkit.compiler import FoldStep, Plan, Step, compile_spec
from rewardkit.language import tree as t
from rewardkit.language.sketch import one_line
from rewardkit.library.pages import signature
from rewardkit.types.interval import FULL, bare

S = TypeVar("S", bound=t.Statement)

_READ = frozenset(("let", "param", "column"))

LONGEST = 120  # characters of an expression that are shown


def digests(plan: Plan) -> list[bytes]:
    """The digest of every step of a plan."""
    found: list[bytes] = []
    for step in plan.steps:
        if step.op == "widen":  # an int read as a real is the same number
            found.append(found[step.args[0]])
            continue
        said = repr((step.op, _data(step), [found[arg].hex() for arg in step.args]))
        found.append(hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).digest())
    return found


def _data(step: Step) -> Any:
    data = step.data
    if isinstance(data, CallData):
        return data.function.name, data.constants, data.order
    if isinstance(data, TermData):
        return str(data.range), data.otherwise_null
    if isinstance(data, AggregateData):
        return data.function, data.scope, data.has_value, data.has_where
    if isinstance(data, FoldStep):
        inner = digests(data.body)
        return data.function, inner[data.value], None if data.where is None else inner[data.where]
    if step.op == "element":  # numbered through the file; a body reads the items of its own list only
        return None
    if step.op == "constant":  # 1 and 1.0 are one number, 1tok and 1ch are not
        return str(data), type(data).__name__, step.type.unit
    return data


class Reads:
    """Which lets, params and columns values read, through lets too; a set of names is the bits of a number,
    so that long chains of lets cost no more than their length."""

    def __init__(self) -> None:
        self._bit: dict[tuple[str, str], int] = {}
        self._found: dict[int, int] = {}

    def of(self, root: Value) -> int:
        stack = [(root, False)]
        while stack:
            value, ready = stack.pop()
            if id(value) in self._found:
                continue
            if not ready:
                stack.append((value, True))
                stack.extend((arg, False) for arg in value.args)
                continue
            found = 1 << self._number((value.op, value.data)) if value.op in _READ else 0
            for arg in value.args:
                found |= self._found[id(arg)]
            self._found[id(value)] = found
        return self._found[id(root)]

    def holds(self, found: int, kind: str, name: str) -> bool:
        """Whether a set of names holds the `let`, `param` or `column`."""
        number = self._bit.get((kind, name))
        return number is not None and bool(found >> number & 1)

    def _number(self, name: tuple[str, str]) -> int:
        return self._bit.setdefault(name, len(self._bit))


def parts(spec: Spec) -> dict[str, tuple[Value, ...]]:
    """What the rows feel of a spec, by the name that a reader knows it by."""
    found: dict[str, tuple[Value, ...]] = {name: (term.value,) for name, term in spec.terms.items()}
    found |= {"skip": spec.skips, "mask": spec.masks, "weights": tuple(value for _, value in spec.weights)}
    if spec.advantage is not None:
        scale = () if spec.advantage.scale is None else (spec.advantage.scale,)
        found["advantage"] = (*spec.advantage.options.values(), *scale)
    return {name: values for name, values in found.items() if values}


def calls(nodes: Iterable[t.Node]) -> set[str]:
    """The functions that some syntax calls."""
    found: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, t.Call):
            found.add(node.function)
        stack.extend(t.children(node))
    return found


def _function(callee: Callee) -> tuple[str, str | None]:
    """`def` or `extern`, and the declaration."""
    if isinstance(callee, DefSpec):
        return "def", text(callee.node)
    within = "" if callee.range == FULL else f" in {callee.range}"
    return "extern", f"extern {signature(callee)}{within}"


def text(node: t.Node | None) -> str | None:
    """An expression or statement as it stands in its file, on one line and without comments."""
    return None if node is None else one_line(node.span.text)


def cut(text: str | None, other: str | None = None) -> str | None:
    """A text short enough to show, from near where it begins to differ from another one."""
    if text is None or len(text) <= LONGEST:
        return text
    same = next((i for i, (x, y) in enumerate(zip(text, other or "", strict=False)) if x != y), 0)
    start = 0 if same < LONGEST // 2 else text.rfind(" ", 0, same - LONGEST // 4) + 1
    end = start + LONGEST
    return ("… " if start else "") + text[start:end] + ("…" if end < len(text) else "")


class Side:
    """One spec, what its values mean, and its syntax."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.plan = compile_spec(spec)
        self.digests = digests(self.plan)
        self.parts = parts(spec)
        self.reads = Reads()
        self.functions = {name: _function(callee) for name, callee in spec.functions.items()}
        self.declared = {s.name: s for s in spec.module.statements if isinstance(s, t.Declaration)}

    def reaching(self, kind: str, name: str) -> Iterator[str]:
        """The parts that read a let, param or column."""
        for part, values in self.parts.items():
            if any(self.read(value, kind, name) for value in values):
                yield part

    def read(self, value: Value, kind: str, name: str) -> bool:
        return self.reads.holds(self.reads.of(value), kind, name)

    def callers(self, function: str) -> list[str]:
        """The declarations of the file that call a function of a file."""
        return [name for name, node in self.declared.items() if function in calls([node])]

    def called(self, name: str) -> set[str]:
        """The functions of a file that a declaration calls, through its lets and other functions too."""
        found: set[str] = set()
        stack: list[t.Node] = [self.declared[name]] if name in self.declared else []
        seen = {name}
        while stack:
            node = stack.pop()
            if isinstance(node, t.Name) and node.name not in seen:
                seen.add(node.name)
                stack.extend([self.declared[node.name]] if node.name in self.declared else [])
            if isinstance(node, t.Call) and node.function in self.spec.functions:
                callee = self.spec.functions[node.function]
                if node.function not in found and isinstance(callee, DefSpec):
                    stack.append(callee.node)
                found.add(node.function)
            stack.extend(t.children(node))
        return found

    def statements(self, kind: type[S]) -> list[S]:
        return [s for s in self.spec.module.statements if isinstance(s, kind)]

    def meant(self, value: Value) -> bytes:
        return self.digests[self.plan.numbers[id(value)]]

    def written(self, kind: type[t.Declaration], name: str) -> str | None:
        """The declaration of a name, where it is of that kind."""
        node = self.declared.get(name)
        return text(node) if isinstance(node, kind) else None

    def term(self, name: str) -> t.Term:
        node = self.declared[name]
        assert isinstance(node, t.Term)
        return node

    def let(self, name: str) -> str | None:
        """What a let stands for, as it is written."""
        node = self.declared.get(name)
        return text(node.value) if isinstance(node, t.Let) else None

    def weight(self, name: str) -> str | None:
        for entry in (e for s in self.statements(t.Reward) for e in s.weights if e.name == name):
            value = dict(self.spec.weights)[name]
            return bare(value.interval) if value.interval.constant is not None else text(entry.value)
        return None
