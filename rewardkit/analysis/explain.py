"""How one row got its reward: the terms with their weights, and below each the values it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rewardkit.analysis.reasons import because
from rewardkit.analysis.standing import Advantage, Standing, stand
from rewardkit.checker.spec import Value
from rewardkit.language.sketch import one_line
from rewardkit.runtime.columns import values_of
from rewardkit.runtime.reward import Evaluation, Reward, json_text
from rewardkit.runtime.scores import Scores
from rewardkit.types.types import UNITS

_LONGEST = 120  # characters of a value that are shown
_SHOWN = frozenset(("let", "bind", "term", "column", "param", "call", "aggregate", "fold", "field", "index"))
_DEEPEST = 30  # names below names that are followed


@dataclass(frozen=True)
class Part:
    """One line of the tree. `remark` says why there is no value, or that a gate is closed."""

    text: str
    value: Any
    remark: str = ""
    parts: tuple[Part, ...] = ()
    unit: str = ""

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"text": self.text, "value": _plain(self.value)}
        if self.unit:
            out["unit"] = self.unit
        if self.remark:
            out["remark"] = self.remark
        if self.parts:
            out["parts"] = [part.to_json() for part in self.parts]
        return out


def explain(
    reward: Reward, scores: Scores, evaluation: Evaluation, row: int, whole_batch: bool = False
) -> Part:
    """The tree of one row of an evaluation; `whole_batch` says that its rows are all that whitening needs."""
    if scores.skipped[row]:
        skips = tuple(_Tree(reward, evaluation, row).part(skip) for skip in reward.spec.skips)
        return Part("reward", None, "the row is skipped", skips)
    tree = _Tree(reward, evaluation, row)
    parts = []
    for k, name in enumerate(reward.terms):
        value, weight = float(scores.matrix[row, k]), float(scores.weights[k])
        share = f"weighs {weight:g}" + ("" if np.isnan(value) else f", adds {weight * value + 0.0:.6g}")
        parts.append(tree.term(name, share))
    metrics = [name for name in reward.plan.terms if name not in reward.terms]
    parts += [tree.term(name, "not weighed") for name in metrics]
    standing = stand(scores, row, whole_batch)
    if standing is not None:
        parts.append(_advantage(standing, scores.normalizer or ""))
    total = scores.total[row]
    remark = "masked: counts in every statistic, its tokens carry no loss" if scores.masked[row] else ""
    return Part("reward", _number(total), remark, tuple(parts))


def _advantage(found: Advantage, normalizer: str) -> Part:
    below = [Part(s.name, _number(s.value), _beside(s)) for s in found.standings]
    place = f"{normalizer}, in its group of {found.size}"
    return Part("advantage", found.value, "; ".join(x for x in (place, found.remark) if x), tuple(below))


def _beside(standing: Standing) -> str:
    if not standing.count:
        return "no value in the group"
    std = "no deviation" if np.isnan(standing.std) else f"std {standing.std:.4g}"
    return f"in the group: mean {standing.mean:.4g}, {std}"


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass
class _Tree:
    reward: Reward
    evaluation: Evaluation
    row: int
    seen: set[str] = field(default_factory=set)

    def term(self, name: str, share: str) -> Part:
        value = self.reward.spec.terms[name].value
        plan = self.reward.plan
        found, remark = self._value(plan.terms[name])
        parts = []
        if name in plan.gates:
            gate, _ = self._value(plan.gates[name])
            state = {True: "open", False: "closed", None: "no value"}[gate]
            share += f", gate {state}"
            parts.append(self._gate(value.args[1], gate))
            if gate is True:
                parts += self._whole(value.args[0])
            elif gate is False and value.args[2].op != "constant":
                parts.append(self.part(value.args[2], "else "))
        else:
            parts += self._whole(value.args[0])
        return Part(name, found, ", ".join(x for x in (share, remark) if x), tuple(parts))

    def _gate(self, condition: Value, gate: Any) -> Part:
        """The gate's condition; where it is closed, with what closed it."""
        part = self.part(condition, "when ")
        if gate is True:
            return part
        reasons = because(condition, lambda value: self._of(value)[0], show)
        reason = f"because {' and '.join(reasons)}"
        return replace(part, remark=", ".join(x for x in (part.remark, reason) if x))

    def _whole(self, value: Value) -> list[Part]:
        """A term's expression, unless it is a constant that says all itself."""
        return [] if _plain_value(value).op == "constant" else [self.part(value)]

    def part(self, value: Value, before: str = "", depth: int = 0) -> Part:
        """An expression with what is worth showing below it, so many names deep."""
        value = _plain_value(value)
        name = value.data if value.op == "let" else None
        found, remark = self._of(value)
        unit = UNITS.get(value.type.unit or "", "")
        # a column that a measure reads has the measure's place in the text, and its own name
        own = _written(value)
        if value.op == "bind":
            # an argument has its place in the caller's text, a call of a `def` its body in another
            argument = value.span == value.args[0].span
            own = f"{value.data if argument else own} = {_written(value.args[0])}"
        text = before + (name or own)
        if name is not None and name in self.seen:
            return Part(text, found, remark, unit=unit)
        if name is not None:
            self.seen.add(name)
            inner = _plain_value(value.args[0])
            shown = _written(inner)
            return Part(f"{text} = {_cut(shown)}", found, remark, tuple(self._below(inner, depth)), unit)
        return Part(_cut(text), found, remark, tuple(self._below(value, depth)), unit)

    def _below(self, value: Value, depth: int) -> list[Part]:
        """The nearest names, calls and aggregates below an expression."""
        value = _plain_value(value)
        if value.op == "constant" or depth >= _DEEPEST:
            return []
        bound = value.op == "bind"
        while value.op in ("alias", "bind"):  # an argument that is handed on
            value = value.args[0]
        if bound and value.op in ("column", "param", "step"):
            below = []  # the line itself says it
        elif value.op == "let":
            below = [value]
        elif value.op == "fold":  # its body has one value per item, the list has one
            below = [value.args[0]]
        else:
            below = list(_nearest(value))
        steps = self.reward.plan.numbers
        once = {steps.get(id(child), -1 - i): child for i, child in enumerate(below)}
        return [self.part(child, depth=depth + 1) for child in once.values()]

    def _of(self, value: Value) -> tuple[Any, str]:
        number = self.reward.plan.numbers.get(id(value))
        return (None, "") if number is None else self._value(number)

    def _value(self, number: int) -> tuple[Any, str]:
        column = self.evaluation.engine.columns[number]
        if not column.done[self.row]:
            return None, "not computed"
        if column.fault[self.row]:
            reasons = [f.reason for f in self._faults if f.row == self.row]
            return None, "failed" + (f": {reasons[0]}" if reasons else "")
        return values_of(column, np.array([self.row]))[0], ""

    @property
    def _faults(self) -> list[Any]:
        return self.evaluation.engine.faults()


def _written(value: Value) -> str:
    """What stands in the file; of a name, the name and not what it is declared to be."""
    value = _plain_value(value)
    return str(value.data) if value.op in ("let", "column", "param") else one_line(value.span.text)


def _plain_value(value: Value) -> Value:
    while value.op == "alias":
        value = value.args[0]
    return value


def _nearest(value: Value) -> Iterator[Value]:
    """Below an expression: lets, terms, inputs, fields, calls and aggregates, not the operators between."""
    for child in value.args:
        child = _plain_value(child)
        if child.op in (
            "let",
            "bind",
            "term",
            "column",
            "param",
            "call",
            "aggregate",
            "fold",
            "field",
            "index",
        ):
            yield child
        elif child.op != "constant":
            yield from _nearest(child)


def render(part: Part) -> str:
    """The tree as text, one part per line."""
    return "\n".join(_lines(part, "", ""))


def _lines(part: Part, first: str, rest: str) -> Iterator[str]:
    remark = f"  ({part.remark})" if part.remark else ""
    unit = part.unit if part.value is not None else ""
    yield f"{first}{part.text}: {show(part.value)}{unit}{remark}"
    for i, child in enumerate(part.parts):
        last = i == len(part.parts) - 1
        yield from _lines(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def show(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return _cut('"' + value.replace("\n", "\\n") + '"')
    return _cut(json_text(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else show(value)
