"""A table of claims with their verdicts, and what a witness must be."""

import tomllib
from pathlib import Path

import pytest
from evaluating import checked

import rewardkit
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


def test_verdicts_are_short_to_print_and_take_a_loaded_reward():
    reward = rewardkit.loads(TABLE[0]["text"] + f"prove {TABLE[0]['claims'][0][0]}\n")
    (verdict,) = prove_all(reward)
    assert verdict.answer == prove(reward.spec, reward.spec.claims[0]).answer
    assert len(repr(verdict)) < 2_000
    assert len(repr(reward.spec)) < 200


UNDECIDED = """
input x: real
input y: real in [0, 1]
term a = exp(x) * exp(-x) - 1
term b = exp(-completion.tokens / 100tok) * exp(completion.tokens / 100tok) - 1
term c = exp(y) * exp(-y) - 1
prove a == 0
prove b == 0
prove c == 0
"""


def test_a_claim_that_is_not_decided_says_what_has_no_range():
    spec = checked(UNDECIDED)
    helps = [found.help for found in findings(spec, prove_all(spec))]
    assert helps == [
        "give `x` a range, claim less, or test it with samples",
        "hold `completion.tokens` with `clamp` or a gate, claim less, or test it with samples",
        "claim less, or test it with samples",
    ]


GATED = """
input tests: list[testcase]
let r = code.run(completion.text, tests)
let crashed = r.crashed
term a in [0, 1] when not crashed = r.share
reward { a: 1 }
prove a > 0 or crashed outranks not crashed
prove not crashed
"""


def test_what_a_witness_says():
    spec = checked(GATED)
    order, condition = findings(spec, prove_all(spec))
    assert "gate the term" not in order.help  # it is gated, and by what the claim says
    assert "`a`" in order.help
    assert "crashed true" in condition.notes[0]
    assert "0 of 1 passed, crashed" in condition.notes[0]
