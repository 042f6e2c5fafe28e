"""The math example on real graded completions: 2,640 of them, where the data lies beside the checkout."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import rewardkit as rk

ROOT = Path(__file__).parents[2]
GRADED = ROOT.parent / "shared" / "data" / "gsm8k_graded.jsonl"
SPEC = ROOT / "examples" / "gsm8k" / "gsm8k.rwd"


def test_the_rows_of_the_example_agree_with_their_labels():
    rows = [json.loads(line) for line in (ROOT / "examples/gsm8k/rows.jsonl").read_text().splitlines()]
    scores = rk.load(SPEC)(rows, keep=["correct"])
    gold = [row["answer"] is not None for row in rows]
    assert scores.skipped.tolist() == [not known for known in gold]
    found = scores.frame["correct"].to_list()
    assert [c for c, known in zip(found, gold, strict=True) if known] == [
        row["label"] for row, known in zip(rows, gold, strict=True) if known
    ]


@pytest.mark.skipif(not GRADED.exists(), reason="the graded GSM8K rows are not beside this checkout")
def test_it_agrees_with_the_graders_on_gsm8k():
    rows = pl.read_ndjson(GRADED)
    scores = rk.load(SPEC)(rows)
    agree = (scores.matrix[:, 0] == 1) == rows["label"].to_numpy()
    assert len(agree) == 2640 and scores.faults.is_empty()
    assert agree.mean() >= 0.998
    # brevity pays only where the answer is right
    assert np.all(scores.matrix[scores.matrix[:, 0] == 0, 1] == 0)


GROUPED = """
input answer: text
let correct = math.equal(math.answer(completion.text), answer) ?? false
let longest = max(completion.words) over group
term accuracy in [0, 1] = correct
term brevity  in [0, 1] when correct = 1 - clamp(completion.words / max(longest, 1), 0, 1)
term above = completion.words / max(mean(completion.words) over group, 1)
reward { accuracy: 1  brevity: 0.2  above: 0.1 }
advantage gdpo
"""


@pytest.mark.skipif(not GRADED.exists(), reason="the graded GSM8K rows are not beside this checkout")
def test_another_order_of_real_rows_moves_nothing_by_more_than_rounding():
    rows = pl.read_ndjson(GRADED)
    order = np.random.default_rng(0).permutation(rows.height)
    reward = rk.loads(GROUPED)
    plain = reward(rows, group=rows["prompt"])
    shuffled = reward(rows[order], group=rows["prompt"][order])
    np.testing.assert_allclose(shuffled.matrix, plain.matrix[order], rtol=0, atol=1e-12)
    np.testing.assert_allclose(shuffled.total, plain.total[order], rtol=0, atol=1e-12)
    np.testing.assert_allclose(rk.advantage(shuffled), rk.advantage(plain)[order], rtol=0, atol=1e-12)
