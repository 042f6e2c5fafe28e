"""The combinations of term values that one row can have, as numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from rewardkit.analysis.cases import cases
from rewardkit.analysis.possible import Possible
from rewardkit.prover.reach import reach
from rewardkit.runtime.operations import real
from rewardkit.runtime.reward import Reward
from rewardkit.types.interval import Interval

#: combinations that are looked at, and up to how many a proof is tried that a row cannot have them
MOST_COMBINATIONS, _MOST_PROOFS = 512, 128
#: how near to the end of a range counts as there, as a part of the range
_NEAR = 0.01

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
    left = _proved(reward, dict.fromkeys(c for world in worlds.values() for c in world), ends, fixed)
    for world in worlds.values():
        for combination in [c for c in world if c not in left]:
            del world[combination]
    found = list(dict.fromkeys(tuple(sorted(world, key=_order)) for world in worlds.values()))
    kept = tuple(w for w in found if w and not any(w != other and set(w) <= set(other) for other in found))
    none = None if kept else "no row is left that is not skipped"
    return Combinations(names, kept, ends, tuple(unbounded), none)


def _proved(
    reward: Reward,
    found: Iterable[Combination],
    ends: Mapping[str, tuple[float, float]],
    fixed: Mapping[str, Any],
) -> set[Combination]:
    """The combinations that no proof excludes: relations between values, which intervals do not see."""
    left = set(found)
    names = reward.terms
    if len(names) < 2 or len(left) > _MOST_PROOFS:
        return left
    values = [reward.spec.terms[name].value for name in names]
    row = reach(reward.spec, values, fixed)
    if row is None:
        return left
    near = [(hi - lo) * _NEAR for lo, hi in (ends.get(name, (0.0, 0.0)) for name in names)]
    for combination in list(left):
        wishes = [
            (value, None if math.isnan(number) else _around(number, width))
            for value, number, width in zip(values, combination, near, strict=True)
        ]
        if row.possible(wishes) is False:
            left.discard(combination)
    return left


def _around(number: float, width: float) -> Interval:
    """About the number: the end of a range may be open, or be reached by no row though what is near it is."""
    slack = max(width, 1e-9 * max(1.0, abs(number)))
    return Interval(Fraction(number - slack), Fraction(number + slack))


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
