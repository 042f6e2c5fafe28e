"""The keywords of JSON Schema, each as a function from what a schema says to a test of values."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from rewardkit.library.schemas import patterns
from rewardkit.library.schemas.schema import KINDS, NEW, SEVEN, Node, Path, Run, SchemaError, Seen, Test
from rewardkit.types.values import canonical_json

if TYPE_CHECKING:
    from rewardkit.library.schemas.compiler import Said

_NUMBERS = (int, float)

_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),), "boolean": (bool,), "integer": (int, float), "number": _NUMBERS, "string": (str,),
    "array": (list,), "object": (dict,),
}  # fmt: skip

# --- any value ---------------------------------------------------------------------------------------


def _type(said: Said) -> Test:
    names = [said.value] if isinstance(said.value, str) else said.value
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n in _TYPES for n in names):
        raise said.wrong("one of, or a list of, " + ", ".join(f'`"{name}"`' for name in _TYPES))
    kinds = {kind for name in names for kind in _TYPES[name]}
    whole = "integer" in names and "number" not in names

    def test(value: Any, run: Run, seen: Seen) -> bool:
        kind = type(value)
        return kind in kinds and (not whole or kind is not float or value.is_integer())

    return test


def _enum(said: Said) -> Test:
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


def _const(said: Said) -> Test:
    constant = said.value
    return lambda value, run, seen: _same(value, constant, run)


def _same(a: Any, b: Any, run: Run) -> bool:
    """Whether two values are equal as JSON; as many steps as `b` has parts, at most."""
    if type(a) is not type(b):
        return type(a) in _NUMBERS and type(b) in _NUMBERS and a == b
    if type(a) is list:
        run.spend(len(b))
        return len(a) == len(b) and all(_same(x, y, run) for x, y in zip(a, b, strict=True))
    if type(a) is dict:
        run.spend(len(b))
        return len(a) == len(b) and all(key in a and _same(a[key], y, run) for key, y in b.items())
    return bool(a == b)


def _ref(said: Said) -> Test:
    schema, path = said.compiler.target(said.value, said.path)
    return said.compiler.same(schema, path, said.at).check


def _all_of(said: Said) -> Test:
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


def _any_of(said: Said) -> Test:
    nodes = said.many(beside=True)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if seen is None:
            return any(node.check(value, run, None) for node in nodes)
        return sum([_apart(node, value, run, seen) for node in nodes]) > 0

    return test


def _one_of(said: Said) -> Test:
    nodes = said.many(beside=True)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        met = 0
        for node in nodes:
            met += _apart(node, value, run, seen)
            if met > 1:
                return False
        return met == 1

    return test


def _not(said: Said) -> Test:
    node = said.beside()
    return lambda value, run, seen: not node.check(value, run, None)


def _if(said: Said) -> Test:
    condition = said.beside()
    then = said.beside("then") if "then" in said.schema else None
    other = said.beside("else") if "else" in said.schema else None

    def test(value: Any, run: Run, seen: Seen) -> bool:
        chosen = then if _apart(condition, value, run, seen) else other
        return chosen is None or chosen.check(value, run, seen)

    return test


def _compile_only(said: Said) -> None:
    """`then` and `else`: wrong ones are found, and `if` puts them to values."""
    said.one()


def _definitions(said: Said) -> None:
    said.named()


# --- numbers and texts -------------------------------------------------------------------------------


def _bound(holds: Callable[[Any, Any], bool]) -> Callable[[Said], Test]:
    def make(said: Said) -> Test:
        bound = said.number()
        return lambda value, run, seen: holds(value, bound)

    return make


def _multiple_of(said: Said) -> Test:
    step = said.number()
    if step <= 0:
        raise said.wrong("a number above 0")
    exact = Fraction(repr(step))

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if type(value) is int and type(step) is int:
            return value % step == 0
        return (Fraction(repr(value)) / exact).denominator == 1  # as written: 0.3 is three times 0.1

    return test


def _size(holds: Callable[[int, int], bool]) -> Callable[[Said], Test]:
    def make(said: Said) -> Test:
        bound = said.count()
        return lambda value, run, seen: holds(len(value), bound)

    return make


def _checked_pattern(pattern: Any, path: Path, *, key: bool = False) -> str:
    if not isinstance(pattern, str):
        raise SchemaError("a pattern is a text", path)
    problem = patterns.check(pattern)
    if problem is not None:
        raise SchemaError(f"`{pattern}` is not a pattern: {problem}", path, key=key)
    return pattern


def _pattern(said: Said) -> Test:
    pattern = _checked_pattern(said.value, said.path)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(20 + len(value) // 64)
        return patterns.matches(pattern, value)

    return test


# --- arrays ------------------------------------------------------------------------------------------


def _prefix_items(said: Said) -> Test:
    nodes = said.many()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if seen is not None:
            seen.update(range(min(len(nodes), len(value))))
        return all(node.check(item, run, None) for node, item in zip(nodes, value, strict=False))

    return test


def _items(said: Said) -> Test:
    if isinstance(said.value, list):
        if said.compiler.draft == SEVEN:
            return _prefix_items(said)
        raise SchemaError("a list of `items` is called `prefixItems` in draft 2020-12", said.path)
    first = said.schema.get("prefixItems", ())
    return _rest_of_items(said, len(first) if isinstance(first, list) and said.compiler.draft == NEW else 0)


def _additional_items(said: Said) -> Test | None:
    first = said.schema.get("items")
    return _rest_of_items(said, len(first)) if isinstance(first, list) else None


def _rest_of_items(said: Said, first: int) -> Test:
    node = said.one()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if seen is not None:
            seen.update(range(len(value)))
        return all(node.check(value[i], run, None) for i in range(first, len(value)))

    return test


def _contains(said: Said) -> Test:
    node = said.one()
    schema = said.schema
    new = said.compiler.draft == NEW
    least, most = (schema.get("minContains", 1), schema.get("maxContains")) if new else (1, None)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        found = [i for i, item in enumerate(value) if node.check(item, run, None)]
        if seen is not None:
            seen.update(found)
        return len(found) >= least and (most is None or len(found) <= most)

    return test


def _count_only(said: Said) -> None:
    """`minContains` and `maxContains`, which `contains` reads."""
    said.count()


def _unique(said: Said) -> Test | None:
    if not isinstance(said.value, bool):
        raise said.wrong("`true` or `false`")
    if not said.value:
        return None

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(len(value))
        texts = [canonical_json(item) for item in value]
        run.spend(sum(map(len, texts)) // 16)
        return len(set(texts)) == len(texts)

    return test


def _unevaluated_items(said: Said) -> Test:
    node = said.one()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if type(value) is not list or seen is None:
            return True
        run.spend(len(value))
        met = all(node.check(item, run, None) for i, item in enumerate(value) if i not in seen)
        seen.update(range(len(value)))
        return met

    return test


# --- objects -----------------------------------------------------------------------------------------


def _properties(said: Said) -> Test:
    nodes = said.named()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(len(nodes) >> 3)
        for name, node in nodes.items():
            if name in value:
                if not node.check(value[name], run, None):
                    return False
                if seen is not None:
                    seen.add(name)
        return True

    return test


def _pattern_properties(said: Said) -> Test:
    nodes = said.named()
    for pattern in nodes:
        _checked_pattern(pattern, (*said.path, pattern), key=True)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        for name, item in value.items():
            for pattern, node in nodes.items():
                run.spend(20 + len(name) // 64)
                if patterns.matches(pattern, name):
                    if not node.check(item, run, None):
                        return False
                    if seen is not None:
                        seen.add(name)
        return True

    return test


def _additional(said: Said) -> Test:
    node = said.one()
    schema = said.schema
    known = schema.get("properties", ())
    by_pattern = list(schema.get("patternProperties", ()))

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(len(value) * (1 + 20 * len(by_pattern)))
        for name, item in value.items():
            if name in known or any(patterns.matches(pattern, name) for pattern in by_pattern):
                continue
            if not node.check(item, run, None):
                return False
            if seen is not None:
                seen.add(name)
        return True

    return test


def _required(said: Said) -> Test:
    names = said.texts(said.value, said.path)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(len(names) >> 3)
        return all(name in value for name in names)

    return test


def _property_names(said: Said) -> Test:
    node = said.one()
    return lambda value, run, seen: all(node.check(name, run, None) for name in value)


def _dependent_required(said: Said) -> Test:
    if not isinstance(said.value, dict):
        raise said.wrong("an object of lists of names")
    needs = {name: said.texts(names, (*said.path, name)) for name, names in said.value.items()}

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(sum(map(len, needs.values())))
        return all(need in value for name, names in needs.items() if name in value for need in names)

    return test


def _dependent_schemas(said: Said) -> Test:
    nodes = said.named(beside=True)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        return all(node.check(value, run, seen) for name, node in nodes.items() if name in value)

    return test


def _dependencies(said: Said) -> Test:
    """Draft-07's, lists of names and schemas in one."""
    if not isinstance(said.value, dict):
        raise said.wrong("an object of lists of names and of schemas")
    lists = {name: item for name, item in said.value.items() if isinstance(item, list)}
    needs = {name: said.texts(names, (*said.path, name)) for name, names in lists.items()}
    nodes = {
        name: said.compiler.same(item, (*said.path, name), said.at)
        for name, item in said.value.items()
        if name not in needs
    }

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(sum(map(len, needs.values())))
        named = all(need in value for name, names in needs.items() if name in value for need in names)
        return named and all(node.check(value, run, seen) for name, node in nodes.items() if name in value)

    return test


def _unevaluated_properties(said: Said) -> Test:
    node = said.one()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if type(value) is not dict or seen is None:
            return True
        run.spend(len(value))
        met = all(node.check(item, run, None) for name, item in value.items() if name not in seen)
        seen.update(value)
        return met

    return test


# --- all of them, cheap ones first -------------------------------------------------------------------

_Make = Callable[["Said"], Test | None]

KEYWORDS: dict[str, tuple[tuple[type, ...], _Make]] = {
    "type": (KINDS, _type),
    "const": (KINDS, _const),
    "enum": (KINDS, _enum),
    "minimum": (_NUMBERS, _bound(lambda value, bound: value >= bound)),
    "maximum": (_NUMBERS, _bound(lambda value, bound: value <= bound)),
    "exclusiveMinimum": (_NUMBERS, _bound(lambda value, bound: value > bound)),
    "exclusiveMaximum": (_NUMBERS, _bound(lambda value, bound: value < bound)),
    "multipleOf": (_NUMBERS, _multiple_of),
    "minLength": ((str,), _size(lambda size, bound: size >= bound)),
    "maxLength": ((str,), _size(lambda size, bound: size <= bound)),
    "minItems": ((list,), _size(lambda size, bound: size >= bound)),
    "maxItems": ((list,), _size(lambda size, bound: size <= bound)),
    "minProperties": ((dict,), _size(lambda size, bound: size >= bound)),
    "maxProperties": ((dict,), _size(lambda size, bound: size <= bound)),
    "required": ((dict,), _required),
    "dependentRequired": ((dict,), _dependent_required),
    "pattern": ((str,), _pattern),
    "$ref": (KINDS, _ref),
    "properties": ((dict,), _properties),
    "patternProperties": ((dict,), _pattern_properties),
    "additionalProperties": ((dict,), _additional),
    "propertyNames": ((dict,), _property_names),
    "dependentSchemas": ((dict,), _dependent_schemas),
    "dependencies": ((dict,), _dependencies),
    "prefixItems": ((list,), _prefix_items),
    "items": ((list,), _items),
    "additionalItems": ((list,), _additional_items),
    "contains": ((list,), _contains),
    "minContains": ((), _count_only),
    "maxContains": ((), _count_only),
    "uniqueItems": ((list,), _unique),
    "allOf": (KINDS, _all_of),
    "anyOf": (KINDS, _any_of),
    "oneOf": (KINDS, _one_of),
    "not": (KINDS, _not),
    "if": (KINDS, _if),
    "then": ((), _compile_only),
    "else": ((), _compile_only),
    "unevaluatedItems": ((), _unevaluated_items),
    "unevaluatedProperties": ((), _unevaluated_properties),
    "$defs": ((), _definitions),
    "definitions": ((), _definitions),
}
