"""The combinations of term values that one row can have, as numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from rewardkit.analysis.cases import cases
from rewardkit.analysis.possible import Possible
from rewardkit.runtime.operations import real
from rewardkit.runtime.reward import Reward
from rewardkit.types.interval import Interval

#: combinations that are looked at
MOST_COMBINATIONS = 512

Combination = tuple[float, ...]  # a value for each weighted term, NaN for none


@dataclass(frozen=True)
class Combinations:
    """The combinations of term values that rows can have.

    `worlds` are sets of them whose rows can be of one group: a condition that a prompt's completions
    share holds for all or for none. `ends` are the terms that can be anything in a range: only its two
    ends are looked at; of the terms in `unbounded` an end is not there, and stands one unit from the
    other (-1 and 1 where both are not). `problem` says why there are no combinations.
    """

    terms: tuple[str, ...]
    worlds: tuple[tuple[Combination, ...], ...]
    ends: Mapping[str, tuple[float, float]]
    unbounded: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def all(self) -> tuple[Combination, ...]:
        return tuple(dict.fromkeys(c for world in self.worlds for c in world))

    def to_json(self) -> dict[str, Any]:
        return {
            "terms": list(self.terms),
            "worlds": [[[json_value(v) for v in combination] for combination in w] for w in self.worlds],
            "ends": {name: list(pair) for name, pair in self.ends.items()},
            "unbounded": list(self.unbounded),
            "problem": self.problem,
        }


def combinations(reward: Reward, step: float = 0, most: int = MOST_COMBINATIONS) -> Combinations:
    """What the weighted terms of a row can be together, with this run's params and step."""
    spec, names = reward.spec, reward.terms
    fixed = {**reward.params, "step": step}
    seen = cases(spec, reward.plan.numbers, [spec.terms[name].value for name in names], fixed)
    if not seen.complete:
        return Combinations(names, (), {}, (), "the terms depend on too many conditions to look at all cases")
    ends: dict[str, tuple[float, float]] = {}
    unbounded: dict[str, None] = {}
    worlds: dict[int, dict[Combination, None]] = {}
    for case in seen.cases:
        choices = [_choices(name, found, ends) for name, found in zip(names, case.found, strict=True)]
        unbounded |= dict.fromkeys(n for n, found in zip(names, case.found, strict=True) if _open(found))
        world = worlds.setdefault(case.world, {})
        if len(world) + math.prod(map(len, choices)) > most:
            problem = f"rows can have more than {most:,} combinations of term values"
            return Combinations(names, (), {}, (), problem)
        world.update(dict.fromkeys(product(*choices)))
    found = list(dict.fromkeys(tuple(sorted(world, key=_order)) for world in worlds.values()))
    kept = tuple(w for w in found if not any(w != other and set(w) <= set(other) for other in found))
    none = None if kept else "no row is left that is not skipped"
    return Combinations(names, kept, ends, tuple(unbounded), none)


def _order(combination: Combination) -> tuple[float, ...]:
    return tuple(-math.inf if math.isnan(v) else v for v in combination)


def _choices(name: str, found: Possible, ends: dict[str, tuple[float, float]]) -> list[float]:
    values: list[float] = []
    if found.present:
        lo, hi = _ends(found.interval)
        values = [lo] if lo == hi else [lo, hi]
        if lo != hi:
            least, most = ends.get(name, (lo, hi))
            ends[name] = min(lo, least), max(hi, most)
    return values + [_NONE] * found.null


def _open(found: Possible) -> bool:
    return found.present and (found.interval.lo is None or found.interval.hi is None)


#: one object, so that combinations with it are equal
_NONE = math.nan


def _ends(interval: Interval) -> tuple[float, float]:
    lo, hi = interval.lo, interval.hi
    if lo is None and hi is None:
        return -1.0, 1.0
    if lo is None:
        assert hi is not None
        return real(hi - 1), real(hi)
    return real(lo), real(lo + 1 if hi is None else hi)


def json_value(value: float) -> float | None:
    """A term's value as JSON: `null` for none."""
    return None if math.isnan(value) else value
