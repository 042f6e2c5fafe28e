"""What lints ask of checked values: what they read, and what stands below names and narrowing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import or_
from weakref import WeakKeyDictionary

from rewardkit.checker.builtins import MEASURES
from rewardkit.checker.spec import Spec, TermSpec, Value
from rewardkit.diagnostics import Edit, Fix
from rewardkit.types.interval import Interval
from rewardkit.types.types import UNKNOWN

_THROUGH = ("alias", "bind", "let")
#: names of names that are followed, and parts of one condition: more settle nothing
_MOST_NAMES, _MOST_PARTS = 100, 100


def plain(value: Value) -> Value:
    """The value below names and narrowing."""
    for _ in range(_MOST_NAMES):
        if value.op not in _THROUGH:
            break
        value = value.args[0]
    return value


def walk(*roots: Value) -> Iterator[Value]:
    """Every value at or below the roots, each once, from the top."""
    stack, seen = list(reversed(roots)), set[int]()
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        stack.extend(reversed(value.args))


def function(value: Value) -> str:
    """The name of the function that a value calls; `""` where it calls none."""
    return str(value.data.function.name) if value.op == "call" else ""


def replaced(outer: Value, *edits: Edit, title: str) -> Fix | None:
    """A fix of parts of a value; `None` where one stands elsewhere, as what a `def` is given does."""
    inside = all(
        edit.span.source is outer.span.source
        and outer.span.start <= edit.span.start <= edit.span.end <= outer.span.end
        for edit in edits
    )
    return Fix(title, edits) if inside else None


def measure(value: Value) -> str | None:
    """`completion.tokens`, `.words` and the like, or `len` of the completion's text, as it is written."""
    value = plain(value)
    if value.op == "column":
        return "completion.tokens" if value.data == "completion.tokens" else None
    name = function(value)
    if name in MEASURES and (value.path or "").startswith("completion."):
        return value.path
    if name == "len" and any(plain(arg).data == "completion.text" for arg in value.args):
        return "len(completion.text)"
    return None


@dataclass(frozen=True)
class Reads:
    """What the values below some roots look at."""

    lengths: frozenset[str] = frozenset()  # measures of the completion's length, as they are written
    form: bool = False  # other columns of the completion
    gold: bool = False  # what can tell right from wrong: inputs, judges, programs that run
    endless: bool = False  # an input whose numbers have no lowest value
    step: bool = False

    def __or__(self, other: Reads) -> Reads:
        if self == other:
            return self
        return Reads(
            self.lengths | other.lengths,
            self.form or other.form,
            self.gold or other.gold,
            self.endless or other.endless,
            self.step or other.step,
        )

    @property
    def length(self) -> str:
        """One of the lengths, tokens before others."""
        return min(self.lengths, key=lambda name: (name != "completion.tokens", name))

    @property
    def surface_only(self) -> bool:
        """Whether the completion alone decides, whatever the right answer is."""
        return bool(self.lengths or self.form) and not self.gold


_NOTHING = Reads()
#: what was found out already: many lints ask the same of the same values
_KNOWN: WeakKeyDictionary[Value, Reads] = WeakKeyDictionary()


def reads(*roots: Value) -> Reads:
    stack = list(roots)
    while stack:
        value = stack[-1]
        if value in _KNOWN:
            stack.pop()
            continue
        own = _own(value)
        below = () if own.lengths else value.args
        missing = [arg for arg in below if arg not in _KNOWN]
        if missing:
            stack += missing
            continue
        _KNOWN[value] = reduce(or_, (_KNOWN[arg] for arg in below), own)
        stack.pop()
    return reduce(or_, (_KNOWN[root] for root in roots), _NOTHING)


def _own(value: Value) -> Reads:
    name = measure(value)
    if name:
        return Reads(lengths=frozenset((name,)))
    if value.op == "step":
        return Reads(step=True)
    if value.type == UNKNOWN or (value.op == "call" and value.data.function.purity != "pure"):
        return Reads(gold=True)
    if value.op != "column":
        return _NOTHING
    root = str(value.data).partition(".")[0]
    if root == "completion":
        return Reads(form=True)
    if root == "prompt" or value.type.unit:  # an amount of tokens is a budget, no answer
        return _NOTHING
    return Reads(gold=True, endless=value.type.is_number and value.interval.lo is None)


def weighted(spec: Spec) -> Iterator[tuple[TermSpec, Value, int, Fraction | None]]:
    """Each term of the reward with its weight, the weight's sign (0 if either) and its largest size."""
    for name, weight in spec.weights:
        interval = weight.interval
        top = plain(weight)
        if top.op == "param" and top.data in spec.params and (interval.lo is None or interval.hi is None):
            default = spec.params[top.data].default
            interval = Interval(default, default)
        size = _size(interval)
        if size == 0:
            continue
        positive = interval.lo is not None and interval.lo >= 0
        negative = interval.hi is not None and interval.hi <= 0
        yield spec.terms[name], weight, 1 if positive else -1 if negative else 0, size


def _size(interval: Interval) -> Fraction | None:
    if interval.lo is None or interval.hi is None:
        return None
    return max(abs(interval.lo), abs(interval.hi))


def width(interval: Interval) -> Fraction | None:
    """How far the ends lie apart; `None` where one of them does not exist."""
    return None if interval.lo is None or interval.hi is None else interval.hi - interval.lo


def term_parts(term: TermSpec) -> tuple[Value, Value | None, Value | None]:
    """A term's value, its gate and what a closed gate gives."""
    args = term.value.args
    return (args[0], args[1], args[2]) if term.value.data.gated else (args[0], None, None)


def tells_right(condition: Value) -> bool:
    """Whether a condition holds where something is right: a verifier's word, an equality, a flag of the row.

    Tests for null, negations and upper bounds are not: what they hold for may be right or wrong.
    """
    stack, seen = [condition], set[int]()
    while stack and len(seen) < _MOST_PARTS:
        value = plain(stack.pop())
        if id(value) in seen:
            continue
        seen.add(id(value))
        if value.op == "coalesce" and plain(value.args[1]).data is False:
            stack.append(value.args[0])
        elif value.op == "and":
            stack.extend(value.args)
        elif value.op in ("eq", "gt", "ge", "call", "column") and reads(value).gold:
            return True
    return False
