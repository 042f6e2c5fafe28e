"""From `Scores` to advantages."""

import math

import numpy as np
import polars as pl
import pytest

from rewardkit.normalizers import advantage, dr_grpo, gdpo, grpo
from rewardkit.runtime.scores import Scores

NAN = math.nan
MATRIX = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.5, NAN], [0.0, 0.0]])
GROUPS = np.array([0, 1, 0, 1, 0])
WEIGHTS = np.array([1.0, 0.2])


def scores(**changes):
    fields = {
        "terms": ("a", "b"),
        "matrix": MATRIX,
        "weights": WEIGHTS,
        "total": np.nansum(MATRIX * WEIGHTS, axis=1),
        "skipped": np.zeros(5, dtype=bool),
        "masked": np.zeros(5, dtype=bool),
        "groups": GROUPS,
        "scale": None,
        "gates": {},
        "frame": pl.DataFrame(),
        "faults": pl.DataFrame(),
        "timings": {},
        "step": 0.0,
        "fingerprint": "",
    }
    return Scores(**(fields | changes))


def test_the_normalizer_of_the_spec_with_its_options():
    given = scores(normalizer="gdpo", options={"eps": 0.5})
    np.testing.assert_array_equal(advantage(given), gdpo(MATRIX, GROUPS, WEIGHTS, eps=0.5))
    expected = gdpo(MATRIX, GROUPS, WEIGHTS, eps=0.5, ddof=0)
    np.testing.assert_array_equal(advantage(given, ddof=0), expected)
    np.testing.assert_array_equal(advantage(given, "gdpo", eps=0.1), gdpo(MATRIX, GROUPS, WEIGHTS, eps=0.1))


def test_options_of_the_spec_are_not_those_of_another_normalizer():
    given = scores(normalizer="gdpo", options={"eps": 0.5, "whiten": "sequence"})
    np.testing.assert_array_equal(advantage(given, "grpo"), grpo(MATRIX, GROUPS, WEIGHTS))


def test_a_skipped_row_is_in_no_statistic():
    skipped = np.array([False, False, False, False, True])
    found = advantage(scores(skipped=skipped), "gdpo")
    assert found[4] == 0
    np.testing.assert_allclose(found[:4], gdpo(MATRIX[:4], GROUPS[:4], WEIGHTS), rtol=0, atol=1e-12)


def test_a_masked_row_keeps_its_advantage():
    expected = advantage(scores(), "gdpo")
    np.testing.assert_array_equal(advantage(scores(masked=np.ones(5, dtype=bool)), "gdpo"), expected)
    assert expected.any()


def test_scale_multiplies_last():
    scale = np.array([2.0, 0.5, 2.0, NAN, 2.0])
    expected = gdpo(MATRIX, GROUPS, WEIGHTS) * np.array([2.0, 0.5, 2.0, 0.0, 2.0])
    np.testing.assert_array_equal(advantage(scores(scale=scale), "gdpo"), expected)
    assert expected[1] != 0


def test_the_normalizer_must_be_named():
    with pytest.raises(ValueError, match=r"write `advantage gdpo` in the spec or pass normalizer="):
        advantage(scores())
    with pytest.raises(ValueError, match="`gdppo` is unknown"):
        advantage(scores(), "gdppo")


def test_groups_must_be_there():
    with pytest.raises(ValueError, match=r"score with group=\.\.\. first"):
        advantage(scores(groups=None), "grpo")


def test_unknown_options_are_named():
    with pytest.raises(
        ValueError, match="`dr_grpo` has no option `epsilon`; known: lengths, profile, eps, ddof"
    ):
        advantage(scores(), "dr_grpo", epsilon=1.0)
    np.testing.assert_array_equal(advantage(scores(), "dr_grpo"), dr_grpo(MATRIX, GROUPS, WEIGHTS))
