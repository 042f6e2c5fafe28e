"""Keywords of arrays: each a function from what a schema says to a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardkit.library.schemas.schema import NEW, SEVEN, Run, SchemaError, Seen, Test
from rewardkit.types.values import canonical_json

if TYPE_CHECKING:
    from rewardkit.library.schemas.compiler import Said


def prefix_items(said: Said) -> Test:
    nodes = said.many()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if seen is not None:
            seen.update(range(min(len(nodes), len(value))))
        return all(node.check(item, run, None) for node, item in zip(nodes, value, strict=False))

    return test


def items(said: Said) -> Test:
    if isinstance(said.value, list):
        if said.compiler.draft == SEVEN:
            return prefix_items(said)
        raise SchemaError("a list of `items` is called `prefixItems` in draft 2020-12", said.path)
    first = said.schema.get("prefixItems", ())
    return _rest_of_items(said, len(first) if isinstance(first, list) and said.compiler.draft == NEW else 0)


def additional_items(said: Said) -> Test | None:
    first = said.schema.get("items")
    return _rest_of_items(said, len(first)) if isinstance(first, list) else None


def _rest_of_items(said: Said, first: int) -> Test:
    node = said.one()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if seen is not None:
            seen.update(range(len(value)))
        return all(node.check(value[i], run, None) for i in range(first, len(value)))

    return test


def contains(said: Said) -> Test:
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


def count_only(said: Said) -> None:
    """`minContains` and `maxContains`, which `contains` reads."""
    said.count()


def unique(said: Said) -> Test | None:
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


def unevaluated_items(said: Said) -> Test:
    node = said.one()

    def test(value: Any, run: Run, seen: Seen) -> bool:
        if type(value) is not list or seen is None:
            return True
        run.spend(len(value))
        met = all(node.check(item, run, None) for i, item in enumerate(value) if i not in seen)
        seen.update(range(len(value)))
        return met

    return test
