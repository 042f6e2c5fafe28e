"""Where rounding could take a number across 0, although the exact number keeps its sign.

Intervals are of exact numbers and a run computes with floats: `1 / (x - 0.1 - 0.2)` for `x` in `[0.31, 1]`
is sound both ways, but with `x` in `[0.3000000000000001, 1]` the difference may come out as 0. Such a
division (and such a `log` or `sqrt`) may fail, and says so in `Value.faults`.
"""

from __future__ import annotations

from fractions import Fraction

from rewardkit.checker.relations import bare_of, is_part
from rewardkit.checker.spec import CallData, Value
from rewardkit.types.interval import Interval

_MOST = 60  # values looked at
_SLACK = Fraction(1, 10**9)
_LARGE = 10**5
_SMALLEST = Fraction(1, 2**1000)
_KEEPS_SIGN = ("max", "min", "clamp", "abs", "sqrt", "exp", "tanh", "sigmoid", "length.target")


def keeps_sign(value: Value) -> bool:
    """Whether what floats compute has the sign of the exact number; of an interval on one side of 0."""
    looks, stack = 0, [value]
    while stack:
        looks, one = looks + 1, stack.pop()
        wanted = _wanted(one)
        if wanted is None or looks > _MOST:
            return False
        stack += wanted
    return True


def stays_within(value: Value, declared: Interval) -> bool:
    """Whether rounding cannot take a term out of its range, as in `1e16 + x - 1e16`."""
    ends = [abs(end) for end in (declared.lo, declared.hi) if end is not None]
    most, looks, stack = max([Fraction(1), *ends]) * _LARGE, 0, [value]
    while stack:
        looks, one = looks + 1, bare_of(stack.pop())
        if looks > _MOST:
            return False
        if one.op in ("add", "sub"):
            ends = [e for arg in one.args for e in (arg.interval.lo, arg.interval.hi) if e is not None]
            if any(abs(end) > most for end in ends):
                return False
        if one.op in ("add", "sub", "mul", "div", "neg", "if", "coalesce"):
            stack += one.args[one.op == "if" :]
    return True


def _wanted(value: Value) -> tuple[Value, ...] | None:
    """The parts whose signs must be kept as well; `None` where that would not be enough."""
    interval = value.interval
    if value.op in ("alias", "let", "bind"):
        # a test compares what was computed, so what it excludes is excluded for floats too
        inner = value.args[0]
        return () if _excludes(interval) and not _excludes(inner.interval) else (inner,)
    bare = bare_of(value)
    args = bare.args
    if bare.op in ("column", "param", "step", "constant", "element", "field", "index"):
        return ()
    if bare.op == "call" and isinstance(bare.data, CallData):
        return _of_call(bare, bare.data)
    if _far(bare, args):
        return ()
    if bare.type.kind == "int" and bare.op in ("add", "sub"):
        return args  # ints are exact, unless they were rounded
    if bare.op in ("add", "sub"):
        if bare.op == "sub" and not _excludes(interval):
            plain = all(bare_of(arg).op not in ("add", "sub") for arg in args)
            if plain and (is_part(*args) or is_part(*args[::-1])):
                return ()  # `max(x, y) - x`: rounding is monotone
        signs = [_sign(arg.interval) for arg in args]
        agree = signs[0] == (signs[1] if bare.op == "add" else -signs[1]) != 0
        return args if agree else None
    if bare.op in ("mul", "div", "neg", "coalesce"):
        return args
    if bare.op == "if":
        return args[1:]
    if bare.op == "term":
        return (args[0], *args[2:])
    if bare.op in ("aggregate", "fold"):
        kept = bare.data.function in ("count", "rank", "min", "max", "mean", "sum", "any", "all")
        body = args[bare.op == "fold" :][:1] if bare.op == "fold" or bare.data.has_value else ()
        return (tuple(b for b in body if b.type.is_number)) if kept else None
    return ()


def _of_call(value: Value, data: CallData) -> tuple[Value, ...] | None:
    function, args = data.function, value.args
    if function.infer is None:
        return ()  # held to its range where it is computed
    if value.type.kind == "int" and all(arg.type.kind == "int" for arg in args):
        return args if function.name in _KEEPS_SIGN else ()
    if function.name in ("max", "min"):  # one part that keeps its sign decides
        sign = 1 if function.name == "max" else -1
        sure = [arg for arg in args if _sign(arg.interval) == sign and _excludes(arg.interval)]
        return tuple(sorted(sure, key=lambda arg: len(arg.args))[:1]) or args
    if function.name in ("round", "floor", "ceil"):
        return () if _far(value, (value,), Fraction(2)) or bare_of(args[0]).op == "column" else None
    if function.name in ("abs", "sqrt", "exp", "sigmoid") and not _excludes(value.interval):
        return ()
    if function.name in _KEEPS_SIGN:
        return args
    return () if function.name == "len" or _far(value, args) else None


def _excludes(a: Interval) -> bool:
    return not a.contains(Fraction(0))


def _sign(a: Interval) -> int:
    """1 for what is never negative, -1 for what is never positive."""
    return 1 if a.lo is not None and a.lo >= 0 else -1 if a.hi is not None and a.hi <= 0 else 0


def _far(value: Value, args: tuple[Value, ...], least: Fraction | None = None) -> bool:
    """Whether 0 is further off than rounding reaches, which the size of the parts decides."""
    a = value.interval
    near = a.lo if a.lo is not None and a.lo > 0 else -a.hi if a.hi is not None and a.hi < 0 else None
    if near is None or near < _SMALLEST:
        return False
    if least is not None:
        return near >= least
    ends = [end for arg in args for end in (arg.interval.lo, arg.interval.hi)]
    return all(end is not None and abs(end) * _SLACK <= near for end in ends)
