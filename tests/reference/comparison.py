"""Runs one spec on some rows both ways, and says where the two disagree."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import evaluator
import numpy as np
from watching import Watching

from rewardkit import library
from rewardkit.compiler import Plan
from rewardkit.runtime.columns import values_of
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows
from rewardkit.runtime.scores import Scores

NUMBERS = (bool, int, float, np.number, np.bool_)
COUNTED = ("inline", "batch", "worker")


def compare(
    reward: Reward,
    rows: Sequence[Mapping[str, Any]],
    group: Any = None,
    step: int = 0,
    params: Mapping[str, Any] | None = None,
) -> tuple[Scores, Watching]:
    """The scores of a fresh `reward`, where the reference evaluator agrees with all of them.

    Terms, gates, weights, totals, which rows are skipped and masked, which values are faults and not
    nulls, which rows have a fault, every value that some row reaches, and how often each function is called;
    and every value is what the checker said that it is.
    """
    found = reward.evaluate(Rows(list(rows)), group, step)
    scores = reward.scores_of(found)
    reference = Watching(reward.spec, rows, group, params or {}, step)
    expected = reference.score()
    engine, plan = found.engine, reward.plan

    assert scores.skipped.tolist() == expected.skipped
    assert scores.masked.tolist() == expected.masked
    for name, values in expected.terms.items():
        column = engine.columns[plan.terms[name]]
        _same(name, scores.frame.get_column(name).to_list(), values)
        faults = [value is evaluator.FAULT for value in values]
        assert (column.fault & ~scores.skipped).tolist() == faults, name
    for name, values in expected.gates.items():
        _same(f"gate of {name}", _plain(scores.gates[name]), values)
    _same("total", _plain(scores.total), expected.totals)
    if not all(expected.skipped):
        _same("weights", _plain(scores.weights), expected.weights)
    if expected.scale is not None:
        _same("scale", _plain(scores.scale), expected.scale)
    for (number, row), value in reached_steps(plan, reference):
        column = engine.columns[number]
        what = f"step {number} ({plan.steps[number].op} of {plan.steps[number].owner})"
        assert column.done[row], f"{what}, row {row} is reached"
        assert column.fault[row] == (value is evaluator.FAULT), f"{what}, row {row}: a fault"
        _same(what, values_of(column, np.array([row])), [value])
    assert set(scores.faults.get_column("row").to_list()) == expected.faulted
    reached: dict[str, int] = {}
    for name, executor, _, _ in expected.calls:
        if executor in COUNTED:
            reached[name] = reached.get(name, 0) + 1
    for name in {*reached, *reward.counts}:
        made, wanted = reward.counts.get(name, 0), reached.get(name, 0)
        # what is decided at once is no call
        at_once = "fast" in library.functions()[name].extra
        assert made == wanted or (at_once and made < wanted), f"{name}: {made} calls instead of {wanted}"
    return scores, reference


def reached_steps(plan: Plan, reference: Watching) -> Iterator[tuple[tuple[int, int], Any]]:
    """What the reference found for each step of the plan on each row that reaches it."""
    for (value, row), found in reference.seen.items():
        if value in plan.numbers and reference.alive[row]:
            yield (plan.numbers[value], row), found


def _plain(values: Any) -> list[float | None]:
    return [None if math.isnan(x) else x for x in np.asarray(values, np.float64).tolist()]


def _same(what: str, found: Sequence[Any], expected: Sequence[Any]) -> None:
    for row, (a, b) in enumerate(zip(found, expected, strict=True)):
        b = None if b is evaluator.FAULT else b
        assert equal(a, b), f"{what}, row {row}: the plan gives {a!r}, the reference {b!r}"


def equal(a: Any, b: Any) -> bool:
    """Equal bits; numbers of the frame are floats, whatever they were in the spec."""
    if not (isinstance(a, NUMBERS) and isinstance(b, NUMBERS)):
        return bool(a == b)
    return float(a) == float(b)
