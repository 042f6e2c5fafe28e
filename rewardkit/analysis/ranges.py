"""How large each term can get, and what its weight makes of that."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from rewardkit.analysis.cases import cases
from rewardkit.analysis.findings import Finding, number
from rewardkit.checker.spec import Value
from rewardkit.runtime.operations import real
from rewardkit.runtime.reward import Reward
from rewardkit.types.interval import Interval, add, coarse, hull, intersect, multiply, point

#: more distinct values than this are as good as a range
_MOST_VALUES = 64


@dataclass(frozen=True)
class TermRange:
    """A term's size over all rows, params and steps; `weight` is `None` for a metric.

    `adds` is what the term can add to a reward: weight × term, and 0 where it may have no value.
    `share` is the part that |weight| × (range of the term) has in that of all terms at this run's
    params and step, `None` where some term has no bounds.
    """

    name: str
    range: Interval
    values: tuple[Fraction, ...] | None  # all that it can be, where that is known
    null: bool  # it may have no value
    weight: Interval | None
    weight_now: float | None
    adds: Interval | None
    swing: float | None  # of weight × term in this run; `None` without bounds
    share: float | None
    weight_share: float | None  # |weight| over the sum of all, of terms that can vary

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "range": ends(self.range),
            "values": None if self.values is None else [real(v) for v in self.values],
            "null": self.null,
            "weight_range": None if self.weight is None else ends(self.weight),
            "weight": self.weight_now,
            "adds": None if self.adds is None else ends(self.adds),
            "share_of_range": self.share,
            "share_of_weight": self.weight_share,
        }


def ends(interval: Interval) -> list[float | None]:
    """An interval as JSON: `null` for a side without bound."""
    return [None if end is None or math.isinf(real(end)) else real(end) for end in (interval.lo, interval.hi)]


def term_ranges(reward: Reward, weights: Sequence[float], fixed: Mapping[str, Any]) -> tuple[TermRange, ...]:
    """Each term, weighed ones first.

    Args:
        reward: the spec.
        weights: of the weighted terms, in this run.
        fixed: params that are given, by name; the others are all that they may be.
    """
    spec = reward.spec
    declared = dict(spec.weights)
    now = dict(zip(declared, weights, strict=True))
    names = [*declared, *(name for name in spec.terms if name not in declared)]
    found = [_term_range(reward, name, declared.get(name), now.get(name), fixed) for name in names]
    swings = [term.swing for term in found if term.weight is not None]
    whole = None if None in swings else sum(s for s in swings if s is not None)
    varying = sum(abs(t.weight_now or 0) for t in found if t.weight is not None and t.range.constant is None)
    return tuple(_shared(term, whole, varying) for term in found)


def _term_range(
    reward: Reward, name: str, weight: Value | None, now: float | None, fixed: Mapping[str, Any]
) -> TermRange:
    value = reward.spec.terms[name].value
    seen = cases(reward.spec, reward.plan.numbers, [value], fixed)
    outcomes = [case.found[0] for case in seen.cases]
    span, null, values = value.interval, value.type.optional, None
    if seen.complete and outcomes:
        null = any(p.null for p in outcomes)
        there = [p.interval for p in outcomes if p.present]
        span = there[0] if there else point(0)
        for interval in there[1:]:
            span = hull(span, interval)
        points = {interval.constant for interval in there}
        if None not in points and len(points) <= _MOST_VALUES:
            values = tuple(sorted(p for p in points if p is not None))
    if weight is None:
        return TermRange(name, span, values, null, None, None, None, None, None, None)
    weighs = _weight_range(reward, weight, fixed)
    adds = coarse(multiply(weighs, span))
    swings = span
    if null:
        adds, swings = hull(adds, point(0)), hull(span, point(0))
    swing = None
    if now == 0 or swings.constant is not None:
        swing = 0.0
    elif now is not None and swings.lo is not None and swings.hi is not None:
        swing = abs(now) * real(swings.hi - swings.lo)
    return TermRange(name, span, values, null, weighs, now, adds, swing, None, None)


def _weight_range(reward: Reward, weight: Value, fixed: Mapping[str, Any]) -> Interval:
    seen = cases(reward.spec, reward.plan.numbers, [weight], fixed)
    if not seen.complete or not seen.cases:
        return weight.interval
    span = seen.cases[0].found[0].interval
    for case in seen.cases[1:]:
        span = hull(span, case.found[0].interval)
    return intersect(span, weight.interval)


def _shared(term: TermRange, whole: float | None, varying: float) -> TermRange:
    if term.weight is None:
        return term
    share = term.swing / whole if whole and term.swing is not None else None
    varies = term.range.constant is None or (term.null and term.range.constant != 0)
    weight = abs(term.weight_now or 0) if varies else 0.0
    return replace(term, share=share, weight_share=weight / varying if varying else None)


def reward_range(reward: Reward, terms: Sequence[TermRange], fixed: Mapping[str, Any]) -> Interval:
    """What the reward can be: over the cases of all terms together where they can be looked at."""
    spec = reward.spec
    weighed = [t for t in terms if t.weight is not None]
    by_terms = point(0)
    for term in weighed:
        assert term.adds is not None
        by_terms = coarse(add(by_terms, term.adds))
    by_terms = intersect(by_terms, spec.reward_interval)
    seen = cases(spec, reward.plan.numbers, [spec.terms[t.name].value for t in weighed], fixed)
    if not seen.complete or not seen.cases:
        return by_terms
    total: Interval | None = None
    for case in seen.cases:
        one = point(0)
        for term, found in zip(weighed, case.found, strict=True):
            assert term.weight is not None
            part = multiply(term.weight, found.interval) if found.present else point(0)
            one = coarse(add(one, hull(part, point(0)) if found.null else part))
        total = one if total is None else hull(total, one)
    assert total is not None
    return intersect(total, by_terms)


def dominated(terms: Sequence[TermRange]) -> tuple[Finding, ...]:
    """Terms whose whole swing is less than the smallest step of another: they only break its ties.

    A step is the least distance between two values of a term that can only be a few, times its weight.
    Two rows that differ in the other term are then ordered by it, whatever the dominated one says.
    """
    steps = {t.name: step for t in terms if (step := _smallest_step(t)) is not None}
    found = []
    for term in terms:
        above = [name for name, step in steps.items() if name != term.name and (term.swing or 0) < step]
        if not term.swing or not above:
            continue
        names = " and ".join(f"`{name}`" for name in above)
        least = min(steps[name] for name in above)
        found.append(
            Finding(
                "dominated",
                "note",
                term.name,
                f"`{term.name}` only breaks ties of {names}: all of it moves the reward by "
                f"{number(term.swing)}, one step of {names} by {number(least)}"
                + (" or more" if len(above) > 1 else ""),
                "this holds for the reward; a normalizer that scales each term by itself, such as gdpo, "
                "gives the term the share of its weight",
            )
        )
    return tuple(found)


def _smallest_step(term: TermRange) -> float | None:
    if term.values is None or not term.weight_now:
        return None
    values = sorted({*term.values, Fraction(0)} if term.null else {*term.values})
    gaps = [real(b - a) for a, b in pairwise(values)]
    return abs(term.weight_now) * min(gaps) if gaps else None
