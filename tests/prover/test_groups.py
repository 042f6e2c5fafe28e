"""Claims of advantages against every group of small specs, computed without the prover."""

from itertools import product

import numpy as np
from evaluating import checked
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

import rewardkit
from rewardkit.normalizers import advantage
from rewardkit.prover import prove

VALUES = st.sampled_from(["0", "0.25", "0.5", "1"])
WEIGHTS = st.sampled_from(["1", "0.5", "0.25", "-0.5"])


@st.composite
def tables(draw):
    """A spec whose rows are told by `k`, with `p` the same in a group, and rows that are skipped."""
    lines = ["param p: int in [0, 1] = 0", "input k: int in [0, 2]", "input gone: bool"]
    if draw(st.booleans()):
        lines.append("skip when gone")
    for name in "uv":
        a, b, c = (draw(VALUES) for _ in range(3))
        last = draw(st.sampled_from([c, "p"]))
        lines.append(f"term {name} in [0, 1] = if k == 0 then {a} else if k == 1 then {b} else {last}")
    lines.append(f"reward {{ u: {draw(WEIGHTS)}  v: {draw(WEIGHTS)} }}")
    options = [f"eps: {draw(st.sampled_from(['0.5', '0.0001']))}"]
    options += [f'baseline: "{draw(st.sampled_from(["group", "leave_one_out"]))}"']
    options += [f'single: "{draw(st.sampled_from(["zero", "raw"]))}"']
    lines.append(f"advantage gdpo {{ {'  '.join(options)} }}")
    better, worse = draw(st.sampled_from([(0, 1), (1, 2), (0, 2)]))
    size = draw(st.integers(2, 3))
    claim = f"prove k == {better} outranks k == {worse} in advantage for groups of {size}"
    return "\n".join([*lines, claim]) + "\n", better, worse, size


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_the_verdict_is_that_of_every_group(table):
    text, better, worse, size = table
    note(text)
    spec = checked(text)
    verdict = prove(spec, spec.claims[0])
    assert verdict.answer in ("proved", "refuted")
    skips = (False, True) if "skip when" in text else (False,)
    groups = list(product(product(range(3), skips), repeat=size))
    rows = [{"k": k, "gone": gone, "prompt": "", "completion": ""} for group in groups for k, gone in group]
    gaps = []
    for p in (0, 1):
        scores = rewardkit.loads(text, p=p)(rows, group=size)
        # one group at a time: whitening looks at the whole batch, and keeps the order
        found = np.asarray(advantage(scores, whiten="none")).reshape(-1, size)
        for group, values in zip(groups, found, strict=True):
            high = [v for (k, gone), v in zip(group, values, strict=True) if k == better and not gone]
            low = [v for (k, gone), v in zip(group, values, strict=True) if k == worse and not gone]
            gaps += [a - b for a in high for b in low]
    assert verdict.answer == ("proved" if min(gaps) > 1e-9 else "refuted")
