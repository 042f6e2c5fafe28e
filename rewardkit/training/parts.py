"""The parts of a run's algorithm, found by name and given their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rewardkit.plugins import check_options, find, takes

from .config import TrainConfig
from .errors import ConfigError
from .filters import FILTERS
from .losses import OBJECTIVES, Objective
from .shapers import SHAPERS


@dataclass(frozen=True)
class Parts:
    """The functions of a run, without the ones that do nothing; options are applied."""

    filter: Callable[..., Any] | None
    shaper: Callable[..., Any] | None
    objective: Objective


def find_parts(config: TrainConfig) -> Parts:
    """Raises `ConfigError` for a part there is not, or an option that a part does not have."""
    try:
        return Parts(
            _optional("filter", FILTERS, config.filter, config.filter_options),
            _optional("shaper", SHAPERS, config.shaper, config.shaper_options),
            _objective(config),
        )
    except ValueError as error:
        raise ConfigError(f"[train] {error}") from None


def _optional(
    kind: str, builtin: Mapping[str, Callable[..., Any]], name: str, options: Mapping[str, Any]
) -> Callable[..., Any] | None:
    if name == "none":
        if options:
            raise ValueError(f"`{kind}_options` are of no {kind}; name one")
        return None
    part = find(kind, f"rewardkit.{kind}s", name, builtin)
    check_options(f"{kind} `{name}`", part, options)
    return partial(part, **options)


def _objective(config: TrainConfig) -> Objective:
    found: Any = find("objective", "rewardkit.objectives", config.objective, OBJECTIVES)
    objective = found if isinstance(found, Objective) else Objective(found, whole_groups=False)
    what = f"objective `{config.objective}`"
    check_options(what, objective.function, config.objective_options)
    low, high = config.clip_range
    shared = {
        "ratio": config.ratio,
        "clip_low": low,
        "clip_high": high,
        "dual_clip": config.dual_clip,
        "aggregation": config.aggregation,
        "max_length": config.max_new_tokens,
    }
    for name in (*shared, "clip"):
        known = takes(objective.function, "clip_low" if name == "clip" else name)
        if name in config.model_fields_set and not known:
            raise ValueError(f"{what} has no `{name}`; leave it out")
    used = {name: value for name, value in shared.items() if takes(objective.function, name)}
    clash = sorted(used.keys() & config.objective_options.keys())
    if clash:
        raise ValueError(f"`{clash[0]}` is a key of `[train]` itself, not of `objective_options`")
    return replace(objective, function=partial(objective.function, **used, **config.objective_options))
