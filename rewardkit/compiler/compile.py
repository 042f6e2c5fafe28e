"""From a checked spec to a plan: equal expressions become one step, and every guard is made explicit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rewardkit.checker.spec import AggregateData, CallData, FoldData, Spec, TermData, Value
from rewardkit.compiler.plan import FoldStep, Guard, Plan, Step
from rewardkit.diagnostics import Span
from rewardkit.types.types import BOOL, Type


def compile_spec(spec: Spec, apart: Collection[str] = ()) -> Plan:
    """The plan of a spec's terms, conditions and weights.

    Lets named by `apart` get a step of their own, so that it can be given without touching an equal
    expression elsewhere.
    """
    builder = _Builder(apart=apart)
    skip = _any(spec.skips)
    mask = _any(spec.masks)
    advantage = spec.advantage
    # a failure is reported under the first let, else term, that reads it
    lets = {name: builder.add(value, name) for name, value in spec.lets.items()}
    terms = {name: builder.add(term.value, name) for name, term in spec.terms.items()}
    gates = {
        name: builder.add(term.value.args[1], name)
        for name, term in spec.terms.items()
        if term.value.data.gated
    }
    return Plan(
        lets=lets,
        terms=terms,
        gates=gates,
        weights=tuple((name, builder.add(weight, name)) for name, weight in spec.weights),
        skip=builder.add(skip, "skip") if skip else None,
        mask=builder.add(mask, "mask") if mask else None,
        scale=builder.add(advantage.scale, "scale") if advantage and advantage.scale else None,
        options={name: builder.add(v, name) for name, v in advantage.options.items()} if advantage else {},
        steps=tuple(builder.steps),
        numbers=builder.numbers,
    )


def compile_expects(conditions: Sequence[Value]) -> Plan:
    """The plan of a test's conditions, over columns named `sample.field`."""
    builder = _Builder()
    expects = tuple(builder.add(condition, "expect") for condition in conditions)
    return Plan(tuple(builder.steps), {}, {}, {}, (), None, None, None, {}, expects)


def _any(conditions: Sequence[Value]) -> Value | None:
    """One condition of several: the first that holds decides, and one that fails does not hold."""
    joined: Value | None = None
    for condition in conditions:
        span = condition.span
        false = Value("constant", (), BOOL, span, data=False)
        settled = Value("coalesce", (condition, false), BOOL, span, level=condition.level)
        joined = settled if joined is None else _or(joined, settled, span)
    return joined


def _or(left: Value, right: Value, span: Span) -> Value:
    return Value("or", (left, right), BOOL, span, level=max(left.level, right.level))


class _Builder:
    """Adds values bottom-up, without recursion: chains of lets may be long."""

    def __init__(
        self,
        fold: Value | None = None,
        captures_of: dict[int, tuple[Value, ...]] | None = None,
        apart: Collection[str] = (),
    ) -> None:
        self.steps: list[Step] = []
        self.numbers: dict[int, int] = {}  # id(value) -> step
        self._keys: dict[tuple[Any, ...], int] = {}
        self._alive: list[Value] = []  # keeps ids valid
        self._apart = frozenset(apart)
        self._captures_of = {} if captures_of is None else captures_of
        self._element: int | None = fold.data.number if fold else None
        self._captures = _captures_of(fold, self._captures_of) if fold else ()

    def add(self, root: Value, owner: str) -> int:
        stack: list[tuple[Value, str, bool]] = [(root, owner, False)]
        while stack:
            value, name, ready = stack.pop()
            if id(value) in self.numbers:
                continue
            if ready:
                self.numbers[id(value)] = self._emit(value, name)
                self._alive.append(value)
                continue
            stack.append((value, name, True))
            if value.op in ("let", "term"):
                name = value.data if value.op == "let" else value.data.name
            stack.extend((child, name, False) for child in reversed(self._children(value)))
        return self.numbers[id(root)]

    def _children(self, value: Value) -> tuple[Value, ...]:
        if self._element is not None and _outside(value, self._element):
            return ()
        if value.op == "fold":
            return (value.args[0], *_captures_of(value, self._captures_of))
        return value.args

    def _emit(self, value: Value, owner: str) -> int:
        if self._element is not None and _outside(value, self._element):
            position = next(i for i, other in enumerate(self._captures) if _same(other, value))
            return self._intern(Step("outer", (), (), value.type, position, owner, value.interval))
        args = tuple(self.numbers[id(child)] for child in self._children(value))
        if value.op == "alias":
            return args[0]
        if value.op in ("let", "bind"):
            number = self._as(value.type, args[0], owner)
            if value.op == "let" and value.data in self._apart:
                step = Step("own", (number,), (None,), value.type, value.data, owner, value.interval)
                return self._intern(step)
            return number
        if isinstance(value.data, CallData) and value.data.function.infer is None:
            wanted = {p.name: p.type for p in value.data.function.parameters}
            args = tuple(
                self._as(wanted[name], arg, owner) for name, arg in zip(value.data.order, args, strict=True)
            )
        data: Any = value.data
        if isinstance(data, FoldData):
            data = self._fold(value, data, owner)
        step = Step(value.op, args, _guards(value, args), value.type, data, owner, value.interval)
        return self._intern(step)

    def _as(self, type_: Type, number: int, owner: str) -> int:
        """The step as the type a `let` or a parameter declares: an int as a real, `null` as a `T?`."""
        step = self.steps[number]
        if step.type.kind == "null":
            return self._intern(Step("constant", (), (), type_, None, owner, step.interval))
        if step.type.kind == "int" and type_.kind == "real":
            return self._intern(Step("widen", (number,), (None,), type_, None, owner, step.interval))
        return number

    def _fold(self, value: Value, data: FoldData, owner: str) -> FoldStep:
        inner = _Builder(value, self._captures_of)
        body = inner.add(value.args[1], owner)
        where = inner.add(value.args[2], owner) if data.has_where else None
        plan = Plan(tuple(inner.steps), {}, {}, {}, (), None, None, None, {}, numbers=inner.numbers)
        return FoldStep(data.function, plan, body, where)

    def _intern(self, step: Step) -> int:
        key = (step.op, step.args, _key(step.data), str(step.type) if step.op == "constant" else "")
        if key not in self._keys:
            self._keys[key] = len(self.steps)
            self.steps.append(step)
        return self._keys[key]


def _same(a: Value, b: Value) -> bool:
    return a is b or (a.op == b.op and _key(a.data) == _key(b.data))


def _captures_of(fold: Value, known: dict[int, tuple[Value, ...]]) -> tuple[Value, ...]:
    """What a fold's body reads of the row around it, in a fixed order."""
    if id(fold) in known:
        return known[id(fold)]
    captures: list[Value] = []
    stack, seen = list(reversed(fold.args[1:])), set[int]()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if _outside(value, fold.data.number):
            if not any(_same(value, other) for other in captures):
                captures.append(value)
        elif value.op == "fold":
            stack.extend(reversed((value.args[0], *_captures_of(value, known))))
        else:
            stack.extend(reversed(value.args))
    known[id(fold)] = tuple(captures)
    return known[id(fold)]


def _outside(value: Value, element: int) -> bool:
    """Whether the body of fold number `element` takes this value from the row around it."""
    if value.op == "element":
        return bool(value.data != element)
    return value.op in ("column", "param", "step", "let", "term")


def _guards(value: Value, args: tuple[int, ...]) -> tuple[Guard | None, ...]:
    """When each argument is wanted."""
    first = args[0] if args else -1
    if value.op == "and":
        return None, Guard(first, "true")
    if value.op == "or":
        return None, Guard(first, "false")
    if value.op == "coalesce":
        return None, Guard(first, "missing")
    if value.op == "if":
        return None, Guard(first, "true"), Guard(first, "false")
    if value.op == "term" and value.data.gated:
        return Guard(args[1], "true"), None, Guard(args[1], "false")
    if value.op == "aggregate" and value.data.has_value and value.data.has_where:
        return Guard(args[1], "true"), None
    return (None,) * len(args)


def _key(data: Any) -> Any:
    """What makes two steps of one op the same."""
    if isinstance(data, CallData):
        return (data.function.name, data.constants, data.order)
    if isinstance(data, TermData):
        return data.name
    if isinstance(data, AggregateData):
        return (data.function, data.scope, data.has_value, data.has_where)
    if isinstance(data, FoldStep):
        return id(data)
    if isinstance(data, Mapping):
        return tuple(sorted(data.items()))
    # True == 1 in Python, but not here
    return (type(data).__name__, data)
