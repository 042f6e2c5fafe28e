"""What rows add to an analysis: numbers worked out by hand, real rows, and rows that are hard."""

import importlib.util
import json
import random
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rewardkit as rk
from rewardkit.analysis.analyze import analyze
from rewardkit.analysis.collapse import COMPARED
from rewardkit.analysis.report import render
from rewardkit.analysis.sample import collect
from rewardkit.analysis.shares import correlations, separates
from rewardkit.diagnostics import RewardError
from rewardkit.normalizers import NORMALIZERS, dr_grpo, effective_share, gdpo, group_deviations, grpo
from rewardkit.runtime import FaultLimitError, RowsError

ROOT = Path(__file__).parents[2]
GRADED = ROOT.parent / "shared" / "data" / "gsm8k_graded.jsonl"


def on_rows(text, rows, group="g", step=0, sizes=(2,), **options):
    reward = rk.loads(text)
    return analyze(reward, collect(reward, rows, mapping={}, group=group, step=step, **options), sizes=sizes)


TWO = """
input f: int in [0, 1]
input c: int in [-3, 3]
term format = f
term correctness = c
reward { format: 1  correctness: 1 }
"""


def rows_of(groups):
    return [{"g": i, "f": f, "c": c} for i, rows in enumerate(groups) for f, c in rows]


# deviations within the groups: format √½, 0, 0; correctness 3√2, √2, 0
GROUPS = rows_of([[(0, -3), (1, 3)], [(1, 1), (1, 3)], [(0, 2), (0, 2)]])


def test_statistics_by_hand():
    format_, correctness = on_rows(TWO, GROUPS).rows.terms
    assert format_.mean == pytest.approx(0.5)
    assert format_.std == pytest.approx(np.std([0, 1, 1, 1, 0, 0], ddof=1))
    assert format_.within == pytest.approx(np.sqrt(0.5) / 3)
    assert format_.varies == pytest.approx(1 / 3)
    assert format_.zero == 0.5 and format_.null == 0 and format_.open is None
    assert correctness.within == pytest.approx((3 * np.sqrt(2) + np.sqrt(2)) / 3)
    assert correctness.varies == pytest.approx(2 / 3)


def test_shares_by_hand():
    shares = on_rows(TWO, GROUPS).rows.shares
    # √½ to 4√2 is 1 to 8; under GDPO each counts where it varies, and so 1 to 2
    for name in ("grpo", "dr_grpo"):
        assert shares.effective[name] == pytest.approx((1 / 9, 8 / 9))
    assert shares.effective["gdpo"] == pytest.approx((1 / 3, 2 / 3), abs=1e-4)
    assert shares.kept == "correctness"
    assert shares.as_separate == pytest.approx((4, 1), rel=1e-3)
    assert shares.as_summed == pytest.approx((0.25, 1), rel=1e-3)
    assert shares.silent == pytest.approx(dict.fromkeys(COMPARED, 1 / 3))
    assert shares.groups == 3 and shares.sizes == (2, 2)
    assert shares.correlations[1][0] == pytest.approx(
        np.corrcoef([-0.5, 0.5, 0, 0, 0, 0], [-3, 3, -1, 1, 0, 0])[0, 1]
    )


def test_weights_like_another_normalizers_give_its_shares():
    rng = np.random.default_rng(1)
    groups = [[(int(rng.random() < 0.7), int(rng.integers(-3, 4))) for _ in range(8)] for _ in range(40)]
    rows = rows_of(groups)
    shares = on_rows(TWO, rows).rows.shares
    matrix = np.array([[row["f"], row["c"]] for row in rows], dtype=np.float64)
    ids = np.array([row["g"] for row in rows])
    np.testing.assert_allclose(
        effective_share(matrix, ids, np.array(shares.as_separate)), shares.effective["gdpo"], rtol=1e-9
    )
    # and GRPO's advantages come close to GDPO's
    plain, like = (grpo(matrix, ids, w) for w in (np.ones(2), np.array(shares.as_separate)))
    target = gdpo(matrix, ids, np.ones(2))
    assert np.corrcoef(like, target)[0, 1] > np.corrcoef(plain, target)[0, 1] + 0.05
    assert np.corrcoef(like, target)[0, 1] > 0.95


def test_a_negative_weight_keeps_its_sign():
    rows = on_rows(TWO.replace("format: 1", "format: -1"), GROUPS).rows
    assert rows.shares.as_separate == pytest.approx((-4, 1), rel=1e-3)


def test_which_normalizers_scale_each_term():
    assert [name for name in NORMALIZERS if separates(name)] == ["gdpo"]


def test_deviations_of_groups():
    matrix = np.array([[1.0, np.nan], [3.0, 5.0], [2.0, 1.0], [2.0, 2.0], [7.0, 7.0]])
    found = group_deviations(matrix, np.array([4, 4, 1, 1, 9]))
    np.testing.assert_allclose(found, [[0, np.sqrt(0.5)], [np.sqrt(2), np.nan], [np.nan, np.nan]])


def test_correlation_over_rows_that_have_both():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    y = 2 * x + rng.normal(size=400)
    groups = np.repeat(np.arange(100), 4)
    matrix = np.stack([x + groups, y - 5 * groups, np.full(400, 0.1) * groups], axis=1)
    found = correlations(matrix, groups)
    centred = [v - np.repeat(v.reshape(-1, 4).mean(axis=1), 4) for v in (x, y)]
    assert found[0, 1] == pytest.approx(np.corrcoef(*centred)[0, 1])
    assert np.isnan(found[2]).all()  # constant in every group: no rounding passes for a deviation


# --- what is merged ---------------------------------------------------------------------------------


def test_merged_groups_are_named():
    rows = [
        {**row, "g": "abc"[row["g"]]}
        for row in rows_of([[(0, 0), (1, 0)], [(0, 0), (1, 1)], [(0, 0), (0, 0)]])
    ]
    merges = on_rows(TWO, rows).rows.merges
    assert merges.groups == 3
    assert dict(merges.distinct) == {"grpo": 2, "dr_grpo": 3, "gdpo": 3}
    assert dict(merges.shared) == pytest.approx({"grpo": 2 / 3, "dr_grpo": 0, "gdpo": 0})
    ((merge, labels),) = merges.merges
    assert merge.normalizer == "grpo" and merge.by == ("dr_grpo", "gdpo")
    assert labels == ("a", "b")
    assert merge.groups == (((0, 0), (1, 0)), ((0, 0), (1, 1)))


def test_groups_of_several_sizes():
    found = on_rows(TWO, rows_of([[(0, 0)], [(0, 0), (1, 0)], [(0, 0), (1, 1), (1, 3)]])).rows
    assert found.shares.sizes == (1, 3) and found.merges.groups == 2
    assert found.terms[0].varies == 1  # of the groups with two rows or more


# --- the hazard ---------------------------------------------------------------------------------------


def tool_rows(prompts=120, size=8):
    """Completions of mixed quality for the example's task, in groups."""
    home = ROOT / "examples" / "tool_calling" / "data.py"
    location = importlib.util.spec_from_file_location("tool_calling_data", home)
    data = importlib.util.module_from_spec(location)
    sys.modules["tool_calling_data"] = data
    location.loader.exec_module(data)
    rng, rows = random.Random(0), []
    for i in range(prompts):
        prompt, requests = data.draw_prompt(rng)
        gold = "[" + ", ".join("".join(request.called) for request in requests) + "]"
        for _ in range(size):
            answer = data.draw_answer(requests, rng)
            rows.append(
                {
                    "g": i,
                    "prompt": "".join(prompt),
                    "gold": gold,
                    "completion": "".join(answer),
                    "completion_tokens": len(answer),
                }
            )
    return rows


SHIPPED = (ROOT / "examples" / "tool_calling" / "tool_calling.rwd").read_text()
PENALIZED = (
    SHIPPED.partition("term brevity")[0]
    + "term length = -0.001 * (completion.tokens / 1tok)\n"
    + "reward { format: 1  correctness: 1  length: WEIGHT }\n"
)


def amplified(text, rows):
    return [f.term for f in on_rows(text, rows).findings if f.kind == "amplified"]


def test_a_penalty_that_barely_varies_is_warned_about():
    rows = tool_rows()
    found = on_rows(PENALIZED.replace("WEIGHT", "1"), rows)
    (warning,) = [f for f in found.findings if f.kind == "amplified"]
    assert warning.term == "length" and warning.severity == "warning"
    shares = found.rows.shares
    assert shares.effective["grpo"][2] < 0.002 and shares.effective["gdpo"][2] > 0.3
    # the weight that the warning names brings its share back to what GRPO gives it
    weight = shares.as_summed[2]
    assert f"weigh it {weight:.4g}" in warning.help
    again = on_rows(PENALIZED.replace("WEIGHT", f"{weight:.6f}"), rows)
    assert again.rows.shares.effective["gdpo"][2] < 0.01
    assert not [f for f in again.findings if f.kind == "amplified"]


def test_the_shipped_spec_is_not_warned_about():
    assert amplified(SHIPPED, tool_rows()) == []


def test_one_term_is_not_amplified():
    rows = [{"g": i // 4, "x": 1 + 1e-9 * (i % 4)} for i in range(16)]
    assert amplified("input x: real\nterm t = x\nreward { t: 1 }", rows) == []


# --- rows that are hard ------------------------------------------------------------------------------


HARD = """
input x: real?
input y: text?
skip when (y ?? "") == "skip"
let z = math.number(y)
term a when x != null else null = x
term b when z != null = z ?? 0
term c = completion.words
reward { a: 1  b: 2 }
advantage gdpo { eps: 0.1 }
"""


def hard_rows():
    return [
        {"g": 0, "x": 1.0, "y": "2", "completion": "a"},
        {"g": 0, "x": float("nan"), "y": "3", "completion": ""},
        {"g": 1, "x": None, "y": None, "completion": "a b"},
        {"g": 1, "x": 4.0, "y": "skip", "completion": "a b"},
        {"g": 2, "x": 1.0, "y": "skip", "completion": "a"},
        {"g": 0, "x": 2.0, "y": "4", "completion": "a b c"},
    ]


def test_nulls_skips_and_metrics():
    found = on_rows(HARD, hard_rows())
    rows = found.rows
    assert (rows.rows, rows.skipped) == (6, 2)
    a, b, c = rows.terms
    assert a.null == 0.5 and a.mean == 1.5 and a.open == 0.5
    assert b.null == 0 and b.zero == 0.25 and b.open == 0.75
    assert c.weight is None and c.within is not None
    assert rows.shares.groups == 2  # the third has no row left
    assert rows.shares.silent["gdpo"] == 0.5
    render(found)


def test_the_spec_s_own_eps_counts():
    """An eps beside which a deviation is small takes the amplification away."""
    rows = [{"g": i // 4, "x": 1e-3 * (i % 2), "y": float(i % 4)} for i in range(40)]
    text = "input x: real\ninput y: real\nterm a = x\nterm b = y\nreward { a: 1  b: 1 }\nadvantage gdpo"
    plain = on_rows(text, rows).rows.shares.effective["gdpo"]
    damped = on_rows(text + " { eps: 0.1 }", rows).rows.shares.effective["gdpo"]
    assert plain[0] > 0.4 and damped[0] < 0.02


def test_without_groups_it_says_what_is_left_out():
    found = on_rows(TWO, GROUPS, group=None)
    assert found.rows.shares is None and found.rows.merges is None
    assert "--group" in found.rows.without
    assert found.rows.terms[0].within is None
    assert "left out: give --group" in render(found)


def test_groups_of_one_row():
    found = on_rows(TWO, rows_of([[(0, 1)], [(1, 3)]]))
    assert found.rows.shares is None and "one row" in found.rows.without
    assert found.rows.terms[0].varies is None
    render(found)


def test_no_rows_and_no_unskipped_rows():
    reward = rk.loads(HARD)
    with pytest.raises(RowsError, match="no rows"):
        collect(reward, [], mapping={})
    with pytest.raises(RowsError, match="every row is skipped"):
        collect(reward, hard_rows()[3:5], mapping={})


def test_a_spec_that_aggregates_wants_groups():
    reward = rk.loads("input x: real\nterm a = x - (mean(x) over group)\nreward { a: 1 }")
    with pytest.raises(RowsError, match="--group"):
        collect(reward, [{"x": 1.0}], mapping={})


def test_a_spec_over_the_batch_wants_its_size():
    reward = rk.loads("input x: real\nterm a = x - (mean(x) over batch)\nreward { a: 1 }")
    rows = [{"x": float(i)} for i in range(8)]
    with pytest.raises(RowsError, match="--batch-size"):
        collect(reward, rows, mapping={}, group_size=2)
    sample = collect(reward, rows, mapping={}, group_size=2, batch_size=4)
    assert sample.matrix[:, 0].tolist() == [-1.5, -0.5, 0.5, 1.5] * 2
    assert sample.labels[1] == "rows 2 to 3"


def test_faults_are_counted_and_too_many_stop_it():
    text = "input n: int\nlet m = n * 4611686018427387904\nterm a = m\nterm b = n\nreward { a: 1  b: 1 }"
    rows = [{"g": i // 4, "n": 2 if i == 3 else i % 2} for i in range(40)]
    found = on_rows(text, rows, sizes=(2,))
    assert found.rows.faulted == 1 and dict(found.rows.faults) == {"m": 1}
    assert found.rows.terms[0].null == pytest.approx(1 / 40)
    with pytest.raises(FaultLimitError, match="the first: row 3, m: "):
        on_rows(text, rows, max_faults=0.01)


def test_values_that_no_normalizer_takes():
    text = "input x: real\ninput y: bool\nterm a = x\nterm b = y\nreward { a: 1  b: 1 }"
    with pytest.raises(RewardError, match=r"row .*`a` is 1e\+90, and normalizers take values up to 1e\+70"):
        on_rows(text, [{"g": 0, "x": 0.0, "y": True}, {"g": 0, "x": 1e90, "y": False}])


def test_a_term_that_is_constant_in_every_group():
    found = on_rows(TWO, rows_of([[(0, 1), (0, 2)], [(1, 2), (1, 3)]]))
    assert ("constant-in-groups", "format") in {(f.kind, f.term) for f in found.findings}
    assert found.rows.shares.effective["grpo"] == pytest.approx((0, 1))
    assert found.rows.shares.as_separate[0] is None


def test_no_term_varies_at_all():
    found = on_rows(TWO, rows_of([[(0, 1), (0, 1)], [(1, 2), (1, 2)]]))
    assert found.rows.shares.kept is None
    assert dict(found.rows.shares.silent) == dict.fromkeys(COMPARED, 1)
    render(found)


def test_twenty_terms():
    names = [f"t{i}" for i in range(20)]
    text = "".join(f"input x{i}: real in [0, 1]\nterm t{i} = x{i}\n" for i in range(20))
    text += "reward { " + "  ".join(f"{n}: 1" for n in names) + " }"
    rng = np.random.default_rng(0)
    rows = [{"g": i // 4, **{f"x{k}": rng.random() for k in range(20)}} for i in range(400)]
    found = on_rows(text, rows, sizes=(2, 8))
    assert len(found.rows.shares.effective["gdpo"]) == 20
    assert found.collapse.combinations.problem is not None
    assert all(name in render(found) for name in names)


def test_many_rows():
    rng = np.random.default_rng(0)
    n = 100_000
    frame = pl.DataFrame({"g": np.arange(n) // 8, "f": rng.integers(0, 2, n), "c": rng.integers(-3, 4, n)})
    told = []
    found = on_rows(TWO, frame, progress=lambda *done: told.append(done))
    assert found.rows.shares.groups == n // 8
    assert found.rows.shares.effective["grpo"] == pytest.approx((0.2, 0.8), abs=0.02)
    assert told[-1] == ("rows", n, n) and len([d for d in told if d[0] == "rows"]) == 5


@pytest.mark.skipif(not GRADED.exists(), reason="the graded GSM8K rows are not beside this checkout")
def test_on_real_rows():
    reward = rk.load(ROOT / "examples" / "gsm8k" / "gsm8k.rwd")
    rows = pl.read_ndjson(GRADED)
    found = analyze(reward, collect(reward, rows, mapping={}, group="prompt"))
    scores = reward(rows, group=rows["prompt"])
    stats = found.rows.terms[0]
    assert found.rows.shares.groups == 660 and found.rows.shares.sizes == (4, 4)
    by_group = scores.matrix[:, 0].reshape(-1, 4) if len(set(rows["prompt"][:4])) == 1 else None
    if by_group is not None:
        assert stats.within == pytest.approx(by_group.std(axis=1, ddof=1).mean())
        assert stats.varies == pytest.approx(np.mean(by_group.std(axis=1) > 0))
    np.testing.assert_allclose(
        found.rows.shares.effective["grpo"], effective_share(scores.matrix, scores.groups, scores.weights)
    )
    signal = np.abs(dr_grpo(scores.matrix, scores.groups, scores.weights))
    heard = len(set(scores.groups[signal > 0].tolist()))
    assert found.rows.shares.silent["dr_grpo"] == pytest.approx(1 - heard / 660)
    # no normalizer can tell more groups apart than there are, and GRPO merges some that others do not
    assert 0 < found.rows.merges.distinct["grpo"] < found.rows.merges.distinct["dr_grpo"] <= 660
    assert found.rows.merges.shared["grpo"] > 0.1
    json.dumps(found.to_json(), allow_nan=False)
    render(found)
