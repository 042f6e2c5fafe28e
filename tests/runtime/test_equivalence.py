"""Generated specs: the compiled plan gives what the reference evaluator gives, whatever the split; and
every value that is reached is one that the checker allows: well-typed specs do not go wrong.
"""

from collections import Counter

import numpy as np
import pytest
from batches import PARAMS, batches
from cases import CASES, DEFAULT, thorough
from comparison import compare
from generator import specs
from hypothesis import given, settings
from hypothesis import strategies as st
from probes import install

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.runtime.backends import Backends
from rewardkit.runtime.pool import WorkerPool
from rewardkit.runtime.reward import Reward


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


def checked(text):
    spec, diagnostics = check(Source("generated", text))
    assert spec is not None, "\n".join([text, *(f"{d.code} {d.message}" for d in diagnostics)])
    return spec


def test_the_plan_is_the_reference(capsys):
    compared = Counter[str]()

    @thorough()
    @given(specs(), batches(), st.integers(0, 12), PARAMS)
    def holds(text, batch, step, params):
        rows, size = batch
        reference = compare(Reward(checked(text), params), rows, size, step, params)[1]
        compared.update(
            specs=1,
            rows=len(rows),
            values=reference.checked,
            rounded=reference.rounded,
            failing=reference.failing,
        )

    holds()
    with capsys.disabled():
        counts = ", ".join(f"{count:,} {what}" for what, count in compared.items())
        print(f"\ncompared with the reference, and held to what the checker says: {counts}")
    assert compared["rows"] >= 2 * CASES
    # the checks bite: nearly all values lie exactly inside, and some calls do fail
    assert compared["rounded"] < compared["values"] / 20
    assert compared["failing"] > 0 or CASES < DEFAULT


@pytest.fixture(scope="module")
def pools():
    with WorkerPool(1) as one, WorkerPool(2) as two:
        yield one, two


@thorough(1 / 4)
@given(specs(scopes=("group",)), batches(), st.integers(0, 12), st.data())
def test_neither_split_nor_workers_change_a_bit(pools, text, batch, step, data):
    rows, size = batch
    spec = checked(text)
    whole = score(spec, rows, size, step, pools[0])
    cut = size * data.draw(st.integers(0, len(rows) // size))
    parts = [score(spec, part, size, step, pools[1]) for part in (rows[:cut], rows[cut:]) if part]
    for name in ("matrix", "total", "skipped", "masked"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        assert joined.tobytes() == getattr(whole, name).tobytes(), name
    assert sum(part.faults.height for part in parts) == whole.faults.height


def score(spec, rows, size, step, pool):
    reward = Reward(spec, backends=Backends(workers=pool))
    return reward(rows, group=size, step=step)


SMOOTH = """
input x: real
input n: int
input k: bool
term mean = mean(x) over group
term std = std(x) over group ?? 0
term sum = sum(x * n where k) over group
term rank = rank(x) over group
term some = (max(x where k) over group ?? -1) - (min(n) over group)
term shares = mean(k) over group + count(n > 2) over group
term batch = mean(x - (mean(x) over group)) over batch + sum(exp(tanh(x))) over batch
reward { mean: 1  std: 0.5  sum: 0.25  rank: 1  some: 1  shares: 1  batch: 1 }
"""


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-100, 100), st.integers(-9, 9), st.booleans()), min_size=1, max_size=20),
    st.randoms(),
)
def test_another_order_gives_the_same_scores(values, random):
    rows = [{"x": x, "n": n, "k": k} for x, n, k in values]
    ids = [random.randrange(4) for _ in rows]
    order = random.sample(range(len(rows)), len(rows))
    reward = Reward(checked(SMOOTH))
    plain = reward(rows, group=ids)
    shuffled = reward([rows[i] for i in order], group=[ids[i] for i in order])
    # 1e-12 of what is added up: a sum that cancels keeps the rounding of its parts
    size = max(1.0, sum(abs(x) * max(1, abs(n)) for x, n, _ in values))
    np.testing.assert_allclose(shuffled.matrix, plain.matrix[order], rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(shuffled.total, plain.total[order], rtol=0, atol=1e-12 * size)
