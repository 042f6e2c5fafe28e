"""Checked values as z3 terms: one `Row` holds a row's variables, an `Encoder` what all rows share.

An encoder is `relaxed` (whole numbers are reals, rounding has bounds only: enough for most proofs, and
fast) or exact (for the rest, and for witnesses).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import z3

from rewardkit.checker.builtins import FIELDS
from rewardkit.checker.claims import is_measure, same_source
from rewardkit.checker.spec import Spec, Value
from rewardkit.prover import functions, operations
from rewardkit.prover.computed import UNKNOWN, compute, is_constant
from rewardkit.prover.keys import Keys
from rewardkit.prover.limits import Limits, TooLarge, new_context
from rewardkit.prover.terms import (
    Known,
    Logic,
    Term,
    alike,
    and_,
    either,
    implies,
    inside,
    not_,
    number,
    or_,
    same,
)
from rewardkit.types.function import Argument, Function, TypingError
from rewardkit.types.interval import (
    FULL,
    NON_NEGATIVE,
    UNIT,
    Interval,
    intersect,
    whole,
)
from rewardkit.types.types import BOOL, Type

#: values of constants that are computed for one claim
_MOST_COMPUTED = 100


@dataclass(eq=False)
class Applied:
    """One use of a function that is known only by what is declared of it."""

    key: tuple[Any, ...]
    args: tuple[Known, ...]
    result: Known
    value: Value
    row: Row


@dataclass(eq=False)
class Row:
    """One row's variables. Values that `owns` refuses are those of `shared`."""

    name: str
    owns: Callable[[Value], bool] = lambda value: True
    shared: Row | None = None
    moved: Value | None = None  # what a claim moves: a measure is then free of its text
    known: dict[int, Known] = field(default_factory=dict)

    def home(self, value: Value) -> Row:
        return self if self.shared is None or self.owns(value) else self.shared.home(value)


class Encoder:
    """Translates values for rows, and gathers what is known of the variables in `facts`."""

    def __init__(self, spec: Spec, *, relaxed: bool, limits: Limits | None = None) -> None:
        self.spec = spec
        self.relaxed = relaxed
        self.limits = limits or Limits()
        self.context = new_context()
        self.facts: list[Logic] = []
        self.applied: list[Applied] = []
        self.sources: dict[tuple[Any, ...], tuple[Row, Value, Known]] = {}
        self.aggregates: list[tuple[Value, Row, Known]] = []
        self.keys = Keys()
        self.computed: list[tuple[Value, Any]] = []
        self._aggregated: dict[tuple[int, int, bool], Known] = {}
        self.literals: dict[Any, int] = {}
        self.settled: set[int] = set()  # parts whose failure the spec settles
        self.settled_calls: set[str] = set()
        self.curves: dict[str, list[tuple[Term, Term]]] = {}  # of functions known by bounds only
        self.degree = 0  # the most variables that are multiplied in one value
        self.exact = True  # whether nothing was translated by bounds only
        self._alike: dict[tuple[Any, ...], list[Applied]] = {}
        self.parts = self._pairs = self._names = 0
        self._degrees: dict[int, int] = {}  # id(value) -> how many variables are multiplied in it

    # --- entry points --------------------------------------------------------------------------

    def prepare(self, roots: Iterable[Value]) -> None:
        """Find the parts whose failures the spec settles: elsewhere nothing fails."""
        stack, seen = [(root, False) for root in roots], set[tuple[int, bool]]()
        while stack:
            value, inside_ = stack.pop()
            if (id(value), inside_) in seen:
                continue
            seen.add((id(value), inside_))
            if inside_:
                self.settled.add(id(value))
                if value.op == "call":
                    self.settled_calls.add(value.data.function.name)
            for position, arg in enumerate(value.args):
                settles = value.op == "failed" or (value.op == "coalesce" and position == 0)
                stack.append((arg, inside_ or settles))

    def encode(self, root: Value, row: Row) -> Known:
        """The value on the row. Iterative, since chains of lets may be long."""
        stack = [(root, False)]
        while stack:
            value, ready = stack.pop()
            home = row.home(value)
            if id(value) in home.known:
                continue
            if not ready:
                if self._computed(value, home):
                    continue
                stack.append((value, True))
                stack.extend((child, False) for child in reversed(self._children(value)))
                continue
            self.parts += 1
            if self.parts > self.limits.parts:
                raise TooLarge("it is made of too many values")
            args = [row.home(child).known[id(child)] for child in self._children(value)]
            self._measure(value, args)
            home.known[id(value)] = self._value(value, args, home)
        return row.home(root).known[id(root)]

    def _computed(self, value: Value, home: Row) -> bool:
        """Give what the library makes of constants its own value; whether it is that."""
        if value.op not in ("call", "field", "index") or value.type.kind not in (
            "bool",
            "int",
            "real",
            "text",
        ):
            return False
        if (value.op == "call" and value.data.function.name in functions.EXACT) or not is_constant(value):
            return False
        found = compute(self.spec, value) if len(self.computed) < _MOST_COMPUTED else UNKNOWN
        if found is UNKNOWN:
            return False
        self.computed.append((value, found))
        if isinstance(found, int | float) and not isinstance(found, bool):
            found = Fraction(found)
        home.known[id(value)] = self.constant(found, value.type)
        self._degrees[id(value)] = 0
        return True

    def _children(self, value: Value) -> tuple[Value, ...]:
        """What must be known first: of an aggregate nothing, of a fold its list and what its body reads."""
        if value.op == "aggregate":
            return ()
        return (value.args[0], *self.keys.captures(value)) if value.op == "fold" else value.args

    def _measure(self, value: Value, args: list[Known]) -> None:
        """Hold products to a degree: their cost grows faster than any limit on their number."""
        of_args = [self._degrees[id(child)] for child in self._children(value)]
        if value.op in ("mul", "div"):
            degree = sum(of_args)
        elif value.op == "constant":
            degree = 0
        elif value.op == "call" and value.data.function.name in functions.EXACT:
            degree = sum(of_args) if value.data.function.name in functions.MULTIPLIES else max(of_args)
        elif value.op in ("call", "fold", "field", "index", "list", "aggregate"):
            degree = 1
        else:
            degree = max(of_args, default=1)
        if degree > self.limits.degree:
            raise TooLarge("it multiplies too many values with each other")
        self._degrees[id(value)] = degree
        self.degree = max(self.degree, degree)

    def count_pairs(self, pairs: int) -> None:
        self._pairs += pairs
        if self._pairs > self.limits.pairs:
            raise TooLarge("it makes too many calls of one function")

    def fact(self, fact: Logic) -> None:
        if fact is not True:
            self.facts.append(fact)

    # --- variables -----------------------------------------------------------------------------

    def variable(self, type_: Type, name: str) -> Term:
        self._names += 1
        name = f"{name}#{self._names}"
        if type_.kind == "bool":
            return z3.Bool(name, self.context)
        if type_.kind == "real" or (type_.kind == "int" and self.relaxed):
            return z3.Real(name, self.context)
        whole = z3.Int(name, self.context)
        return z3.ToReal(whole) if type_.kind == "int" else whole

    def flag(self, name: str) -> Term:
        return self.variable(BOOL, name)

    def constant(self, value: Any, type_: Type) -> Known:
        if value is None:
            return Known(self.variable(type_, "null") if type_.kind == "bool" else self._zero(type_), True)
        if isinstance(value, bool):
            return Known(value)
        if isinstance(value, Fraction):
            if max(value.numerator.bit_length(), value.denominator.bit_length()) > self.limits.digits:
                raise TooLarge("a number in it has too many digits")
            return Known(number(value, self.context), interval=Interval(value, value))
        key = (type_.kind, value)  # `[]` is the empty list of any type
        return Known(z3.IntVal(self.literals.setdefault(key, len(self.literals)), self.context))

    def _zero(self, type_: Type) -> Term:
        if type_.is_number:
            return number(0, self.context)
        return z3.IntVal(-1, self.context)

    def source(self, value: Value, row: Row, key: tuple[Any, ...], interval: Interval) -> Known:
        """A value that comes with the row: the same wherever the row reads it."""
        key = (id(row), *key)
        if key not in self.sources:
            name = f"{row.name}.{value.data or 'step'}"
            term = self.variable(value.type, name)
            null = self.flag(name + " is null") if value.type.optional else False
            if value.type.is_number:
                self.fact(inside(term, interval, self.context))
            self.sources[key] = (row, value, Known(term, null, False, interval))
        return self.sources[key][2]

    # --- values --------------------------------------------------------------------------------

    def _value(self, value: Value, args: list[Known], row: Row) -> Known:
        op = value.op
        if op in ("alias", "let", "bind"):
            (inner,) = args
            # a null literal given a type: its term has that type's sort
            return self.constant(None, value.type) if inner.null is True else inner
        if op in operations.OPERATIONS:
            return operations.OPERATIONS[op](self, value, args)
        if op == "constant":
            return self.constant(value.data, value.type)
        if op in ("column", "param", "step"):
            return self._source(value, row)
        if op == "call":
            return self._call(value, args, row)
        if op == "aggregate":
            return self._aggregate(value, row)
        # `field`, `index`, `list` and `fold`: known by what goes in only
        if op == "fold":
            may_fail = value.faults and id(value) in self.settled
            interval = _fold_interval(value)
            if len(args) == 1:  # it reads nothing that a gate around it could have narrowed
                interval = intersect(interval, value.interval)
            key = ("fold", self.keys.of(value), may_fail)
            return self.apply(key, tuple(args), value, row, interval, value.type.optional, may_fail)
        interval = value.interval if op == "field" else FULL
        may_be_null = value.type.optional
        if op == "field":  # beside that of what it is a field of
            may_be_null = FIELDS[value.args[0].type.kind][value.data].optional
        return self.apply(
            (op, str(value.data), str(value.type)), tuple(args), value, row, interval, may_be_null
        )

    def _source(self, value: Value, row: Row) -> Known:
        if value.op == "step":
            return self.source(value, row, ("step",), NON_NEGATIVE)
        if value.op == "param":
            interval = self.spec.params[value.data].range or FULL
        elif value.data in self.spec.inputs:
            interval = self.spec.inputs[value.data].range or FULL
        else:
            interval = NON_NEGATIVE if value.type.is_number else FULL
        if value.type.kind == "int":
            interval = whole(interval)
        return self.source(value, row, (value.op, value.data), interval)

    def _call(self, value: Value, args: list[Known], row: Row) -> Known:
        function: Function = value.data.function
        if row.moved is not None and same_source(value, row.moved):
            return self.source(value, row, ("measure", value.path), NON_NEGATIVE)
        exact = functions.EXACT.get(function.name)
        if exact is not None and not is_measure(value):
            null, fault = or_(*(a.null for a in args)), or_(*(a.fault for a in args))
            interval = _inferred(function, value, args)
            if function.name in functions.SATURATES:
                interval = Interval(interval.lo, interval.hi)
            term = exact(self, value, args, interval)
            fails = function.faults or operations.may_round_off(value)
            if fails and value.faults and id(value) in self.settled:
                null, fault = operations.may_overflow(self, value, term, null, fault)
            return Known(term, null, fault, interval)
        interval = function.range if function.infer is None else _inferred(function, value, args)
        key = ("call", function.name, value.data.constants, value.data.order)
        may_fail = function.faults and function.name in self.settled_calls
        return self.apply(key, tuple(args), value, row, interval, function.result.optional, may_fail)

    def apply(
        self,
        key: tuple[Any, ...],
        args: tuple[Known, ...],
        value: Value,
        row: Row,
        interval: Interval,
        may_be_null: bool,
        may_fail: bool = False,
    ) -> Known:
        """A function of which only what is declared is known; given the same, it gives the same.

        Given null it is null and not called; of a fold, only the list counts.
        """
        known = self._alike.setdefault(key, [])
        for other in known:
            if all(alike(a, b) is True for a, b in zip(args, other.args, strict=True)):
                self.applied.append(Applied(key, args, other.result, value, row))
                return other.result
        name = f"{row.name}.{value.span.text[:40]}"
        term = self.variable(value.type, name)
        if value.type.is_number:
            self.fact(inside(term, interval, self.context))
        own_null = self.flag(name + " is null") if may_be_null else False
        own_fault = self.flag(name + " fails") if may_fail else False
        strict = args[:1] if value.op == "fold" else args
        given_null, given_fault = or_(*(a.null for a in strict)), or_(*(a.fault for a in strict))
        fault = or_(given_fault, and_(not_(given_null), own_fault))
        result = Known(term, or_(given_null, own_null, own_fault), fault, interval)
        self.count_pairs(len(known))
        for other in known:
            equal = and_(*(alike(a, b) for a, b in zip(args, other.args, strict=True)))
            if equal is not False:
                agree = and_(alike(result, other.result), same(result.fault, other.result.fault))
                self.fact(implies(equal, agree))
        made = Applied(key, args, result, value, row)
        known.append(made)
        self.applied.append(made)
        return result

    def _aggregate(self, value: Value, row: Row) -> Known:
        """A free number in its range; `aggregates.py` says what the rows at hand make of it."""
        may_fail = value.faults and id(value) in self.settled
        key = (id(row), self.keys.of(value), may_fail)
        if key not in self._aggregated:
            name = f"{row.name}.{value.span.text[:40]}"
            term = self.variable(value.type, name)
            fault: Logic = self.flag(name + " fails") if may_fail else False
            null = or_(self.flag(name + " is null") if value.type.optional else False, fault)
            self._aggregated[key] = Known(term, null, fault, FULL)
        self.aggregates.append((value, row, self._aggregated[key]))
        return self._aggregated[key]

    def as_number(self, known: Known, type_: Type) -> Known:
        """A condition as the number that a term or an aggregate makes of it."""
        if type_.kind != "bool":
            return known
        one, zero = number(1, self.context), number(0, self.context)
        return Known(either(known.term, one, zero), known.null, known.fault, UNIT)


def _inferred(function: Function, value: Value, args: list[Known]) -> Interval:
    """What the function's own rule says of arguments in these ranges."""
    if function.infer is None:
        return function.range
    arguments = tuple(Argument(v.type.required, a.interval) for v, a in zip(value.args, args, strict=True))
    try:
        return function.infer(arguments).interval
    except TypingError:  # only a gate says that the arguments are right
        return FULL


def _fold_interval(fold: Value) -> Interval:
    """What holds of a fold for any list."""
    name, body = fold.data.function, fold.args[1]
    if name == "count":
        return NON_NEGATIVE
    if body.type.kind == "bool":
        return UNIT if name == "mean" else NON_NEGATIVE
    if body.op == "call" and body.data.function.infer is None and name in ("mean", "min", "max"):
        declared: Interval = body.data.function.range
        return declared
    return FULL
