"""The quantile sketch: exact while values are few, close when they are many, small always."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from filtering import untimed
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.training.filters.sketch import CAPACITY, Sketch

SHARES = [0.0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0]
NUMBERS = st.floats(-1e6, 1e6)


def streamed(values, calls):
    sketch = Sketch()
    for part in np.array_split(values, calls):
        sketch = sketch.add(part)
    return sketch


def rank_errors(sketch, values):
    """How far, as a share of all, each quantile lies from its rank; 0 inside a run of equal values."""
    ordered, found = np.sort(values), sketch.quantiles(SHARES)
    low = np.searchsorted(ordered, found, side="left") / len(values)
    high = np.searchsorted(ordered, found, side="right") / len(values)
    return np.maximum(np.maximum(low - SHARES, SHARES - high), 0.0)


DISTRIBUTIONS = {
    "uniform": lambda random, n: random.random(n),
    "normal": lambda random, n: random.normal(0, 3, n),
    "lognormal": lambda random, n: random.lognormal(0, 4, n),
    "two humps": lambda random, n: random.normal(random.choice([-5, 5], n), 1, n),
    "rising": lambda random, n: np.sort(random.normal(0, 1, n)),
    "falling": lambda random, n: -np.sort(random.normal(0, 1, n)),
    "drifting": lambda random, n: np.linspace(0, 4, n) + random.normal(0, 1, n),
    "half of it 0": lambda random, n: np.where(random.random(n) < 0.5, 0.0, random.random(n)),
    "means of 16": lambda random, n: random.binomial(16, random.beta(0.5, 0.5, n)) / 16,
}  # fmt: skip


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_close_to_the_percentiles_of_1e5_values(name):
    values = DISTRIBUTIONS[name](np.random.default_rng(7), 100_000)
    sketch = streamed(values, 1000)
    assert sketch.count == len(values)
    assert len(sketch.means) <= CAPACITY
    assert len(json.dumps(sketch.save())) < 30_000
    errors = rank_errors(sketch, values)
    assert errors.max() < 0.005
    # a quantile near an end is as good as its distance from there asks for
    assert errors[[1, 9]].max() < 0.0005
    assert sketch.quantiles([0, 1]) == [values.min(), values.max()]


@untimed
@given(st.lists(st.lists(st.integers(0, 16).map(lambda x: x / 16)), min_size=1, max_size=30))
def test_exact_while_distinct_values_are_few(parts):
    """However many values: those of `numpy.percentile`, to the bit where a rank is a whole number."""
    values = np.array(list(itertools.chain(*parts)))
    sketch = Sketch()
    for part in parts:
        sketch = sketch.add(part)
    if not len(values):
        with pytest.raises(ValueError, match="empty sketch"):
            sketch.quantiles([0.5])
        return
    np.testing.assert_allclose(
        sketch.quantiles(SHARES), np.percentile(values, np.multiply(SHARES, 100)), atol=1e-12
    )
    ranks = np.arange(len(values)) / max(len(values) - 1, 1)
    assert sketch.quantiles([0.0, 1.0]) == [values.min(), values.max()]
    np.testing.assert_allclose(sketch.quantiles(ranks.tolist()), np.sort(values), atol=1e-12)


def test_a_heavy_value_is_met_exactly():
    """A quartile inside a run of equal values is that value, not one a little beside it."""
    random = np.random.default_rng(3)
    for _ in range(100):
        values = random.binomial(16, random.uniform(0.2, 0.8), 2000) / 16
        sketch = streamed(values, 30)
        assert sketch.quantiles([0.25, 0.5, 0.75]) == np.percentile(values, [25, 50, 75]).tolist()


@untimed
@given(st.lists(NUMBERS, min_size=1, max_size=200), st.lists(NUMBERS, min_size=1, max_size=200))
def test_merging_is_adding(left, right):
    one = Sketch().add(left).merge(Sketch().add(right))
    assert one == Sketch().add(right).merge(Sketch().add(left)) == Sketch().add([*left, *right])


def test_merged_sketches_of_parts_are_as_close_as_one():
    values = np.random.default_rng(1).normal(0, 1, 100_000)
    merged = Sketch()
    for part in np.array_split(values, 16):
        merged = merged.merge(streamed(part, 20))
    assert merged.count == len(values) and len(merged.means) <= CAPACITY
    assert rank_errors(merged, values).max() < 0.005


@untimed
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_any_stream(seed, calls):
    """Quantiles rise, stay within the values, and go on from JSON as if nothing had been saved."""
    random = np.random.default_rng(seed)
    values = random.choice([1.0, 1e-3, 1e6]) * random.standard_t(1.5, random.integers(1, 5000))
    kept, saved = Sketch(), Sketch()
    for part in np.array_split(values, calls):
        kept, saved = kept.add(part), Sketch.load(json.loads(json.dumps(saved.save()))).add(part)
    assert kept == saved
    assert kept.count == len(values) and len(kept.means) <= CAPACITY
    found = kept.quantiles(SHARES)
    assert found == sorted(found)
    assert values.min() == found[0] and found[-1] == values.max()
    # within the widest centroid, which is one unit of the scale: 2 pi / CAPACITY of all values
    assert rank_errors(kept, values).max() < 2 * np.pi / CAPACITY + 1.5 / len(values)


@untimed
@given(st.lists(NUMBERS, max_size=50), st.randoms(use_true_random=False))
def test_the_order_of_one_call_does_not_matter(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert Sketch().add(values) == Sketch().add(shuffled)


def test_what_is_refused():
    for bad in ([np.nan], [np.inf]):
        with pytest.raises(ValueError, match="finite"):
            Sketch().add(bad)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        Sketch().add([1.0]).quantiles([1.5])
    good = Sketch().add([1.0, 2.0]).save()
    for key, value in [("means", [2.0, 1.0]), ("weights", [1]), ("range", [1.0]), ("equal", None)]:
        with pytest.raises(ValueError, match="cannot be read"):
            Sketch.load({**good, key: value})
    with pytest.raises(ValueError, match="cannot be read"):
        Sketch.load({})
