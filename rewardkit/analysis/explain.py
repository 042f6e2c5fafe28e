"""How one row got its reward: the terms with their weights, and below each the values it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rewardkit.checker.spec import Value
from rewardkit.compiler import Step
from rewardkit.runtime.columns import values_of
from rewardkit.runtime.reward import Evaluation, Reward, json_text
from rewardkit.runtime.scores import Scores
from rewardkit.types.types import UNITS

_LONGEST = 100  # characters of a value that are shown
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


def explain(reward: Reward, scores: Scores, evaluation: Evaluation, row: int) -> Part:
    """The tree of one row of an evaluation."""
    if scores.skipped[row]:
        skips = tuple(_Tree(reward, evaluation, row).part(skip) for skip in reward.spec.skips)
        return Part("reward", None, "the row is skipped", skips)
    tree = _Tree(reward, evaluation, row)
    parts = []
    for k, name in enumerate(reward.terms):
        value, weight = scores.matrix[row, k], scores.weights[k]
        share = f"weighs {weight:g}" + ("" if np.isnan(value) else f", adds {weight * value + 0.0:.6g}")
        parts.append(tree.term(name, share))
    metrics = [name for name in reward.plan.terms if name not in reward.terms]
    parts += [tree.term(name, "not weighed") for name in metrics]
    total = scores.total[row]
    remark = "masked: counts in every statistic, its tokens carry no loss" if scores.masked[row] else ""
    return Part("reward", None if np.isnan(total) else float(total), remark, tuple(parts))


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
            parts.append(self.part(value.args[1], "when "))
            if gate is True:
                parts += self._whole(value.args[0])
            elif gate is False and value.args[2].op != "constant":
                parts.append(self.part(value.args[2], "else "))
        else:
            parts += self._whole(value.args[0])
        return Part(name, found, ", ".join(x for x in (share, remark) if x), tuple(parts))

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
        own = value.data if value.op == "column" else " ".join(value.span.text.split())
        text = before + (name or own)
        if name is not None and name in self.seen:
            return Part(text, found, remark, unit=unit)
        if name is not None:
            self.seen.add(name)
            inner = _plain_value(value.args[0])
            shown = " ".join(inner.span.text.split())
            return Part(f"{text} = {_cut(shown)}", found, remark, tuple(self._below(inner, depth)), unit)
        return Part(_cut(text), found, remark, tuple(self._below(value, depth)), unit)

    def _below(self, value: Value, depth: int) -> list[Part]:
        """The nearest names, calls and aggregates below an expression."""
        value = _plain_value(value)
        if value.op == "constant" or depth >= _DEEPEST:
            return []
        if value.op == "let":
            below = [value]
        elif value.op == "fold":  # its body has one value per item, the list has one
            below = [value.args[0]]
        else:
            below = list(_nearest(value))
        return [self.part(child, depth=depth + 1) for child in below]

    def _of(self, value: Value) -> tuple[Any, str]:
        number = self.numbers.get(id(value))
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
    def numbers(self) -> dict[int, int]:
        """The step of each checked expression."""
        if not hasattr(self, "_numbers"):
            self._numbers = _match(self.reward)
        return self._numbers

    @property
    def _faults(self) -> list[Any]:
        return self.evaluation.engine.faults()


def _match(reward: Reward) -> dict[int, int]:
    """Walk values and steps side by side: a value's step is the one at its place in the plan."""
    plan, spec = reward.plan, reward.spec
    found: dict[int, int] = {}
    stack: list[tuple[Value, int]] = [(spec.lets[name], number) for name, number in plan.lets.items()]
    stack += [(term.value, plan.terms[name]) for name, term in spec.terms.items()]
    if plan.skip is not None:
        stack += _skips(spec.skips, plan.steps, plan.skip)
    while stack:
        value, number = stack.pop()
        if plan.steps[number].op == "widen" and value.type.kind == "int":
            number = plan.steps[number].args[0]
        if id(value) in found:
            continue
        found[id(value)] = number
        if value.op in ("let", "alias"):
            stack.append((value.args[0], number))
        elif value.op == "fold":
            stack.append((value.args[0], plan.steps[number].args[0]))
        else:
            stack.extend(zip(value.args, plan.steps[number].args, strict=True))
    return found


def _skips(skips: tuple[Value, ...], steps: tuple[Step, ...], root: int) -> list[tuple[Value, int]]:
    """The steps of the skip conditions, which the plan joins as `(a ?? false) or (b ?? false)`."""
    out: list[tuple[Value, int]] = []
    number = root
    for skip in reversed(skips[1:]):
        number, right = steps[number].args
        out.append((skip, steps[right].args[0]))
    return [*out, (skips[0], steps[number].args[0])]


def _plain_value(value: Value) -> Value:
    while value.op == "alias":
        value = value.args[0]
    return value


def _nearest(value: Value) -> Iterator[Value]:
    """Below an expression: lets, terms, inputs, fields, calls and aggregates, not the operators between."""
    for child in value.args:
        child = _plain_value(child)
        if child.op in ("let", "term", "column", "param", "call", "aggregate", "fold", "field", "index"):
            yield child
        elif child.op != "constant":
            yield from _nearest(child)


def render(part: Part) -> str:
    """The tree as text, one part per line."""
    return "\n".join(_lines(part, "", ""))


def _lines(part: Part, first: str, rest: str) -> Iterator[str]:
    remark = f"  ({part.remark})" if part.remark else ""
    unit = part.unit if part.value is not None else ""
    yield f"{first}{part.text}: {_show(part.value)}{unit}{remark}"
    for i, child in enumerate(part.parts):
        last = i == len(part.parts) - 1
        yield from _lines(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _show(value: Any) -> str:
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
    return value if isinstance(value, str | int | float | bool | None) else _show(value)
