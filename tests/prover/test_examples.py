"""The examples' claims are proved; weakened versions are refuted with a test that fails."""

import tomllib
from pathlib import Path

import pytest
from evaluating import checked
from test_claims import assert_breaks

from rewardkit.prover import prove, prove_all

EXAMPLES = Path(__file__).parents[2] / "examples"
SPECS = sorted(path for path in EXAMPLES.glob("*/*.rwd"))
WEAKENED = tomllib.loads((Path(__file__).parent / "weakened.toml").read_text())["weakened"]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_the_claims_of_an_example_are_proved(path):
    spec = checked(path.read_text())
    verdicts = prove_all(spec)
    assert len(verdicts) >= 3
    assert [(v.claim.text, v.answer, v.vacuous) for v in verdicts if v.answer != "proved" or v.vacuous] == []


@pytest.mark.parametrize("case", WEAKENED, ids=lambda case: case["spec"])
def test_a_weakened_example_is_refuted(case):
    text = (EXAMPLES / case["spec"]).read_text()
    for old, new in case["replace"]:
        assert old in text, old
        text = text.replace(old, new)
    text = text.partition('\ntest "')[0] + "\n"
    spec = checked(text)
    claim = next(c for c in spec.claims if c.text == case["claim"])
    verdict = prove(spec, claim)
    assert verdict.answer == "refuted", verdict.reason
    assert verdict.witness.test
    assert_breaks(text, verdict.witness)
