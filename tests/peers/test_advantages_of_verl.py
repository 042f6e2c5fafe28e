"""The profile "verl" against verl 0.9's own estimators, in float32."""

from __future__ import annotations

import numpy as np
import pytest
from peer_environment import ask
from reward_batches import Batch, batches, numbered

from rewardkit.normalizers import NORMALIZERS

OURS = {
    "grpo": ("grpo", {}),
    "dr_grpo": ("dr_grpo", {}),
    "gdpo": ("gdpo", {}),
    "rloo": ("rloo", {}),
    "rloo_vectorized": ("rloo", {"single": "zero"}),  # the same estimator, without the defect
    "reinforce_pp": ("reinforce_pp", {}),
    "reinforce_pp_baseline": ("reinforce_pp", {"baseline": "group"}),
}


@pytest.fixture(scope="module")
def given() -> list[Batch]:
    return list(batches(3, ragged=True))


@pytest.fixture(scope="module")
def found(given: list[Batch], tmp_path_factory: pytest.TempPathFactory) -> Batch:
    return ask("verl", "advantages_in_verl.py", numbered(given), tmp_path_factory.mktemp("verl"))


@pytest.mark.parametrize("name", OURS)
def test_the_profile_is_verl(name: str, given: list[Batch], found: Batch) -> None:
    normalizer, options = OURS[name]
    for i, batch in enumerate(given):
        ours = NORMALIZERS[normalizer](
            batch["rewards"], batch["groups"], batch["weights"], lengths=batch["lengths"], profile="verl",
            **options,
        )  # fmt: skip
        np.testing.assert_allclose(ours, found[f"{i}/{name}"], rtol=1e-5, atol=1e-5)


def test_a_missing_value_is_no_number_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    """NaN is all of a group's advantages in verl, and all of the batch's under GDPO; here it is left out."""
    rewards = np.array([[1.0], [np.nan], [0.0], [1.0], [0.0], [1.0]], dtype=np.float32)
    batch = {
        "rewards": rewards,
        "weights": np.ones(1, dtype=np.float32),
        "groups": np.array([0, 0, 0, 1, 1, 1]),
        "lengths": np.arange(1, 7),
    }
    theirs = ask("verl", "advantages_in_verl.py", numbered([batch]), tmp_path_factory.mktemp("verl"))
    assert np.isnan(theirs["0/grpo"]).tolist() == [True, True, True, False, False, False]
    assert np.isnan(theirs["0/gdpo"]).all()
    for name in ("grpo", "gdpo"):
        ours = NORMALIZERS[name](rewards, batch["groups"], [1.0], lengths=batch["lengths"], profile="verl")
        assert np.isfinite(ours).all() and ours[0] > 0
