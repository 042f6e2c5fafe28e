"""Options that several verbs share, and how their values are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardkit.diagnostics import RewardError

if TYPE_CHECKING:
    from rewardkit.checker import Spec


def pairs(values: list[str], option: str) -> dict[str, str]:
    """`["answer=solution"]` as a mapping.

    Raises:
        RewardError: a value is not `NAME=VALUE`, or a name comes twice.
    """
    found: dict[str, str] = {}
    for value in values:
        name, equals, right = value.partition("=")
        if not equals or not name or not right:
            raise RewardError(f"{option} wants `NAME=VALUE`, not `{value}`")
        if name in found:
            raise RewardError(f"{option} gives `{name}` twice")
        found[name] = right
    return found


def params(values: list[str], spec: Spec) -> dict[str, Any]:
    """`--set budget=8192` as values of the spec's params."""
    given: dict[str, Any] = {}
    for name, text in pairs(values, "--set").items():
        param = spec.params.get(name)
        kind = param.type.kind if param else "text"
        if kind == "bool":
            if text not in ("true", "false"):
                raise RewardError(f"the param `{name}` is true or false, not `{text}`")
            given[name] = text == "true"
        elif kind in ("int", "real"):
            given[name] = _number(name, text)
        else:
            given[name] = text
    return given


def _number(name: str, text: str) -> int | float:
    try:
        if len(text) <= 40:
            return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        pass
    raise RewardError(f"the param `{name}` is a number, not `{text}`")


def specs_in(paths: list[Path]) -> list[Path]:
    """The `.rwd` files named, and those below the folders named.

    Raises:
        RewardError: a folder without any.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        below = sorted(p for p in path.rglob("*.rwd") if not any(part.startswith(".") for part in p.parts))
        if not below:
            raise RewardError(f"there is no `.rwd` file below `{path}`")
        found.extend(below)
    return found
