"""What holds for every objective in the table."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from losses_toy import CASES, IDS, Mini, make, minibatches

from rewardkit.training.losses import OBJECTIVES

some = settings(deadline=None, max_examples=50)  # of each of the cases
every = pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-11)


def test_every_objective_is_held_to_this():
    assert {name for name, _ in CASES} == set(OBJECTIVES)


@every
@some
@given(mini=minibatches, seed=st.integers(0, 2**32), parts=st.integers(1, 5))
def test_parts_add_up(name, options, mini, seed, parts):
    """However a minibatch is split, losses and gradients of the parts sum to the whole's, and the metrics
    average to its, weighted by tokens."""
    rng = torch.Generator().manual_seed(seed)
    loss, gradient, metrics = mini.call(name, options)
    ids = torch.unique(mini.groups, return_inverse=True)[1]
    units = ids if OBJECTIVES[name].whole_groups else torch.arange(len(ids))
    place = torch.randint(0, parts, (len(ids),), generator=rng)[units]
    total, pieces, means = torch.zeros_like(loss), torch.zeros_like(gradient), {}
    for part in range(parts):
        rows = (place == part).nonzero()[:, 0]
        share = mini.rows(rows)
        own, pieces[rows], measured = share.call(name, options, mini.counts(), mini.kl())
        total += own
        weight = share.mask.sum() / mini.mask.sum().clamp(min=1)
        means = {key: means.get(key, 0) + value * weight for key, value in measured.items()}
    close(total, loss)
    close(pieces, gradient)
    if mini.mask.any():
        for key, value in metrics.items():
            torch.testing.assert_close(means[key], value, rtol=1e-5, atol=1e-7, check_dtype=False)


@every
@some
@given(mini=minibatches)
def test_what_is_masked_is_never_read(name, options, mini):
    clean, dirty = mini.call(name, options), mini.poisoned().call(name, options)
    assert torch.equal(clean[0], dirty[0]) and torch.isfinite(clean[0])
    assert torch.equal(clean[1], dirty[1]) and torch.isfinite(clean[1]).all()
    assert not clean[1][mini.mask == 0].any()
    assert all(torch.equal(clean[2][key], dirty[2][key]) for key in clean[2])


@every
@some
@given(mini=minibatches, seed=st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter(name, options, mini, seed):
    order = torch.randperm(len(mini.mask), generator=torch.Generator().manual_seed(seed))
    loss, gradient, _ = mini.call(name, options)
    other, shuffled, _ = mini.rows(order).call(name, options)
    close(other, loss)
    close(shuffled, gradient[order])


@every
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (4, 3)])
def test_nothing_to_learn_is_a_loss_of_0(name, options, shape):
    mini = make(0, *shape, 2)
    empty = Mini(mini.new, mini.old, mini.advantages, torch.zeros(shape), mini.groups)
    loss, gradient, metrics = empty.call(name, {**options, "delta": 0.0} if "delta" in options else options)
    assert loss == 0 and not gradient.any()
    assert all(value == 0 for value in metrics.values())


@every
def test_only_the_new_policy_is_trained(name, options):
    mini = make(1, 8, 5, 2)
    given = [mini.new, mini.old, mini.advantages]
    new, old, advantages = (tensor.clone().requires_grad_() for tensor in given)
    loss, metrics = OBJECTIVES[name].function(new, old, advantages, mini.mask, mini.groups, **options)
    loss.backward()
    assert new.grad.any() and old.grad is None and advantages.grad is None
    assert all(value.ndim == 0 and not value.requires_grad for value in metrics.values())


@every
def test_float32_in_float32_out(name, options):
    mini = make(2, 8, 5, 2)
    single = Mini(mini.new.float(), mini.old.float(), mini.advantages.float(), mini.mask, mini.groups)
    loss, gradient, _ = single.call(name, options)
    assert loss.dtype == gradient.dtype == torch.float32
    torch.testing.assert_close(gradient.double(), mini.call(name, options)[1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [name for name, it in OBJECTIVES.items() if it.whole_groups])
def test_a_loss_of_groups_takes_one_advantage_per_completion(name):
    mini = make(0, 4, 3, 2)
    with pytest.raises(
        ValueError, match=r"advantages must have shape \(4,\), one per completion, not \(4, 3\)"
    ):
        OBJECTIVES[name].function(mini.new, mini.old, mini.new, mini.mask, mini.groups)
    with pytest.raises(ValueError, match=r"groups must have shape \(4,\), one per completion, not \(3,\)"):
        OBJECTIVES[name].function(mini.new, mini.old, mini.advantages, mini.mask, mini.groups[1:])
