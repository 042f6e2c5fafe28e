"""What a spec means to training, as one value: two specs with equal meanings score and rank alike.

It decides whether a mutant is one: the steps that the reward reads, without names, with what never acts left
out (a bound that no value reaches, a comparison that is settled by ranges), and the weights without a common
factor where the normalizer takes it out again. It proves equality only; unequal values prove nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from rewardkit.checker.spec import AggregateData, CallData, Spec, TermData
from rewardkit.compiler import FoldStep, Plan, Step
from rewardkit.types.interval import Interval
from rewardkit.types.normalizer import PROFILES, resolved

#: a step, by its number among the distinct steps seen so far
Id = int
#: comparisons with those that hold where they do not; of null both are null
_OPPOSITES = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


@dataclass
class Meanings:
    """Gives equal numbers to equal steps, over all the plans it is asked about."""

    _numbers: dict[Any, Id] = field(default_factory=dict)
    _forms: list[Any] = field(default_factory=list)

    def of(self, spec: Spec, plan: Plan, params: Mapping[str, Any]) -> Any:
        """The meaning of a compiled spec with these params."""
        steps = self._steps(plan, params)
        roots = [None if n is None else steps[n] for n in (plan.skip, plan.mask, plan.scale)]
        terms = tuple(steps[plan.terms[name]] for name, _ in plan.weights)
        weights = self._weights([steps[number] for _, number in plan.weights], spec, plan)
        advantage = None
        if spec.advantage is not None:
            options = tuple(sorted((name, steps[number]) for name, number in plan.options.items()))
            advantage = (spec.advantage.name, options)
        return terms, weights, tuple(roots), advantage, spec.reward_range

    def to_tests(self, plan: Plan, params: Mapping[str, Any]) -> Any:
        """What tests can see of a compiled spec besides its meaning: every let, term and weight."""
        steps = self._steps(plan, params)
        named = [(name, steps[number]) for names in (plan.lets, plan.terms) for name, number in names.items()]
        return tuple(named), tuple(steps[number] for _, number in plan.weights)

    def _weights(self, weights: list[Id], spec: Spec, plan: Plan) -> tuple[Any, ...]:
        """The weights; divided by their sum where advantages do not change with a common factor."""
        constants = [self._constant(weight) for weight in weights]
        size = sum((abs(c) for c in constants if isinstance(c, Fraction)), Fraction(0))
        if (
            not _takes_factors_out(spec, plan)
            or size == 0
            or not all(isinstance(c, Fraction) for c in constants)
        ):
            return tuple(weights)
        return tuple(c / size for c in constants if isinstance(c, Fraction))

    # --- steps -------------------------------------------------------------------------------------

    def _steps(self, plan: Plan, params: Mapping[str, Any]) -> list[Id]:
        found: list[Id] = []
        for step in plan.steps:
            found.append(self._step(step, [found[arg] for arg in step.args], plan, params))
        return found

    def _step(self, step: Step, args: list[Id], plan: Plan, params: Mapping[str, Any]) -> Id:
        settled = self._settled(step, args, [plan.steps[arg] for arg in step.args])
        if settled is not None:
            return settled
        data = self._data(step, params)
        if step.op in ("add", "mul", "eq", "ne"):
            args = sorted(args)
        kind = str(step.type) if step.op in ("constant", "column", "widen") else ""
        return self._number((step.op, tuple(args), data, kind))

    def _data(self, step: Step, params: Mapping[str, Any]) -> Any:
        data = step.data
        if isinstance(data, CallData):
            return data.function.name, data.constants, data.order
        if isinstance(data, TermData):
            return data.range, data.gated, data.otherwise_null
        if isinstance(data, AggregateData):
            return data.function, data.scope, data.has_value, data.has_where
        if isinstance(data, FoldStep):
            body = self._steps(data.body, params)
            where = None if data.where is None else body[data.where]
            return data.function, body[data.value], where
        if step.op == "param":
            return data, params[data]
        if step.op == "element":
            return None  # the innermost fold's
        return type(data).__name__, data

    def _settled(self, step: Step, args: list[Id], below: list[Step]) -> Id | None:
        """The number of a simpler step that always has the same value."""
        op = step.op
        if op in ("own", "widen") and self._constant(args[0]) is None:
            return args[0] if op == "own" else None
        constants = all(isinstance(self._constant(arg), Fraction) for arg in args)
        if op in ("add", "sub", "mul", "div", "neg", "widen") and constants:
            value = step.interval.constant
            return None if value is None else self._true(value)
        if op in ("lt", "le", "gt", "ge", "eq", "ne") and all(map(_certain, below)):
            holds = _decided(op, below[0].interval, below[1].interval)
            return None if holds is None else self._true(holds)
        if op == "not":
            return self._negated(args[0])
        if op in ("and", "or"):
            return self._logic(op, args)
        if op == "if" and isinstance(truth := self._constant(args[0]), bool):
            return args[1] if truth else args[2]
        if op == "term" and step.data.gated and self._constant(args[1]) is True:
            return self._number(("term", (args[0],), (step.data.range, False, False), ""))
        if op == "call" and step.data.function.name == "clamp" and len(args) == 3:
            return self._clamped(args, [s.interval for s in below])
        return None

    def _negated(self, arg: Id) -> Id | None:
        truth = self._constant(arg)
        if isinstance(truth, bool):
            return self._true(not truth)
        form = self._forms[arg]
        if form[0] in _OPPOSITES:
            return self._number((_OPPOSITES[form[0]], *form[1:]))
        inner: Id | None = form[1][0] if form[0] == "not" else None
        return inner

    def _logic(self, op: str, args: list[Id]) -> Id | None:
        decides = op == "or"
        for i, arg in enumerate(args):
            truth = self._constant(arg)
            if isinstance(truth, bool):
                # what decides from the right leaves a null on the left as it is
                if truth is not decides:
                    return args[1 - i]
                if i == 0:
                    return arg
        return None

    def _clamped(self, args: list[Id], intervals: list[Interval]) -> Id | None:
        """A clamp of which a bound never acts: nothing is below the lower one, or above the upper one."""
        x, lo, hi = intervals
        low = lo.hi is None or x.lo is None or x.lo < lo.hi
        high = hi.lo is None or x.hi is None or x.hi > hi.lo
        if low and high:
            return None
        return self._number(
            ("clamp", (args[0], args[1] if low else None, args[2] if high else None), None, "")
        )

    def _constant(self, number: Id) -> Fraction | bool | None:
        form = self._forms[number]
        value = form[2][1] if form[0] == "constant" else None
        return value if isinstance(value, Fraction | bool) else None

    def _true(self, value: Fraction | bool) -> Id:
        kind = "bool" if isinstance(value, bool) else "real"
        return self._number(("constant", (), (type(value).__name__, value), kind))

    def _number(self, form: Any) -> Id:
        if form not in self._numbers:
            self._numbers[form] = len(self._forms)
            self._forms.append(form)
        return self._numbers[form]


def _takes_factors_out(spec: Spec, plan: Plan) -> bool:
    """Whether advantages stay the same when all weights are multiplied by one positive number."""
    if spec.advantage is None:
        return False
    name = spec.advantage.name
    if name not in PROFILES:
        return False
    decide = ("profile", "whiten", "single", "baseline")
    steps = {option: plan.steps[number] for option, number in plan.options.items() if option in decide}
    if any(step.op != "constant" for step in steps.values()):
        return False  # a param decides
    options = resolved(name, {option: step.data for option, step in steps.items()})
    if name == "grpo":
        # a raw reward, and one that the others' deviation of 0 does not divide, keep the factor
        return (options["single"], options["baseline"]) == ("zero", "group")
    return name == "batch" or bool(options["whiten"] != "none")


def _certain(step: Step) -> bool:
    """Whether a step has a value on every row, so that its range settles a comparison."""
    if step.type.optional:
        return False
    pure = step.op == "call" and not step.data.function.faults
    return step.op in ("constant", "column", "param", "step") or (pure and step.data.order == ("x",))


def _decided(op: str, a: Interval, b: Interval) -> bool | None:
    """How a comparison of two ranges ends, where it always ends the same way."""
    if op in ("gt", "ge"):
        return _decided("lt" if op == "gt" else "le", b, a)
    if op == "ne":
        equal = _decided("eq", a, b)
        return None if equal is None else not equal
    if op == "eq":
        if a.constant is not None and a.constant == b.constant:
            return True
        apart = _decided("lt", a, b) or _decided("lt", b, a)
        return False if apart else None
    below = a.hi is not None and b.lo is not None and (a.hi < b.lo or (op == "le" and a.hi == b.lo))
    above = a.lo is not None and b.hi is not None and (a.lo > b.hi or (op == "lt" and a.lo == b.hi))
    return True if below else False if above else None
