"""The table of recipes: one row each, one column for each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewardkit.runtime.configs import read_table

from . import recipes
from .config import TrainConfig

#: the columns, which are the parts in the order in which they act
COLUMNS = ("recipe", "filter", "normalizer", "shaper", "loss", "ratio", "clip", "aggregation", "KL")

#: where there is no such part; a loss of whole groups takes the place of ratio, clip and aggregation
_NO = "–"


def table() -> list[dict[str, str]]:
    """One row for each recipe, those of other packages too; keys are `COLUMNS`. Broken ones are left out."""
    sound, _ = _sorted()
    return [row(name) for name in sound]


def broken() -> list[str]:
    """What is wrong with those recipes of other packages that no run could take."""
    return _sorted()[1]


def row(name: str) -> dict[str, str]:
    """A recipe's parts in words. Raises ValueError where there is no such recipe, or it cannot be taken."""
    config = _config(name)
    clipped = config.objective in ("ppo_clip", "cispo")
    again = f"sampled anew up to {config.max_resamples} times" if config.max_resamples else ""
    normalizer = _part(config.normalizer or "the spec's", config.normalizer_options)
    cells = (
        name,
        _part(config.filter, config.filter_options, again),
        "a value head" if config.critic else normalizer,
        _part(config.shaper, config.shaper_options),
        _part(config.objective, config.objective_options),
        config.ratio if clipped else _NO,
        _clip(config) if clipped else _NO,
        config.aggregation if clipped else _NO,
        _kl(config),
    )
    return dict(zip(COLUMNS, cells, strict=True))


def to_json() -> list[dict[str, Any]]:
    """Each recipe with its source and the values of `[train]` that it gives. Broken ones are left out."""
    sound, _ = _sorted()
    found = [(name, recipes.find(name)) for name in sound]
    return [
        {"recipe": name, "source": r.source, "about": r.about, "values": dict(r.values)} for name, r in found
    ]


def _config(name: str) -> TrainConfig:
    values = {"steps": 1, **recipes.find(name).values}
    return read_table(TrainConfig, values, f"recipe `{name}`", ValueError)


def _sorted() -> tuple[list[str], list[str]]:
    """The names of the recipes that can be taken, and what is wrong with the others."""
    sound, wrong = [], []
    for name in recipes.names():
        try:
            _config(name)
            sound.append(name)
        except ValueError as error:
            wrong.append(str(error))
    return sound, wrong


def _part(name: str, options: Mapping[str, Any], note: str = "") -> str:
    if name == "none":
        return _NO
    notes = [f"{option} {value}" for option, value in options.items()] + [note] * bool(note)
    return f"{name} ({', '.join(notes)})" if notes else name


def _clip(config: TrainConfig) -> str:
    low, high = config.clip_range
    both = f"{low:g}" if low == high else f"{low:g} / {high:g}"
    return both if config.dual_clip is None else f"{both}, dual {config.dual_clip:g}"


def _kl(config: TrainConfig) -> str:
    if not config.kl_coefficient:
        return _NO
    return f"{config.kl_coefficient:g} {config.kl_kind} in the {config.kl_in}"
