"""Rollouts arrive as they were sent, and scores of parts are scores of the whole."""

from __future__ import annotations

import pickle
from itertools import chain
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_toy import make_scores

from rewardkit.runtime.scores import join
from rewardkit.training.collect import join_rollouts
from rewardkit.training.exchange import pack, unpack
from rewardkit.training.processes import Processes
from rewardkit.training.rollout import Rollout

PAD = 9


@st.composite
def rollouts(draw: Any) -> Rollout:
    rows, width = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    length, seed = draw(st.integers(1, 20)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    prompts, lengths = rng.integers(1, width + 1, rows), rng.integers(1, length + 1, rows)
    prompts[0], lengths[0] = width, length  # as sampled: no wider than its longest row
    there = np.arange(width) >= width - prompts[:, None]
    mask = (np.arange(length) < lengths[:, None]) & (rng.random((rows, length)) < 0.8)
    mask[np.arange(rows), lengths - 1] = True  # a tool may speak in between, not at the end
    held = np.arange(length) < lengths[:, None]
    return Rollout(
        torch.from_numpy(np.where(there, rng.integers(0, 2**31 - 1, (rows, width)), PAD)),
        torch.from_numpy(there),
        torch.from_numpy(np.where(held, rng.integers(0, 100, (rows, length)), PAD)),
        torch.from_numpy(mask),
        torch.from_numpy(np.where(mask, rng.normal(size=(rows, length)), 0).astype(np.float32)),
        tuple(f"text {row} \ud83d" for row in range(rows)),
        torch.from_numpy(rng.random(rows) < 0.5),
    )


@settings(deadline=None)
@given(st.lists(rollouts(), min_size=1, max_size=3))
def test_rollouts_arrive_as_they_were(sent: list[Rollout]) -> None:
    arrived = unpack([pickle.loads(pickle.dumps(pack(one))) for one in sent], PAD, torch.device("cpu"))
    expected = join_rollouts(sent, PAD)
    for name in ("prompt_ids", "prompt_mask", "completion_ids", "mask", "logp", "finished"):
        one, other = getattr(arrived, name), getattr(expected, name)
        assert one.dtype == other.dtype, name
        assert torch.equal(one, other), name
    assert arrived.texts == expected.texts


def test_a_token_takes_few_bytes() -> None:
    """What docs/scale.md counts with: ids and log-probabilities, and a bit that tells whose token it is."""
    rows, length = 8, 1000
    full = Rollout(
        torch.zeros(rows, 1, dtype=torch.long),
        torch.ones(rows, 1, dtype=torch.bool),
        torch.ones(rows, length, dtype=torch.long),
        torch.ones(rows, length, dtype=torch.bool),
        torch.zeros(rows, length),
        ("",) * rows,
        torch.ones(rows, dtype=torch.bool),
    )
    per_token = len(pickle.dumps(pack(full))) / (rows * length)
    assert 8.1 < per_token < 8.5


def test_a_part_without_weights_takes_those_of_the_others() -> None:
    gone = make_scores({"a": [0.0, 0.0]}, np.array([0, 0]), weights=[np.nan], skipped=[True, True])
    there = make_scores({"a": [1.0, 2.0]}, np.array([1, 1]), weights=[0.5])
    for parts in ([gone, there], [there, gone]):
        assert join(parts).weights.tolist() == [0.5]


@given(st.integers(0, 100), st.integers(1, 9))
def test_shares_are_all_there_is(size: int, count: int) -> None:
    parts = [list(range(size))[Processes(rank, count).share(size)] for rank in range(count)]
    assert list(chain.from_iterable(parts)) == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
