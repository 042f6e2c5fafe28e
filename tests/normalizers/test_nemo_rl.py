"""The profile "nemo_rl" against its formulas in plain numpy: the package itself cannot be installed here.

NeMo-RL takes the variance as the mean of squares less the squared mean, here it is taken about the mean; what
differs beyond that is in docs/normalizers.md.
"""

import numpy as np
import pytest

from rewardkit.normalizers import dr_grpo, gdpo, grpo, reinforce_pp, rloo

BATCHES = 300


def baseline(values, leave_one_out):
    """Each value's baseline and deviation within one group, by the others or by all of them."""
    n, mean, std = len(values), np.array(values), np.zeros(len(values))
    if n < 2:
        return mean, std
    for i in range(n):
        used = np.delete(values, i) if leave_one_out else values
        mean[i] = used.mean()
        std[i] = used.std(ddof=1) if len(used) > 1 and used.std() > 1e-12 else 0.0
    return mean, std


def compared(values, groups, leave_one_out=True, divide=True):
    out = np.zeros(len(values))
    for group in np.unique(groups):
        rows = groups == group
        mean, std = baseline(values[rows], leave_one_out)
        difference = values[rows] - mean
        out[rows] = np.where((std > 0) & divide, difference / (std + 1e-6), difference)
    return out


def batches():
    rng = np.random.default_rng(11)
    for _ in range(BATCHES):
        sizes = rng.integers(1, 7, 5)
        groups = rng.permutation(np.repeat(rng.permutation(9)[:5], sizes))
        rewards = rng.choice([0.0, 1.0, 0.25, -2.0], (len(groups), 3))
        yield rewards, groups, np.array([1.0, 0.5, -0.25]), rng.integers(1, 9, len(groups))


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_sums_within_groups():
    for rewards, groups, weights, _ in batches():
        total, args = rewards @ weights, (rewards, groups, weights)
        close(grpo(*args, profile="nemo_rl"), compared(total, groups))
        close(grpo(*args, profile="nemo_rl", baseline="group"), compared(total, groups, leave_one_out=False))
        expected = compared(total, groups, divide=False)
        close(dr_grpo(*args, profile="nemo_rl"), expected)
        close(rloo(*args, profile="nemo_rl"), expected)


@pytest.mark.parametrize("leave_one_out", [True, False])
def test_gdpo(leave_one_out):
    for rewards, groups, weights, _ in batches():
        parts = [w * compared(r, groups, leave_one_out) for w, r in zip(weights, rewards.T, strict=True)]
        total = np.sum(parts, axis=0)
        total = total - total.mean()
        expected = total / total.std(ddof=1) if total.std() > 0 else total
        options = {} if leave_one_out else {"baseline": "group"}
        close(gdpo(rewards, groups, weights, profile="nemo_rl", **options), expected)


@pytest.mark.parametrize("baseline", ["group", "none"])
def test_reinforce_pp(baseline):
    for rewards, groups, weights, lengths in batches():
        total = rewards @ weights
        if baseline == "group":
            total = compared(total, groups, leave_one_out=False, divide=False)
        mean = (total * lengths).sum() / lengths.sum()
        variance = ((total - mean) ** 2 * lengths).sum() / lengths.sum()
        expected = (total - mean) / np.sqrt(max(variance, 1e-8))
        options = {"lengths": lengths, "profile": "nemo_rl", "baseline": baseline}
        close(reinforce_pp(rewards, groups, weights, **options), expected)


def test_what_is_missing_is_zero():
    """As the rewards of NeMo-Gym come in."""
    rewards = np.array([[1.0, np.nan], [0.0, 1.0], [np.nan, np.nan]])
    args = np.zeros(3, dtype=int), [1.0, 1.0]
    for normalizer in (grpo, gdpo):
        zeros = normalizer(np.nan_to_num(rewards), *args, profile="nemo_rl")
        np.testing.assert_array_equal(normalizer(rewards, *args, profile="nemo_rl"), zeros)
        assert zeros[2] != 0
