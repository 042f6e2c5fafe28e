"""A table of claims with their verdicts, and what a witness must be."""

import tomllib
from pathlib import Path

import pytest
from evaluating import checked

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.prover import prove, prove_all
from rewardkit.prover.findings import findings
from rewardkit.testing import run_tests

TABLE = tomllib.loads((Path(__file__).parent / "claims.toml").read_text())["spec"]
CASES = [(entry, claim, verdict) for entry in TABLE for claim, verdict in entry["claims"]]


@pytest.mark.parametrize(
    ("entry", "claim", "expected"), CASES, ids=[f"{e['name']}: {c}" for e, c, _ in CASES]
)
def test_the_verdict_of_a_claim(entry, claim, expected):
    text = entry["text"] + f"prove {claim}\n"
    spec = checked(text)
    verdict = prove(spec, spec.claims[0])
    found = "vacuous" if verdict.vacuous else verdict.answer
    assert found == expected, verdict.reason
    if verdict.answer == "refuted":
        assert_breaks(text, verdict.witness)
    if verdict.answer == "undecided":
        assert verdict.reason
    for diagnostic in findings(spec, [verdict]):
        assert diagnostic.help
        assert len(diagnostic.message) <= 100


def assert_breaks(text, witness):
    """The witness's test is part of the language, and fails: it states the claim."""
    assert witness.test or witness.notes
    if not witness.test:
        return
    spec = checked(text)
    if not spec.has_reward:  # tests score rows, and a file without a reward cannot
        text += f"reward {{ {next(iter(spec.terms))}: 1 }}\n"
    pasted, found = check(Source("pasted", text + witness.test + "\n"))
    assert [d.message for d in found if d.is_error] == [], witness.test
    (test,) = pasted.tests
    (result,) = run_tests(pasted, [test])
    assert result.error is None, witness.test
    assert not result.passed, witness.test


def test_there_are_many_claims():
    assert len(CASES) >= 80


def test_verdicts_do_not_depend_on_what_was_asked_before():
    entry = TABLE[0]
    text = entry["text"] + "".join(f"prove {claim}\n" for claim, _ in entry["claims"])
    spec = checked(text)
    first = prove_all(spec)
    again = [prove(spec, claim) for claim in reversed(spec.claims)][::-1]
    assert [v.answer for v in first] == [v.answer for v in again]
    assert [v.witness and v.witness.test for v in first] == [v.witness and v.witness.test for v in again]
