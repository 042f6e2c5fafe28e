"""A call of a spec's own function is its body written out: the same numbers, nulls, faults and calls."""

import numpy as np
import pytest
from batches import batches
from cases import thorough
from comparison import compare
from functions import specs_with_functions
from hypothesis import given
from probes import install

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.runtime.columns import values_of
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


@thorough(1 / 2)
@given(specs_with_functions(), batches())
def test_a_call_is_the_body_written_out(text, batch):
    rows, size = batch
    rows = [{**row, "i": row["small"], "big": row["i"]} for row in rows]
    spec, found = check(Source("generated", text))
    assert spec is not None, "\n".join([text, *(f"{d.code} {d.message}" for d in found)])
    compare(Reward(spec), rows, size)
    reward = Reward(spec)
    every = np.ones(len(rows), np.bool_)
    engine = reward.evaluate(Rows(rows), size, uses=dict.fromkeys(spec.lets, every)).engine
    for name in spec.lets:
        if name.startswith("c"):
            called = engine.columns[reward.plan.lets[name]]
            written = engine.columns[reward.plan.lets["w" + name[1:]]]
            assert called.done.all() and written.done.all()
            assert (called.fault == written.fault).all() and (called.null == written.null).all()
            assert values_of(called) == values_of(written), name
