"""The plan: a checked spec as a directed graph of steps, shared where the spec shares, that knows no engine.

An engine computes a step once its arguments are there. What makes the plan lazy are the *guards*: an
argument is only wanted on the rows where its guard holds, so a call is only made for rows that some
use reaches. Guards may depend on calls; an engine therefore alternates passes over the cheap steps
with stages of calls until nothing wanted is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from rewardkit.types.interval import Interval
from rewardkit.types.types import Type

#: when an argument is wanted: where the guarding step is true, false, or has no value
Holds = Literal["true", "false", "missing"]


@dataclass(frozen=True)
class Guard:
    step: int
    holds: Holds


@dataclass(frozen=True)
class Step:
    """One step. `op`, `data` are those of `checker.Value`, with `fold` holding a `FoldStep`.

    There are two more `op`s: `widen`, for an int that is read as a real from here on, and `own`, for a let
    that has a step of its own (`data` is its name).

    `args` are numbers of earlier steps; `guards` say when each is wanted (`None`: whenever this one is).
    `owner` is the let or term that a failure is reported under.
    """

    op: str
    args: tuple[int, ...]
    guards: tuple[Guard | None, ...]
    type: Type
    data: Any
    owner: str
    interval: Interval


@dataclass(frozen=True)
class FoldStep:
    """A fold over the items of a list: `body` runs with one row per item.

    The step's first argument is the list; the others are values of the row that the body reads, as
    steps with op `outer` and their position.
    """

    function: str
    body: Plan
    value: int
    where: int | None


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which arguments come first, and what each name of the spec stands for."""

    steps: tuple[Step, ...]
    lets: Mapping[str, int]
    terms: Mapping[str, int]
    gates: Mapping[str, int]
    weights: tuple[tuple[str, int], ...]
    skip: int | None
    mask: int | None
    scale: int | None
    options: Mapping[str, int]
    expects: tuple[int, ...] = ()
    #: `id` of a checked value -> its step, as long as the spec lives; a fold's body has its own
    numbers: Mapping[int, int] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def readers(self) -> tuple[tuple[int, ...], ...]:
        """Of each step, the steps that have it as an argument."""
        found: list[list[int]] = [[] for _ in self.steps]
        for number, step in enumerate(self.steps):
            for arg in dict.fromkeys(step.args):
                found[arg].append(number)
        return tuple(map(tuple, found))

    @property
    def columns(self) -> frozenset[str]:
        """The columns that some step reads."""
        return frozenset(step.data for step in self.steps if step.op == "column")

    @property
    def scopes(self) -> frozenset[str]:
        """`group` and `batch`, where an aggregate goes over them."""
        return frozenset(step.data.scope for step in self.steps if step.op == "aggregate")
