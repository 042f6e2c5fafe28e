"""Parts by name: the built-in ones, and those that other packages offer by entry point."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import TypeVar

Part = TypeVar("Part")


def find(kind: str, group: str, name: str, builtin: Mapping[str, Part]) -> Part:
    """The part of that name; a built-in one wins over an entry point of `group`.

    `kind` is what a message calls it. Raises ValueError, listing the known names, where there is none.
    """
    if name in builtin:
        return builtin[name]
    offered = {point.name: point for point in entry_points(group=group)}
    if name in offered:
        point = offered[name]
        try:
            part: Part = point.load()
        except Exception as error:  # whatever the other package raises while it is imported
            where = point.dist.name if point.dist else point.value
            raise ValueError(f"{kind} `{name}` of `{where}` cannot be loaded: {error}") from error
        return part
    raise ValueError(f"{kind} `{name}` is unknown; known: {', '.join(names(group, builtin))}")


def names(group: str, builtin: Mapping[str, object]) -> list[str]:
    """All names that `find` knows: the built-in ones first, then those of other packages."""
    offered = {point.name for point in entry_points(group=group)}
    return [*builtin, *sorted(offered - builtin.keys())]


def check_options(what: str, part: Callable[..., object], options: Iterable[str]) -> None:
    """Raises ValueError for an option that a part does not take by keyword."""
    parameters = inspect.signature(part).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    for option in options:
        if option not in known:
            takes = f"known: {', '.join(known)}" if known else "it has none"
            raise ValueError(f"{what} has no option `{option}`; {takes}")


def takes(part: Callable[..., object], option: str) -> bool:
    """Whether a part has that keyword."""
    return option in inspect.signature(part).parameters
