"""What tests have seen of a spec: each gate and `if` both ways, each term zero and not zero."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rewardkit.checker.draft import below
from rewardkit.checker.spec import Spec, Value
from rewardkit.diagnostics import Span
from rewardkit.runtime.columns import Column
from rewardkit.runtime.engine import Engine
from rewardkit.runtime.reward import Evaluation

Kind = Literal["gate", "if", "term", "skip", "mask", "argument"]
#: how each kind can go: what a condition does where it holds, and where it does not
_WAYS: dict[Kind, tuple[str, str]] = {
    "gate": ("open", "closed"),
    "if": ("true", "false"),
    "term": ("not zero", "zero"),
    "skip": ("true", "false"),
    "mask": ("true", "false"),
    "argument": ("null", "a value"),
}


@dataclass(frozen=True)
class Branch:
    """A place that can go several `ways`: a condition by its text, a term by its name, an argument that may
    be null by its text and the `def` that it is given to."""

    kind: Kind
    name: str
    span: Span
    ways: tuple[str, ...]
    of: str = ""

    def __str__(self) -> str:
        return {
            "gate": f"the gate of `{self.name}`",
            "if": f"`if {self.name}`",
            "term": f"the term `{self.name}`",
            "skip": f"`skip when {self.name}`",
            "mask": f"`mask when {self.name}`",
            "argument": f"the argument `{self.name}` of `{self.of}`",
        }[self.kind]


@dataclass(frozen=True)
class CoverageReport:
    """`seen` of `possible` ways; `missing` are those never seen, in file order."""

    seen: int
    possible: int
    missing: tuple[tuple[Branch, str], ...]

    @property
    def percent(self) -> float:
        return 100 * self.seen / self.possible if self.possible else 100.0

    def to_json(self) -> dict[str, Any]:
        return {
            "seen": self.seen,
            "possible": self.possible,
            "percent": round(self.percent, 2),
            "missing": [
                {"kind": b.kind, "name": b.name, "never": way, **_place(b.span)} for b, way in self.missing
            ],
        }


def _place(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    return {"file": span.source.name, "line": line, "column": column}


_Key = tuple[str, str, int, int]


@dataclass
class Coverage:
    """Gathers what evaluations of one spec have seen.

    Branches are places in the text: a `def` that is written out twice is covered by either.
    """

    spec: Spec
    branches: dict[_Key, Branch] = field(default_factory=dict)
    seen: dict[_Key, set[str]] = field(default_factory=dict)
    _ifs: list[Value] = field(default_factory=list)
    _arguments: list[Value] = field(default_factory=list)  # that they are null

    def __post_init__(self) -> None:
        for name, term in self.spec.terms.items():
            zero = term.interval.contains(Fraction(0))
            ways = (["not zero"] if term.interval.constant != 0 else []) + (["zero"] if zero else [])
            self._expect(Branch("term", name, term.span, tuple(ways)))
            if term.value.data.gated:
                self._expect(Branch("gate", name, term.value.args[1].span, _WAYS["gate"]))
        kinds: tuple[tuple[Kind, tuple[Value, ...]], ...] = (
            ("skip", self.spec.skips),
            ("mask", self.spec.masks),
        )
        for kind, conditions in kinds:
            for condition in conditions:
                self._expect(Branch(kind, _text(condition), condition.span, _WAYS[kind]))
        for value in below(_computed(self.spec)):
            if value.op == "bind" and _without_null(value.args[0]):
                for absent in _leaves(value.args[0].args[0]):
                    self._arguments.append(absent)
                    function = value.span.text.partition("(")[0].strip()
                    self._expect(Branch("argument", _text(absent), absent.span, _WAYS["argument"], function))
            elif value.op == "if" and not _without_null(value):
                self._ifs.append(value)
                self._expect(Branch("if", _text(value.args[0]), value.args[0].span, _WAYS["if"]))

    def _expect(self, branch: Branch) -> None:
        key = _key(branch.kind, branch.span)
        self.branches.setdefault(key, branch)
        self.seen.setdefault(key, set())

    def add(self, evaluation: Evaluation) -> None:
        """Take in what one evaluation has computed."""
        engine = evaluation.engine
        plan = engine.plan
        for name, term in self.spec.terms.items():
            number = plan.terms[name]
            column, rows = engine.columns[number], _reached(engine, number)
            rows = rows & column.done & ~column.null
            data = np.asarray(column.data)
            self._saw("term", term.span, rows & (data != 0), rows & (data == 0))
            if name in plan.gates:
                gate = plan.gates[name]
                self._condition("gate", term.value.args[1].span, engine.columns[gate], _reached(engine, gate))
        for skip in self.spec.skips:
            number = plan.numbers[id(skip)]
            self._condition("skip", skip.span, engine.columns[number], _reached(engine, number), True)
        for mask in self.spec.masks:
            number = plan.numbers[id(mask)]
            self._condition("mask", mask.span, engine.columns[number], _reached(engine, number), True)
        for inner in engine.engines():
            for value in self._ifs:
                found = inner.plan.numbers.get(id(value))
                if found is not None:
                    condition = inner.columns[inner.plan.steps[found].args[0]]
                    self._condition("if", value.args[0].span, condition, _reached(inner, found))
            for absent in self._arguments:
                found = inner.plan.numbers.get(id(absent))
                if found is not None:
                    self._condition("argument", absent.span, inner.columns[found], _reached(inner, found))

    def _condition(
        self, kind: Kind, span: Span, column: Column, rows: NDArray[np.bool_], null_is_false: bool = False
    ) -> None:
        truth = np.asarray(column.data, np.bool_)
        rows = rows & column.done
        known = rows & ~column.null
        self._saw(kind, span, known & truth, (rows if null_is_false else known) & ~(known & truth))

    def _saw(self, kind: Kind, span: Span, first: NDArray[np.bool_], second: NDArray[np.bool_]) -> None:
        seen = self.seen[_key(kind, span)]
        for way, rows in zip(_WAYS[kind], (first, second), strict=True):
            if rows.any():
                seen.add(way)

    def report(self) -> CoverageReport:
        """What was seen, and what never was."""
        missing, seen, possible = [], 0, 0
        for key, branch in self.branches.items():
            possible += len(branch.ways)
            never = [way for way in branch.ways if way not in self.seen[key]]
            seen += len(branch.ways) - len(never)
            missing += [(branch, way) for way in never]
        own = self.spec.source.name
        missing.sort(key=lambda m: (m[0].span.source.name != own, m[0].span.source.name, m[0].span.start))
        return CoverageReport(seen, possible, tuple(missing))


def _without_null(value: Value) -> bool:
    """Whether this is no `if` of the text, but what a call of a `def` is: null where an argument is null."""
    return value.op == "if" and value.args[1].span == value.args[2].span


def _leaves(condition: Value) -> list[Value]:
    """The conditions that `or` joins."""
    found, stack = [], [condition]
    while stack:
        value = stack.pop()
        if value.op == "or":
            stack.extend(reversed(value.args))
        else:
            found.append(value)
    return found


def _computed(spec: Spec) -> list[Value]:
    """What scoring computes: no let that nothing reads."""
    roots = [term.value for term in spec.terms.values()]
    roots += [*spec.skips, *spec.masks, *(weight for _, weight in spec.weights)]
    if spec.advantage is not None and spec.advantage.scale is not None:
        roots.append(spec.advantage.scale)
    return roots


def _reached(engine: Engine, number: int) -> NDArray[np.bool_]:
    """The rows on which a step was wanted."""
    wanted = engine.wanted[number]
    return np.zeros(engine.table.n, np.bool_) if wanted is None else wanted


def _key(kind: str, span: Span) -> _Key:
    return kind, span.source.name, span.start, span.end


def _text(value: Value) -> str:
    return " ".join(value.span.text.split())
