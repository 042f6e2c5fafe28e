"""Single cases: nulls, silence, precision, errors, names."""

import inspect
import math
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest
import torch

from rewardkit.normalizers import NORMALIZERS, dr_grpo, effective_share, gdpo, get, grpo, registry
from rewardkit.types import normalizer as declared

NAN = math.nan
every = pytest.mark.parametrize("normalizer", NORMALIZERS.values(), ids=NORMALIZERS)


def test_options_are_what_the_checker_declares():
    assert NORMALIZERS.keys() == declared.NORMALIZERS.keys()
    for name, function in NORMALIZERS.items():
        parameters = inspect.signature(function).parameters.values()
        options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        assert options == {option: d.default for option, d in declared.NORMALIZERS[name].items()}


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


@every
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
        ((R, G, W), {"eps": NAN}, "eps must be a number >= 0, not nan"),
        ((R, G, W), {"ddof": 2}, "ddof must be 0 or 1, not 2"),
        ((R, G, W), {"whiten": "token"}, "whiten must be one of none, sequence, not 'token'"),
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
    with pytest.raises(ValueError, match="`gdppo` is unknown; known: grpo, dr_grpo, gdpo"):
        get("gdppo")
    with pytest.raises(ValueError, match="`rloo` is not built yet; known: grpo"):
        get("rloo")


def test_another_package_offers_a_normalizer(monkeypatch):
    offered = [
        EntryPoint("half", "operator:neg", registry.ENTRY_POINTS),
        EntryPoint("grpo", "operator:pos", registry.ENTRY_POINTS),  # a built-in name cannot be taken
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints(offered).select(group=group))
    assert get("half")(3) == -3
    assert get("grpo") is grpo
    with pytest.raises(ValueError, match=r"known: grpo, dr_grpo, gdpo, half$"):
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
