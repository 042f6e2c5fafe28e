"""The experience library, and which groups are learned from: as published, and bounded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.runtime import loads
from rewardkit.training.context.library import Library, Operation
from rewardkit.training.context.scoring import Bounds

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())

ids = st.sampled_from([None, "", *(f"G{i}" for i in range(6))])
operations = st.builds(
    Operation, st.sampled_from(["ADD", "UPDATE", "DELETE", "NONE"]), ids, st.sampled_from(["", "a", "b", "c"])
)


def published(experiences: dict[str, str], plan: list[Operation]) -> dict[str, str]:
    """The same over a dict of ids, step by step, as the paper's code describes it."""
    texts = dict(experiences)
    number = len(texts)
    for change in plan:
        if change.content == "" or change.operation == "NONE":
            continue
        known = change.id in texts
        if change.operation == "UPDATE" and known:
            texts[str(change.id)] = change.content
        elif change.operation in ("ADD", "UPDATE"):
            texts[f"G{number}"] = change.content
            number += 1
        elif known:
            del texts[str(change.id)]
    return {f"G{i}": text for i, text in enumerate(texts.values())}


def test_the_worked_example() -> None:
    case = GOLDEN["tfgrpo_library"]
    plan = [Operation(each["operation"], each["id"], each["content"]) for each in case["inputs"]["plan"]]
    library = Library(tuple(case["inputs"]["experiences"].values()))
    assert library.by_id == case["inputs"]["experiences"]
    assert library.apply(plan).by_id == case["after"]


@given(st.lists(st.sampled_from("xyz"), max_size=5), st.lists(operations, max_size=12))
def test_every_plan_does_what_the_published_code_does(texts: list[str], plan: list[Operation]) -> None:
    library = Library(tuple(texts))
    assert library.apply(plan).by_id == published(library.by_id, plan)


@given(st.lists(operations, max_size=40), st.integers(1, 5), st.integers(1, 3))
def test_it_is_bounded_whatever_a_plan_says(plan: list[Operation], most: int, longest: int) -> None:
    long = [Operation(each.operation, each.id, each.content * 100) for each in plan]
    library = Library().apply(long, most=most, longest=longest)
    assert len(library) <= most
    assert all(len(text) <= longest for text in library.experiences)


def test_how_it_stands_in_the_prompt() -> None:
    assert Library(("be brief", "show units")).render() == "[G0]. be brief\n[G1]. show units"


def test_groups_that_are_learned_from() -> None:
    case = GOLDEN["tfgrpo_group_filter"]
    groups = [np.array(rewards, dtype=np.float64) for rewards in case["inputs"]["group_rewards"]]
    assert [Bounds(0.0, 1.0).has_lesson(rewards) for rewards in groups] == case["used"]


@pytest.mark.parametrize(
    ("low", "high", "rewards", "used"),
    [
        (-1.0, 3.0, [-1, -1], False),
        (-1.0, 3.0, [3, 3], False),
        (-1.0, 3.0, [0, 0], True),
        (0.0, 1.2, [0.4 * 3, 1.2, 1.2], False),  # one of them is 1.2000000000000002
        (0.0, 1.0, [np.nan, 1, 1], False),
        (0.0, 1.0, [np.nan, np.nan], False),
        (None, 1.0, [0.5, 0.5], False),
        (None, None, [0.5, 0.7], True),
    ],
)
def test_rewards_of_any_range(
    low: float | None, high: float | None, rewards: list[float], used: bool
) -> None:
    assert Bounds(low, high).has_lesson(np.array(rewards, dtype=np.float64)) is used


def test_bounds_come_from_the_spec() -> None:
    term = "language 1\ninput x: real in [0, 2]\nterm a in [0, 2] = x\n"
    assert Bounds.of(loads(term + "reward in [0, 4] { a: 1.5 }")) == Bounds(0.0, 4.0)
    assert Bounds.of(loads(term + "reward { a: 1.5 }")) == Bounds(0.0, 3.0)
    free = "language 1\ninput x: real\nterm a = x\nreward { a: 1 }"
    assert Bounds.of(loads(free)) == Bounds(None, None)
