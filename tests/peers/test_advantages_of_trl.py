"""The profile "trl" against TRL 1.16's own trainers, in float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from advantages_of_trl import grpo as trl_grpo
from advantages_of_trl import rloo as trl_rloo
from reward_batches import BATCHES, batches

from rewardkit.normalizers import NORMALIZERS

pytest.importorskip("trl")

THEIRS = {
    "grpo": lambda *given: trl_grpo(*given, "sum_then_normalize", "group"),
    "dr_grpo": lambda *given: trl_grpo(*given, "sum_then_normalize", "none"),
    "batch": lambda *given: trl_grpo(*given, "sum_then_normalize", "batch"),
    "gdpo": lambda *given: trl_grpo(*given, "normalize_then_sum", "group"),
    "rloo": lambda *given: trl_rloo(*given, False),
    "rloo whitened": lambda *given: trl_rloo(*given, True),
}


@pytest.mark.filterwarnings("ignore")  # TRL's own, such as std of one value
@pytest.mark.parametrize("name", THEIRS)
def test_the_profile_is_trl(name: str) -> None:
    normalizer = NORMALIZERS[name.split()[0]]
    options = {"whiten": "sequence"} if "whitened" in name else {}
    seen = 0
    for seed, nulls in ((1, False), (2, True)):
        # whitening RLOO, TRL leaves the only scorable row of a group out of the batch's statistics
        for batch in list(batches(seed, nulls=nulls and not options))[: BATCHES // 2]:
            rewards, weights = torch.from_numpy(batch["rewards"]), torch.from_numpy(batch["weights"])
            expected = THEIRS[name](rewards.clone(), weights, int(batch["size"]))
            found = normalizer(rewards, torch.from_numpy(batch["groups"]), weights, profile="trl", **options)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
            seen += 1
    assert seen == BATCHES


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", THEIRS)
def test_in_float64_it_is_trl_for_any_numbers(name: str) -> None:
    """To 1e-7: TRL divides counts by counts for its deviations, and that is float32 in torch."""
    rng = np.random.default_rng(8)
    options = {"whiten": "sequence"} if "whitened" in name else {}
    for size in (2, 3, 8):
        for _ in range(20):
            rewards = torch.from_numpy(rng.normal(size=(6 * size, 3)))
            weights = torch.from_numpy(rng.normal(size=3))
            groups = torch.arange(6).repeat_interleave(size)
            expected = THEIRS[name](rewards.clone(), weights, size)
            found = NORMALIZERS[name.split()[0]](rewards, groups, weights, profile="trl", **options)
            np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.filterwarnings("ignore")
def test_rounding_is_all_that_differs_where_nothing_varies() -> None:
    """Seven times 0.1 have a deviation in float32, which an eps of 1e-4 does not hide; here it is 0."""
    rewards, weights = torch.full((7, 1), 0.1), torch.ones(1)
    theirs = trl_grpo(rewards.clone(), weights, 7, "sum_then_normalize", "group")
    ours = NORMALIZERS["grpo"](rewards, torch.zeros(7, dtype=torch.int64), weights, profile="trl")
    assert not ours.any()
    assert theirs.abs().max() < 1e-3
