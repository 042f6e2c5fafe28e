"""Keywords of objects: each a function from what a schema says to a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rewardkit.library.schemas import patterns
from rewardkit.library.schemas.schema import Run, Seen, Test
from rewardkit.library.schemas.values import checked_pattern

if TYPE_CHECKING:
    from rewardkit.library.schemas.compiler import Said


def properties(said: Said) -> Test:
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


def pattern_properties(said: Said) -> Test:
    nodes = said.named()
    for pattern in nodes:
        checked_pattern(pattern, (*said.path, pattern), key=True)

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


def additional(said: Said) -> Test:
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


def required(said: Said) -> Test:
    names = said.texts(said.value, said.path)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(len(names) >> 3)
        return all(name in value for name in names)

    return test


def property_names(said: Said) -> Test:
    node = said.one()
    return lambda value, run, seen: all(node.check(name, run, None) for name in value)


def dependent_required(said: Said) -> Test:
    if not isinstance(said.value, dict):
        raise said.wrong("an object of lists of names")
    needs = {name: said.texts(names, (*said.path, name)) for name, names in said.value.items()}

    return _has_needs(needs)


def _has_needs(needs: Mapping[str, Sequence[str]]) -> Test:
    """Whether a value has, for each key that it has, the others that go with it."""
    most = sum(map(len, needs.values()))

    def test(value: Any, run: Run, seen: Seen) -> bool:
        run.spend(most)
        return all(need in value for name, names in needs.items() if name in value for need in names)

    return test


def dependent_schemas(said: Said) -> Test:
    nodes = said.named(beside=True)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        return all(node.check(value, run, seen) for name, node in nodes.items() if name in value)

    return test


def dependencies(said: Said) -> Test:
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

    has_needs = _has_needs(needs)

    def test(value: Any, run: Run, seen: Seen) -> bool:
        met = has_needs(value, run, seen)
        return met and all(node.check(value, run, seen) for name, node in nodes.items() if name in value)

    return test


def unevaluated_properties(said: Said) -> Test:
    node = said.one()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if type(value) is not dict or seen is None:
            return True
        run.spend(len(value))
        met = all(node.check(item, run, None) for name, item in value.items() if name not in seen)
        seen.update(value)
        return met

    return test
