"""Keywords of any value, of numbers and of texts: each a function from what a schema says to a test."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rewardkit.library.schemas import patterns
from rewardkit.library.schemas.schema import Node, Path, Run, SchemaError, Seen, Test

if TYPE_CHECKING:
    from rewardkit.library.schemas.compiler import Said

NUMBERS = (int, float)

_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),), "boolean": (bool,), "integer": (int, float), "number": NUMBERS, "string": (str,),
    "array": (list,), "object": (dict,),
}  # fmt: skip


def type_(said: Said) -> Test:
    names = [said.value] if isinstance(said.value, str) else said.value
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n in _TYPES for n in names):
        raise said.wrong("one of, or a list of, " + ", ".join(f'`"{name}"`' for name in _TYPES))
    kinds = {kind for name in names for kind in _TYPES[name]}
    whole = "integer" in names and "number" not in names

    def test(value: Any, run: Run, seen: Seen) -> bool:
        kind = type(value)
        return kind in kinds and (not whole or kind is not float or value.is_integer())

    return test


def enum(said: Said) -> Test:
    if not isinstance(said.value, list):
        raise said.wrong("a list of values")
    texts = frozenset(value for value in said.value if isinstance(value, str))
    others = [value for value in said.value if not isinstance(value, str)]

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if type(value) is str:
            return value in texts
        run.spend(len(others))
        return any(_same(value, other, run) for other in others)

    return test


def const(said: Said) -> Test:
    constant = said.value
    return lambda value, run, seen: _same(value, constant, run)


def _same(a: Any, b: Any, run: Run) -> bool:
    """Whether two values are equal as JSON; as many steps as `b` has parts, at most."""
    if type(a) is not type(b):
        return type(a) in NUMBERS and type(b) in NUMBERS and a == b
    if type(a) is list:
        run.spend(len(b))
        return len(a) == len(b) and all(_same(x, y, run) for x, y in zip(a, b, strict=True))
    if type(a) is dict:
        run.spend(len(b))
        return len(a) == len(b) and all(key in a and _same(a[key], y, run) for key, y in b.items())
    return bool(a == b)


def ref(said: Said) -> Test:
    schema, path = said.compiler.target(said.value, said.path)
    return said.compiler.same(schema, path, said.at).check


def all_of(said: Said) -> Test:
    nodes = said.many(beside=True)
    return lambda value, run, seen: all(node.check(value, run, seen) for node in nodes)


def _apart(node: Node, value: Any, run: Run, seen: Seen) -> bool:
    """Whether a value meets a schema that it need not meet: what was seen counts only if it does."""
    if seen is None:
        return node.check(value, run, None)
    own: set[str | int] = set()
    met = node.check(value, run, own)
    if met:
        seen |= own
    return met


def any_of(said: Said) -> Test:
    nodes = said.many(beside=True)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if seen is None:
            return any(node.check(value, run, None) for node in nodes)
        return sum([_apart(node, value, run, seen) for node in nodes]) > 0

    return test


def one_of(said: Said) -> Test:
    nodes = said.many(beside=True)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        met = 0
        for node in nodes:
            met += _apart(node, value, run, seen)
            if met > 1:
                return False
        return met == 1

    return test


def not_(said: Said) -> Test:
    node = said.beside()
    return lambda value, run, seen: not node.check(value, run, None)


def if_(said: Said) -> Test:
    condition = said.beside()
    then = said.beside("then") if "then" in said.schema else None
    other = said.beside("else") if "else" in said.schema else None

    def test(value: Any, run: Run, seen: Seen) -> bool:
        chosen = then if _apart(condition, value, run, seen) else other
        return chosen is None or chosen.check(value, run, seen)

    return test


def compile_only(said: Said) -> None:
    """`then` and `else`: wrong ones are found, and `if` puts them to values."""
    said.one()


def definitions(said: Said) -> None:
    said.named()


# --- numbers and texts -------------------------------------------------------------------------------


def bound(holds: Callable[[Any, Any], bool]) -> Callable[[Said], Test]:
    def make(said: Said) -> Test:
        bound = said.number()
        return lambda value, run, seen: holds(value, bound)

    return make


def multiple_of(said: Said) -> Test:
    step = said.number()
    if step <= 0:
        raise said.wrong("a number above 0")
    exact = Fraction(repr(step))

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if type(value) is int and type(step) is int:
            return value % step == 0
        return (Fraction(repr(value)) / exact).denominator == 1  # as written: 0.3 is three times 0.1

    return test


def size(holds: Callable[[int, int], bool]) -> Callable[[Said], Test]:
    def make(said: Said) -> Test:
        bound = said.count()
        return lambda value, run, seen: holds(len(value), bound)

    return make


def checked_pattern(pattern: Any, path: Path, *, key: bool = False) -> str:
    if not isinstance(pattern, str):
        raise SchemaError("a pattern is a text", path)
    problem = patterns.check(pattern)
    if problem is not None:
        raise SchemaError(f"`{pattern}` is not a pattern: {problem}", path, key=key)
    return pattern


def pattern(said: Said) -> Test:
    pattern = checked_pattern(said.value, said.path)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(20 + len(value) // 64)
        return patterns.matches(pattern, value)

    return test
