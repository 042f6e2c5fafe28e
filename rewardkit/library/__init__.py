"""What a spec may call: one module per namespace, each declaration beside its implementation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from rewardkit.types.function import Function

#: modules of this package that hold `FUNCTIONS`
_MODULES = ("core", "text", "format", "length", "math", "code", "tools", "json", "judge", "model")

#: usable in `rows` blocks only
ROWS_ONLY = frozenset(("agreement", "share"))

#: the aggregates over rows and lists; `min` and `max` are functions as well
AGGREGATES = ("count", "sum", "mean", "min", "max", "std", "any", "all", "rank")


@cache
def functions() -> Mapping[str, Function]:
    """Every function by its full name."""
    found: dict[str, Function] = {}
    for module in _MODULES:
        for function in import_module(f"rewardkit.library.{module}").FUNCTIONS:
            found[function.name] = function
    return found


def namespaces() -> frozenset[str]:
    """`text`, `format`, ... : the names before the dot."""
    return frozenset(name.partition(".")[0] for name in functions() if "." in name)
