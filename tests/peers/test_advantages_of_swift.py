"""The profile "ms_swift" against ms-swift 4.6's own functions, in float32."""

from __future__ import annotations

import numpy as np
import pytest
from peer_environment import ask
from reward_batches import BATCHES, Batch, batches, numbered

from rewardkit.normalizers import NORMALIZERS


@pytest.fixture(scope="module")
def given() -> list[Batch]:
    kinds = [batches(4), batches(5, nulls=True), batches(6, ragged=True), batches(7, ragged=True, nulls=True)]
    return [batch for kind in kinds for batch in list(kind)[: BATCHES // 2]]


@pytest.fixture(scope="module")
def found(given: list[Batch], tmp_path_factory: pytest.TempPathFactory) -> Batch:
    return ask("swift", "advantages_in_swift.py", numbered(given), tmp_path_factory.mktemp("swift"))


@pytest.mark.parametrize("name", ["grpo", "dr_grpo", "batch", "rloo", "reinforce_pp", "gdpo"])
def test_the_profile_is_ms_swift(name: str, given: list[Batch], found: Batch) -> None:
    seen = 0
    for i, batch in enumerate(given):
        if f"{i}/{name}" not in found:
            continue
        ours = NORMALIZERS[name](batch["rewards"], batch["groups"], batch["weights"], profile="ms_swift")
        np.testing.assert_allclose(ours, found[f"{i}/{name}"], rtol=1e-5, atol=1e-5)
        seen += 1
    assert seen == (BATCHES if name == "gdpo" else 2 * BATCHES)
