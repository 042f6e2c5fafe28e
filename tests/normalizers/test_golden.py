"""Worked examples, computed apart from this code from the papers' formulas."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from rewardkit.normalizers import dr_grpo, gdpo, grpo

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())


def close(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=1e-4)


@pytest.fixture(params=["numpy", "torch"])
def array(request):
    """Both array kinds, and both precisions, must give the same."""
    if request.param == "numpy":
        return lambda x: np.asarray(x, dtype=np.float64)
    return lambda x: torch.tensor(x, dtype=torch.float32)


def case(name, array):
    inputs = GOLDEN[name]["inputs"]
    rewards = array(inputs["rewards"])
    groups = np.arange(len(rewards)) // inputs["group_size"]
    return rewards, groups, inputs.get("weights", [1.0, 1.0]), inputs


@pytest.mark.parametrize("name", ["grpo_2x4x2", "grpo_population_std"])
def test_grpo(name, array):
    rewards, groups, weights, inputs = case(name, array)
    close(grpo(rewards, groups, weights, eps=inputs["eps"], ddof=inputs["ddof"]), GOLDEN[name]["adv"])


def test_dr_grpo(array):
    close(dr_grpo(*case("grpo_no_std_2x4x2", array)[:3]), GOLDEN["grpo_no_std_2x4x2"]["adv"])


def test_gdpo(array):
    rewards, groups, weights, inputs = case("gdpo_2x4x2", array)
    options = {"eps": inputs["eps"], "ddof": inputs["ddof"]}
    close(gdpo(rewards, groups, weights, whiten="none", **options), GOLDEN["gdpo_2x4x2"]["pre_batch_norm"])
    close(gdpo(rewards, groups, weights, **options), GOLDEN["gdpo_2x4x2"]["adv"])


@pytest.mark.parametrize("row", GOLDEN["gdpo_fig2_toy"]["table"].values(), ids=str)
def test_two_rollouts_and_two_binary_rewards(row, array):
    args = array(row["rewards"]), np.zeros(2, dtype=int), [1.0, 1.0]
    close(grpo(*args, eps=0.0), row["grpo"])
    close(dr_grpo(*args), row["grpo_no_std"])
    close(gdpo(*args, eps=0.0, whiten="none"), row["gdpo_pre_bn"])


def test_a_batch_of_two_groups_keeps_what_one_group_loses():
    """Whitening over one group makes (0,1) and (0,2) equal; over both in one batch it does not."""
    one, two = [[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]
    for alone in one, two:
        close(gdpo(np.array(alone), np.zeros(2, dtype=int), [1, 1], eps=0.0), [-0.7071, 0.7071])
    both = gdpo(np.array(one + two), np.array([0, 0, 1, 1]), [1, 1], eps=0.0)
    close(both, [-0.5477, 0.5477, -1.0954, 1.0954])


def test_conditioned_length():
    """Gated to 0, not to null: the wrong but short answer is pushed down by the length term."""
    golden = GOLDEN["gdpo_conditioned_length_reward"]
    inputs = golden["inputs"]
    short = np.array(inputs["length"]) <= inputs["l"]
    close(short, golden["R_length"])
    right = np.array(inputs["correct"]) >= inputs["t"]
    gated = np.where(right, short, 0.0)
    close(gated, golden["R_length_conditioned"])
    length = gdpo(gated[:, None], np.zeros(4, dtype=int), [1.0], eps=0.0, whiten="none")
    close(length, [1.5, -0.5, -0.5, -0.5])
    ungated = gdpo(short[:, None] * 1.0, np.zeros(4, dtype=int), [1.0], eps=0.0, whiten="none")
    assert ungated[2] > 0 > length[2]


@pytest.mark.parametrize("row", GOLDEN["grpo_difficulty_bias"]["table"], ids=lambda row: f"p={row['p']}")
def test_difficulty_bias(row):
    """GRPO weighs a prompt by sqrt(p(1-p)), Dr. GRPO by p(1-p): arXiv 2505.12366."""
    size = GOLDEN["grpo_difficulty_bias"]["inputs"]["G"]
    right = np.arange(size) < row["p"] * size
    args = right[:, None] * 1.0, np.zeros(size, dtype=int), [1.0]
    population = grpo(*args, eps=0.0, ddof=0)
    close(population[0], row["A_pos"])
    close(population[-1], row["A_neg"])
    close(population[0], row["sqrt((1-p)/p)"])
    close(population[-1], row["-sqrt(p/(1-p))"])
    close(np.abs(population).mean(), row["mean|A|"])
    close(np.abs(population).mean(), row["2sqrt(p(1-p))"])
    # sum_i A_i s_i / G = weight * (mean s+ - mean s-): read the weight off s = right
    close((population * right).mean(), row["weight_grpo sqrt(p(1-p))"])
    close((dr_grpo(*args) * right).mean(), row["weight_drgrpo p(1-p)"])
    close((grpo(*args, eps=0.0) * right).mean(), row["weight_grpo_ddof1_G8"])


# How many distinct advantage groups binary rewards have: figure 3 of arXiv 2601.05242.

TABLE = GOLDEN["gdpo_distinct_advantage_groups"]
SIZES = [
    *((int(rollouts), 2, row) for rollouts, row in TABLE["rollouts_at_2_rewards"].items()),
    *((4, int(terms), row) for terms, row in TABLE["rewards_at_4_rollouts"].items()),
]
NORMALIZERS = {
    "grpo": lambda *args: grpo(*args, eps=0.0),
    "grpo_no_std": dr_grpo,
    "gdpo": lambda *args: gdpo(*args, eps=0.0, whiten="none"),
}


def advantages(normalizer, cells, terms):
    """(groups, rollouts) numbers whose bits are a rollout's rewards -> (groups, rollouts) advantages."""
    rewards = (cells.reshape(-1, 1) >> np.arange(terms)) & 1
    groups = np.repeat(np.arange(len(cells)), cells.shape[1])
    found = NORMALIZERS[normalizer](rewards.astype(np.float64), groups, np.ones(terms))
    return np.round(found, 6).reshape(cells.shape) + 0.0  # no -0.0


def orders(vector):
    """In how many orders the values of a vector can stand."""
    repeats = np.unique(vector, return_counts=True)[1]
    return math.factorial(len(vector)) // math.prod(math.factorial(n) for n in repeats)


@pytest.mark.parametrize("normalizer", NORMALIZERS)
@pytest.mark.parametrize(
    ("rollouts", "terms", "row"), SIZES, ids=lambda x: str(x) if isinstance(x, int) else ""
)
def test_distinct_advantage_groups(normalizer, rollouts, terms, row):
    """Over multisets of rollouts, as advantages move with their rows (the property tests hold that)."""
    cells = np.array(list(itertools.combinations_with_replacement(range(2**terms), rollouts)))
    vectors = np.unique(np.sort(advantages(normalizer, cells, terms), axis=1), axis=0)
    found = {
        "multiset": len(vectors),
        "values": len(np.unique(vectors)),
        "ordered": sum(map(orders, vectors)),
    }
    assert found == row[normalizer]


@pytest.mark.parametrize("normalizer", NORMALIZERS)
@pytest.mark.parametrize(("rollouts", "terms"), [(2, 2), (4, 2), (6, 2), (4, 3), (4, 4)])
def test_distinct_advantage_groups_in_every_order(normalizer, rollouts, terms):
    """The same counts the long way round, over every assignment of rewards to rollouts."""
    number = np.arange(2 ** (terms * rollouts))
    cells = (number[:, None] >> (terms * np.arange(rollouts))) & (2**terms - 1)
    vectors = np.unique(advantages(normalizer, cells, terms), axis=0)
    row = next(row for g, n, row in SIZES if (g, n) == (rollouts, terms))
    assert len(vectors) == row[normalizer]["ordered"]


@pytest.mark.parametrize(
    ("terms", "summed", "apart"), [(2, 0.0703, 0.0703), (3, 0.0400, 0.0225), (4, 0.0276, 0.0144)]
)
def test_how_many_groups_of_four_have_no_signal(terms, summed, apart):
    """Of all assignments of binary rewards: facts behind filtering on the components, not on the sum."""
    number = np.arange(2 ** (terms * 4))
    cells = (number[:, None] >> (terms * np.arange(4))) & (2**terms - 1)
    for name, expected in (("grpo", summed), ("grpo_no_std", summed), ("gdpo", apart)):
        silent = ~advantages(name, cells, terms).any(axis=1)
        assert silent.mean() == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("size", range(2, 9))
def test_closed_forms_of_the_counts(size):
    row = TABLE["rollouts_at_2_rewards"][str(size)]
    assert row["grpo"]["multiset"] == 1 + math.comb(size, 2)
    assert row["grpo_no_std"]["multiset"] == math.comb(size + 1, size - 1)


def test_near_ties_split_groups_where_eps_is_added():
    """Counted with eps 1e-4 GRPO seems to have as many groups as without the deviation."""
    cells = np.array(list(itertools.combinations_with_replacement(range(4), 8)))
    rewards = (cells.reshape(-1, 1) >> np.arange(2)) & 1
    groups = np.repeat(np.arange(len(cells)), 8)
    found = np.round(grpo(rewards * 1.0, groups, np.ones(2), eps=1e-4), 6).reshape(cells.shape) + 0.0
    assert len(np.unique(np.sort(found, axis=1), axis=0)) == 36
    assert TABLE["rollouts_at_2_rewards"]["8"]["grpo"]["multiset"] == 29
