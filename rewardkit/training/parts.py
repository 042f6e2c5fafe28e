"""The parts of a run's algorithm, found by name and given their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rewardkit.normalizers import NORMALIZERS, get
from rewardkit.plugins import check_options, find, takes

from .config import TrainConfig
from .errors import ConfigError, TrainError, reason
from .filters import ENTRY_POINTS as FILTER_POINTS
from .filters import FILTERS
from .guards import guarded_filter, guarded_objective, guarded_shaper
from .losses import ENTRY_POINTS as OBJECTIVE_POINTS
from .losses import OBJECTIVES, Objective, count
from .shapers import ENTRY_POINTS as SHAPER_POINTS
from .shapers import SHAPERS
from .shapers.grams import read_grams

#: keywords of parts that a run gives itself: no options
_GIVEN = frozenset(
    ("counts", "groups", "kl", "lengths", "names", "normalizer", "rewards", "scores", "weights")
)


@dataclass(frozen=True)
class Parts:
    """The functions of a run, without the ones that do nothing; options are applied."""

    filter: Callable[..., Any] | None
    shaper: Callable[..., Any] | None
    objective: Objective


def find_parts(config: TrainConfig, base: Path | None = None) -> Parts:
    """The parts of a run; `base` is the folder that files in their options are relative to.

    Raises `ConfigError` for a part there is not, or an option that a part does not have or refuses.
    """
    try:
        for part in ("filter", "shaper", "normalizer", "objective"):
            _no_argument(part, getattr(config, f"{part}_options"))
        filter_ = _optional("filter", FILTER_POINTS, FILTERS, config.filter, config.filter_options)
        shaping = _read(config.shaper_options, base)
        shaper = _optional("shaper", SHAPER_POINTS, SHAPERS, config.shaper, shaping)
        parts = Parts(
            filter_ and guarded_filter(f"filter `{config.filter}`", filter_),
            shaper and guarded_shaper(f"shaper `{config.shaper}`", shaper),
            _objective(config),
        )
        _check_advantages(parts, config)
        _try_out(parts, config)
    except (ValueError, TypeError, TrainError) as error:
        raise ConfigError(f"[train] {error}") from None
    return parts


def _no_argument(part: str, options: Mapping[str, Any]) -> None:
    """An option may not stand in for what the run itself hands a part."""
    for name in options:
        if name in _GIVEN:
            raise ValueError(f"`{name}` in `{part}_options` is no option: the run gives it")


def _read(options: Mapping[str, Any], base: Path | None) -> dict[str, Any]:
    """Options with the grams of a file in its place, read once."""
    grams = options.get("grams")
    if not isinstance(grams, str):
        return dict(options)
    try:
        return {**options, "grams": read_grams((base or Path()) / grams)}
    except OSError as error:
        raise ValueError(f"cannot read `{grams}`: {reason(error)}") from None


def _check_advantages(parts: Parts, config: TrainConfig) -> None:
    """Raises ValueError where a part makes one advantage per token, and the objective takes one per row."""
    if not parts.objective.whole_groups:
        return
    takes_one = f"objective `{config.objective}` takes one advantage per completion"
    if parts.shaper is not None:
        raise ValueError(f'{takes_one}, and a shaper makes one per token; write `shaper = "none"`')
    if config.value_head is not None:
        raise ValueError(f"{takes_one}, and a critic makes one per token; write `critic = false`")


def _try_out(parts: Parts, config: TrainConfig) -> None:
    """Call the parts, so that options out of range are told before anything runs.

    Filter and shaper get no rows, the objective a group of two.
    """
    none = np.zeros((0, 1))
    if parts.filter is not None and "terms" not in config.filter_options:  # whose names the spec knows
        parts.filter(none, np.zeros(0), np.zeros(0, dtype=np.int64), np.ones(1), {})
    if parts.shaper is not None:
        parts.shaper(none, [], none != 0, np.zeros(0, dtype=bool), {})
    logp, mask, groups = torch.zeros(2, 1), torch.ones(2, 1), torch.zeros(2, dtype=torch.int64)
    whole = {"kl": 0.0} if parts.objective.minibatch_kl else {}
    parts.objective.function(
        logp, logp, torch.tensor([1.0, -1.0]), mask, groups, counts=count(mask, groups), **whole
    )
    if config.normalizer in NORMALIZERS:  # the spec's is known where it is checked
        function, options = get(config.normalizer), config.normalizer_options
        check_options(f"normalizer `{config.normalizer}`", function, options)
        try:
            function(
                np.array([[0.0], [1.0]]),
                np.zeros(2, dtype=np.int64),
                np.ones(1),
                lengths=np.ones(2),
                **options,
            )
        except ValueError as error:
            raise ValueError(f"normalizer `{config.normalizer}`: {error}") from None


def _optional(
    kind: str, group: str, builtin: Mapping[str, Callable[..., Any]], name: str, options: Mapping[str, Any]
) -> Callable[..., Any] | None:
    if name == "none":
        if options:
            raise ValueError(f"`{kind}_options` are of no {kind}; name one")
        return None
    part = find(kind, group, name, builtin)
    check_options(f"{kind} `{name}`", part, options)
    return partial(part, **options)


def _objective(config: TrainConfig) -> Objective:
    found: Any = find("objective", OBJECTIVE_POINTS, config.objective, OBJECTIVES)
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
    function = partial(objective.function, **used, **config.objective_options)
    return replace(objective, function=guarded_objective(what, function))
