"""From a `.rwd` file to advantages: profiles, gates, tokens."""

import json
from pathlib import Path

import numpy as np
import pytest

import rewardkit
from rewardkit.normalizers import NORMALIZERS, AdvantageError, advantage
from rewardkit.testing.runner import run_tests
from rewardkit.types.normalizer import PROFILES

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())

SPEC = """
input right: bool
input tidy: bool
term accuracy = right
term format = tidy
reward {{ accuracy: 1.0  format: 0.5 }}
advantage {advantage}
"""
ROWS = [
    {"prompt": "p", "completion": "c", "right": bool(i & 1), "tidy": bool(i & 2), "completion_tokens": i + 1}
    for i in (0, 1, 2, 3, 1, 1, 0, 2, 3)
]
GROUPS = [0, 0, 0, 0, 1, 1, 1, 1, 2]
LENGTHS = [row["completion_tokens"] for row in ROWS]


@pytest.mark.parametrize(
    ("name", "profile"), [(name, profile) for name, profiles in PROFILES.items() for profile in profiles]
)
def test_a_profile_in_a_spec_is_that_profile(name, profile):
    scores = rewardkit.loads(SPEC.format(advantage=f'{name} {{ profile: "{profile}" }}'))(ROWS, group=GROUPS)
    assert not scores.faults.height
    expected = NORMALIZERS[name](
        scores.matrix, scores.groups, scores.weights, lengths=LENGTHS, profile=profile
    )
    np.testing.assert_array_equal(advantage(scores, lengths=LENGTHS), expected)
    assert expected.any()


def test_an_option_lies_over_the_profile_of_the_spec():
    scores = rewardkit.loads(SPEC.format(advantage='gdpo { profile: "verl" whiten: "sequence" }'))(
        ROWS, group=GROUPS
    )
    expected = NORMALIZERS["gdpo"](
        scores.matrix, scores.groups, scores.weights, profile="verl", whiten="sequence"
    )
    np.testing.assert_array_equal(advantage(scores), expected)
    changed = advantage(scores, profile="trl")  # a call's options lie over the spec's
    np.testing.assert_array_equal(changed, NORMALIZERS["gdpo"](scores.matrix, scores.groups, scores.weights))


def test_tokens_must_be_handed_over():
    scores = rewardkit.loads(SPEC.format(advantage="reinforce_pp"))(ROWS, group=GROUPS)
    with pytest.raises(AdvantageError, match=r"pass lengths=\.\.\., the tokens of each row"):
        advantage(scores)
    with pytest.raises(AdvantageError, match=r"lengths must have shape \(9,\), one per row, not \(2,\)"):
        advantage(scores, lengths=[1, 2])
    assert advantage(scores, lengths=LENGTHS).any()
    assert advantage(scores, whiten="sequence").any()


def test_a_skipped_row_does_not_count_where_missing_values_do():
    text = SPEC.format(advantage='gdpo { profile: "ms_swift" }') + "input gone: bool\nskip when gone\n"
    rows = [{**row, "gone": i in (2, 5)} for i, row in enumerate(ROWS)]
    found = advantage(rewardkit.loads(text)(rows, group=GROUPS))
    kept = [i for i in range(len(rows)) if i not in (2, 5)]
    expected = advantage(rewardkit.loads(text)([rows[i] for i in kept], group=[GROUPS[i] for i in kept]))
    np.testing.assert_array_equal(found[kept], expected)
    assert not found[[2, 5]].any()


def test_a_conditioned_reward_is_a_gated_term():
    """Eq. 8 of arXiv 2601.05242: short counts where the answer is right, and is 0 where it is not."""
    golden = GOLDEN["gdpo_conditioned_length_reward"]
    inputs = golden["inputs"]
    text = f"""
    input correct: real in [0, 1]
    let right = correct >= {inputs["t"]}
    term short in [0, 1] when right = if completion.tokens <= {inputs["l"]}tok then 1 else 0
    reward {{ short: 1.0 }}
    advantage gdpo {{ eps: 0.0  whiten: "none" }}
    """
    rows = [
        {"prompt": "p", "completion": "c", "completion_tokens": n, "correct": c}
        for n, c in zip(inputs["length"], inputs["correct"], strict=True)
    ]
    scores = rewardkit.loads(text)(rows, group=len(rows))
    np.testing.assert_array_equal(scores.matrix[:, 0], golden["R_length_conditioned"])
    np.testing.assert_allclose(advantage(scores), [1.5, -0.5, -0.5, -0.5], atol=1e-4)
    # without the gate the wrong answer that is short is pushed up
    plain = rewardkit.loads(text.replace("when right ", ""))(rows, group=len(rows))
    np.testing.assert_array_equal(plain.matrix[:, 0], golden["R_length"])
    assert advantage(plain)[2] > 0 > advantage(scores)[2]


TESTED = """
input right: bool
term accuracy = right
reward { accuracy: 1 }
advantage reinforce_pp
test "a right answer is above a wrong one" {
  group {
    sample good { right = true  completion.text = "x"  completion.tokens = 3tok }
    sample bad { right = false  completion.text = "x"  GIVEN }
  }
  expect good.advantage == 0.5 within 0.001
  expect bad.advantage == -1.5 within 0.001
}
"""


def test_samples_of_a_test_give_their_tokens():
    """Values 1 1 1 0, token by token: mean 0.75, deviation 0.5."""
    spec = rewardkit.loads(TESTED.replace("GIVEN", "completion.tokens = 1tok")).spec
    (result,) = run_tests(spec, spec.tests)
    assert result.error is None and result.passed
    spec = rewardkit.loads(TESTED.replace("GIVEN", "")).spec
    (result,) = run_tests(spec, spec.tests)
    assert "the tokens of each row" in str(result.error)
