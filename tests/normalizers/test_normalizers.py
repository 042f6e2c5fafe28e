"""Single cases: nulls, silence, precision, errors, names."""

import inspect
import math
import subprocess
import sys
from functools import partial
from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest
import torch

from rewardkit import plugins
from rewardkit.normalizers import NORMALIZERS, dr_grpo, effective_share, gdpo, get, grpo, registry, rloo
from rewardkit.types import normalizer as declared

NAN = math.nan
# without tokens, REINFORCE++ whitens per sequence
ALL = NORMALIZERS | {"reinforce_pp": partial(NORMALIZERS["reinforce_pp"], whiten="sequence")}
ALL |= {"reinforce_pp_baseline": partial(NORMALIZERS["reinforce_pp"], baseline="group", whiten="sequence")}
every = pytest.mark.parametrize("normalizer", ALL.values(), ids=ALL)
WITHIN = {name: function for name, function in ALL.items() if name != "reinforce_pp"}
within = pytest.mark.parametrize("normalizer", WITHIN.values(), ids=WITHIN)


def test_options_are_what_the_checker_declares():
    assert NORMALIZERS.keys() == declared.NORMALIZERS.keys()
    for name, function in NORMALIZERS.items():
        parameters = inspect.signature(function).parameters.values()
        options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        assert options.pop("lengths") is None
        assert list(options) == list(declared.NORMALIZERS[name])
        assert options.pop("profile") == declared.NORMALIZERS[name]["profile"].default
        assert set(options.values()) == {None}  # the profile's


def test_every_profile_says_every_option_within_its_range():
    for name, profiles in declared.PROFILES.items():
        options = {k: o for k, o in declared.NORMALIZERS[name].items() if k != "profile"}
        for row in profiles.values():
            assert row.keys() == options.keys()
            for option, value in row.items():
                known = options[option]
                assert value in known.choices if known.choices else value is None or value >= 0
        rewards, groups = np.array([[1.0, 2.0], [0.5, NAN], [NAN, NAN], [3.0, 1.0]]), np.array([0, 0, 0, 1])
        for profile, row in profiles.items():
            args, lengths = (rewards, groups, [1.0, 0.5]), np.array([5, 3, 4, 2])
            found = NORMALIZERS[name](*args, lengths=lengths, profile=profile)
            written = NORMALIZERS[name](*args, lengths=lengths, **row)
            np.testing.assert_array_equal(found, written)
            assert np.isfinite(found).all()


def test_what_is_written_out_lies_over_the_profile():
    args = np.array([[0.0], [1.0], [1.0], [5.0]]), np.array([0, 0, 0, 1]), [1.0]
    # alone in its group, the last row passes its reward through in verl
    assert grpo(*args, profile="verl")[3] == pytest.approx(5.0, rel=1e-5)
    assert grpo(*args, profile="verl", single="zero")[3] == 0.0
    np.testing.assert_array_equal(grpo(*args, profile="verl", single="zero", eps=1e-4), grpo(*args))


def test_rloo_compares_with_the_others():
    args = np.array([[1.0], [2.0], [6.0], [7.0]]), np.array([0, 0, 0, 1]), [1.0]
    np.testing.assert_allclose(rloo(*args), [1 - 4, 2 - 3.5, 6 - 1.5, 0.0])
    np.testing.assert_array_equal(rloo(*args), dr_grpo(*args, baseline="leave_one_out"))
    np.testing.assert_allclose(rloo(*args, single="raw"), [1 - 4, 2 - 3.5, 6 - 1.5, 7.0])


def test_the_others_deviation_divides_only_where_they_vary():
    args = np.array([[1.0], [0.1], [0.1], [0.1]]), np.zeros(4, dtype=int), [1.0]
    found = grpo(*args, eps=0.0, baseline="leave_one_out")
    others = np.array([0.1, 0.1, 1.0])
    np.testing.assert_allclose(found[0], 0.9)  # undivided: the others are equal, whatever rounding leaves
    np.testing.assert_allclose(found[1:], (0.1 - others.mean()) / others.std(ddof=1))


def test_a_row_without_values_may_count():
    rewards, groups = np.array([[1.0], [NAN], [4.0], [1.0], [3.0]]), np.array([0, 0, 0, 1, 1])
    assert grpo(rewards, groups, [1.0])[1] == 0
    zeros = np.nan_to_num(rewards)
    for normalizer in NORMALIZERS.values():
        tokens = np.array([3, 1, 4, 1, 5])
        expected = normalizer(zeros, groups, [1.0], lengths=tokens)
        found = normalizer(rewards, groups, [1.0], lengths=tokens, missing="zero")
        np.testing.assert_array_equal(found, expected)
        assert found[1] != 0
    # GDPO of ms-swift: out of its group's statistics, and one more row in those of the batch
    skip, count = (gdpo(rewards, groups, [1.0], eps=0.0, missing=m) for m in ("skip", "count"))
    assert count[1] == 0
    np.testing.assert_allclose(count, skip * math.sqrt(4 / 3))


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_tokens_weigh_in_the_batch(kind):
    """Each row as often as it has tokens, as `masked_whiten` over the tokens does."""
    rng = np.random.default_rng(7)
    rewards, groups = rng.integers(-4, 5, (24, 2)) / 4.0, np.repeat(np.arange(6), 4)
    lengths = rng.integers(0, 9, 24)
    plain = gdpo(rewards, groups, [1.0, 0.5], whiten="none")
    spread_out = np.repeat(plain, lengths)
    expected = (plain - spread_out.mean()) / (spread_out.std(ddof=1) + 1e-4)
    found = gdpo(kind(rewards), groups, [1.0, 0.5], lengths=kind(lengths), whiten="token")
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-12, atol=1e-12)
    variance = gdpo(rewards, groups, [1.0, 0.5], lengths=lengths, whiten="token", eps_mode="variance")
    np.testing.assert_allclose(variance, (plain - spread_out.mean()) / np.sqrt(spread_out.var(ddof=1) + 1e-4))
    floor = gdpo(
        rewards, groups, [1.0, 0.5], lengths=lengths, whiten="token", eps_mode="floor", batch_eps=9.0, ddof=0
    )
    plain = gdpo(rewards, groups, [1.0, 0.5], whiten="none", ddof=0)
    np.testing.assert_allclose(floor, (plain - np.repeat(plain, lengths).mean()) / 3)


@every
def test_tokens_must_be_there_and_be_counts(normalizer):
    args = np.array([[1.0], [0.0], [2.0]]), np.zeros(3, dtype=int), [1.0]
    for lengths, problem in (
        (None, r"pass lengths=\.\.\., the tokens of each row"),
        ([1, 2], r"lengths must have shape \(3,\), not \(2,\)"),
        ([1, -2, 3], "lengths must be token counts, 0 or more"),
        ([1, NAN, 3], "lengths must be token counts, 0 or more"),
    ):
        with pytest.raises(ValueError, match=problem):
            normalizer(*args, lengths=lengths, whiten="token")
    assert np.isfinite(normalizer(*args, lengths=[0, 0, 0], whiten="token")).all()


@every
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_groups_that_stand_together_give_the_same_bits(normalizer, kind):
    """The short cut for groups of one size in their order is no other arithmetic."""
    rng = np.random.default_rng(3)
    for size, nulls in ((2, 0.0), (9, 0.0), (9, 0.2), (16, 0.1)):
        rewards = rng.normal(size=(size * 12, 3))
        rewards[rng.random(rewards.shape) < nulls] = NAN
        groups, weights = np.repeat(np.arange(12), size), [1.0, 0.3, -2.0]
        backwards = np.repeat(np.arange(12)[::-1], size)  # the ids fall: sorted as runs
        options = {"eps": 0.0, "whiten": "none"}
        even = np.asarray(normalizer(kind(rewards), kind(groups), weights, **options))
        runs = np.asarray(normalizer(kind(rewards), kind(backwards), weights, **options))
        np.testing.assert_array_equal(even, runs)


def test_a_missing_term_is_not_a_zero():
    rewards = np.array([[0.0, 1.0], [1.0, NAN], [1.0, 0.0]])
    groups, weights = np.zeros(3, dtype=int), np.ones(2)
    # totals 1, 1, 1 (the null adds nothing), so nothing for GRPO to see
    np.testing.assert_array_equal(grpo(rewards, groups, weights), 0.0)
    # first term over three values, second over two
    first, second = np.array([-2, 1, 1]) / math.sqrt(3), np.array([1, 0, -1]) / math.sqrt(2)
    np.testing.assert_allclose(gdpo(rewards, groups, weights, eps=0.0, whiten="none"), first + second)


@every
def test_a_row_of_nulls_is_not_there(normalizer):
    rewards = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, NAN], [1.0, 1.0], [0.0, 3.0]])
    groups, weights = np.array([4, 4, 4, 7, 7]), np.array([1.0, 0.5])
    padded = np.insert(rewards, [0, 2, 5], NAN, axis=0)
    advantages = normalizer(padded, np.insert(groups, [0, 2, 5], [4, 7, 9]), weights, whiten="sequence")
    present = ~np.isnan(padded).all(axis=1)
    np.testing.assert_array_equal(advantages[~present], 0.0)
    expected = normalizer(rewards, groups, weights, whiten="sequence")
    np.testing.assert_allclose(advantages[present], expected, rtol=0, atol=1e-12)


@every
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
@pytest.mark.parametrize("eps", [0.0, 1e-4])
def test_no_variance_is_exactly_no_advantage(normalizer, kind, eps):
    rewards = np.full((9, 2), [0.1, 1e9 + 0.3])
    groups = np.array([0, 0, 0, 1, 1, 1, 1, 1, 2])  # the last one is alone
    advantages = normalizer(kind(rewards), groups, [0.7, 0.1], eps=eps, whiten="sequence")
    assert not np.asarray(advantages).any()


@pytest.mark.parametrize("whiten", ["none", "sequence"])
def test_what_cancels_leaves_no_advantage(whiten):
    """Without eps, rounding errors divided by their own deviation would be full advantages."""
    groups = np.zeros(3, dtype=int)
    swapped = np.array([[0.1, 0.2], [0.2, 0.1], [0.3, 0.0]])  # each adds up to 0.3, give or take
    assert len(set(swapped.sum(axis=1))) > 1
    for normalizer in grpo, dr_grpo:
        np.testing.assert_array_equal(normalizer(swapped, groups, [1, 1], eps=0.0, whiten=whiten), 0.0)
    opposed = np.array([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3]])  # r2 = 1 - r1, so z2 = -z1
    np.testing.assert_array_equal(gdpo(opposed, groups, [1, 1], eps=0.0, whiten=whiten), 0.0)


def test_gdpo_sees_what_equal_totals_hide():
    """Three one-hot terms: every total is 1, yet the rarer terms are worth more."""
    rewards = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]])
    groups = np.zeros(4, dtype=int)
    np.testing.assert_array_equal(grpo(rewards, groups, np.ones(3)), 0.0)
    found = gdpo(rewards, groups, np.ones(3), eps=0.0, whiten="none")
    np.testing.assert_allclose(found, [0.1340, 0.1340, -0.1340, -0.1340], atol=1e-4)


def test_weights_come_after_the_normalization():
    rewards = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = gdpo(rewards, np.zeros(3, dtype=int), [1.0, 0.5], eps=0.0, whiten="none")
    np.testing.assert_allclose(found, [0.28868, 0.28868, -0.57735], atol=1e-5)


@every
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_a_large_offset_does_not_cost_the_variance(normalizer, kind):
    """Around 4e6 the steps of float32 are 0.25; E[x^2] - E[x]^2 would see nothing."""
    steps = np.array([[0.0], [0.25], [0.5], [1.0]], dtype=np.float32)
    groups = np.zeros(4, dtype=int)
    far = normalizer(kind(steps + np.float32(4e6)), groups, [1.0])
    np.testing.assert_allclose(np.asarray(far), normalizer(steps, groups, [1.0]), rtol=1e-6)
    assert np.asarray(far).dtype == np.float32 and np.asarray(far).std() > 0.1


@within
def test_a_row_without_signal_stays_at_zero_beside_others(normalizer):
    rewards = np.array([[0.1], [0.1], [0.1], [0.3], [0.7], [0.2]])
    found = normalizer(rewards, np.array([0, 0, 0, 1, 1, 1]), [1.0], whiten="sequence")
    np.testing.assert_array_equal(found[:3], 0.0)
    assert found[3:].all()


@every
@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (0, 0)])
@pytest.mark.parametrize("kind", [np.zeros, torch.zeros])
def test_nothing_to_normalize(normalizer, shape, kind):
    found = normalizer(kind(shape), np.zeros(shape[0], dtype=int), np.ones(shape[1]), whiten="sequence")
    assert tuple(found.shape) == (shape[0],) and not np.asarray(found).any()
    assert tuple(effective_share(kind(shape), np.zeros(shape[0], dtype=int), np.ones(shape[1])).shape) == (
        shape[1],
    )


@every
def test_inputs_are_left_alone(normalizer):
    rewards, groups, weights = np.array([[NAN], [1.0], [2.0]]), np.array([3, 1, 1]), np.ones(1)
    before = rewards.copy(), groups.copy(), weights.copy()
    normalizer(rewards, groups, weights)
    for now, then in zip((rewards, groups, weights), before, strict=True):
        np.testing.assert_array_equal(now, then)


@every
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_groups_and_weights_may_be_read_only_arrays_or_lists(normalizer, kind):
    rewards, groups, weights = np.array([[1.0], [0.0], [2.0], [5.0]]), np.array([0, 0, 1, 1]), np.ones(1)
    expected = normalizer(rewards, groups, weights)
    groups.flags.writeable = weights.flags.writeable = False
    for these in ((groups, weights), ([0, 0, 1, 1], [1.0])):
        np.testing.assert_array_equal(np.asarray(normalizer(kind(rewards), *these)), expected)


def test_effective_share_of_unequal_scales():
    """A format in {0, 1} beside a correctness in {-3, 3}: a seventh of the signal at equal weights."""
    rewards = np.array([[0.0, -3.0], [1.0, 3.0], [1.0, 3.0], [0.0, -3.0]])
    groups = np.zeros(4, dtype=int)
    np.testing.assert_allclose(effective_share(rewards, groups, [1.0, 1.0]), [1 / 7, 6 / 7])
    np.testing.assert_allclose(effective_share(rewards, groups, [6.0, 1.0]), [0.5, 0.5])
    np.testing.assert_array_equal(effective_share(rewards, np.arange(4), [1.0, 1.0]), 0.0)


R, G, W = np.zeros((4, 2)), np.zeros(4, dtype=int), np.ones(2)
INFINITE = np.array([[0.0, math.inf], [0, 0], [0, 0], [0, 0]])


@every
@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((R[:, 0], G, W), {}, r"rewards must have shape \(rows, terms\), not \(4,\)"),
        ((R.astype(int), G, W), {}, "rewards must be float32 or float64, not int64"),
        ((R, G[:3], W), {}, r"groups must have shape \(4,\), one id per row, not \(3,\)"),
        ((R, G * 1.0, W), {}, "groups must be integers, not float64"),
        ((R, G, W[:1]), {}, r"weights must have shape \(2,\), one per term, not \(1,\)"),
        ((R, G, W * NAN), {}, "weights must be finite"),
        ((INFINITE, G, W), {}, "rewards hold an infinity"),
        ((-INFINITE, G, W), {}, "rewards hold an infinity"),
        ((torch.tensor(INFINITE), G, W), {}, "rewards hold an infinity"),
        ((R, G, W), {"eps": -1.0}, "eps must be a number >= 0, not -1.0"),
        ((R, G, W), {"eps": "x"}, "eps must be a number >= 0, not 'x'"),
        ((R, G, W), {"eps": NAN}, "eps must be a number >= 0, not nan"),
        ((R, G, W), {"ddof": 2}, "ddof must be 0 or 1, not 2"),
        ((R, G, W), {"whiten": "words"}, "whiten must be one of none, sequence, token, not 'words'"),
        ((R, G, W), {"missing": "nan"}, "missing must be one of skip, zero"),
        ((R, G, W), {"profile": "trlx"}, "profile must be one of .*ms_swift, not 'trlx'"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")  # numpy: 0 * inf, while building the case
def test_what_does_not_fit_is_said(normalizer, args, options, message):
    with pytest.raises(ValueError, match=message):
        normalizer(*args, **options)


def test_lists_are_refused():
    with pytest.raises(TypeError, match="numpy array or a torch tensor, not list"):
        grpo([[1.0]], [0], [1.0])


def test_names():
    assert get("gdpo") is gdpo
    with pytest.raises(
        ValueError, match="`gdppo` is unknown; known: grpo, dr_grpo, gdpo, rloo, reinforce_pp"
    ):
        get("gdppo")


def test_another_package_offers_a_normalizer(monkeypatch):
    offered = [
        EntryPoint("half", "operator:neg", registry.ENTRY_POINTS),
        EntryPoint("grpo", "operator:pos", registry.ENTRY_POINTS),  # a built-in name cannot be taken
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints(offered).select(group=group))
    assert get("half")(3) == -3
    assert get("grpo") is grpo
    with pytest.raises(ValueError, match=r"known: grpo, .*, batch, half$"):
        get("third")


def test_importing_does_not_import_torch():
    code = """
import sys
import numpy as np
from rewardkit.normalizers import grpo
grpo(np.ones((2, 1)), [0, 0], [1])
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


@every
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_tensor_stays_there_and_repeats_bit_for_bit(normalizer):
    rewards = torch.randn(999, 3, dtype=torch.float64)
    groups = torch.randint(0, 120, (999,))
    found = normalizer(rewards.cuda(), groups.cuda(), torch.ones(3))
    assert found.is_cuda
    torch.testing.assert_close(found.cpu(), normalizer(rewards, groups, np.ones(3)), rtol=0, atol=1e-12)
    assert torch.equal(found, normalizer(rewards.cuda(), groups.cuda(), torch.ones(3)))


@pytest.mark.parametrize("kind", [np.asarray, torch.tensor], ids=["numpy", "torch"])
def test_what_no_advantage_can_be_made_of_is_told(kind):
    small, large = kind([[1.0], [2.0]]), kind(np.array([[3e38], [-3e38]], dtype=np.float32))
    groups, weights = kind([0, 0]), kind([1.0])
    for wrong in ("1", [1.0], True, 10**400, -1, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^eps must be a number >= 0, not .{1,60}$"):
            grpo(small, groups, weights, eps=wrong)
    for wrong in (kind([1.0, 1e300]), kind([1.0, -1.0]), kind([1.0, NAN]), kind(3), [1, 2, 3], 7):
        with pytest.raises(ValueError, match=r"^lengths must"):
            grpo(small, groups, weights, whiten="token", lengths=wrong)
    with pytest.raises(ValueError, match="too large for float32"):
        dr_grpo(large, groups, kind([4.0]))
    np.testing.assert_allclose(dr_grpo(large, groups, kind([0.5])), [1.5e38, -1.5e38], rtol=1e-6)


def test_unsigned_group_ids_of_torch():
    rewards = torch.tensor([[1.0], [3.0], [5.0]])
    for dtype in (torch.uint8, torch.uint16, torch.uint32, torch.uint64):
        groups = torch.tensor([255, 0, 255]).to(dtype)
        assert dr_grpo(rewards, groups, [1.0]).tolist() == [-2.0, 0.0, 2.0]
