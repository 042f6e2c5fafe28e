"""Generated specs and claims: what is proved no row breaks, and what is refuted the evaluator breaks."""

import pytest
from batches import CALL
from cases import thorough
from evaluating import Looker
from generator import specs
from hypothesis import assume, given, note
from hypothesis import strategies as st
from probes import install

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.prover import prove
from rewardkit.testing import run_tests


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


# Numbers of few binary digits: a proof is of real numbers, and rounding is not what is tested here.
SIMPLE = {"1e300": "7.5", "9223372036854775807": "7", "0.1": "0.125", "0.3": "0.25", "0.2 *": "0.25 *"}
INTS = st.integers(-4, 9)
REALS = st.sampled_from([0.0, 1.0, -1.0, 0.5, -1.5, 2.0, 0.125, 8.0])
UNIT = st.sampled_from([0.0, 1.0, -1.0, 0.5, -1.5, 2.0, -2.0])
TEXTS = st.sampled_from(["", "a", "ab", "a b", "4", "so \\boxed{4}", "-3.5", "tool", "b\n"])
SHARES = st.sampled_from([0.0, 1.0, 0.5, 0.25])
ROW = st.fixed_dictionaries(
    {
        "i": INTS,
        "small": st.integers(-5, 5),
        "n": st.none() | INTS,
        "r": UNIT,
        "wide": REALS,
        "q": st.none() | REALS,
        "b": st.booleans(),
        "c": st.none() | st.booleans(),
        "s": TEXTS,
        "t": st.none() | TEXTS,
        "words": st.lists(TEXTS, max_size=2),
        "xs": st.lists(INTS, max_size=2),
        "share": SHARES,
        "odds": st.sampled_from([2.0, 1.0, 0.5, 0.125]),
        "rate": st.none() | SHARES,
        "rounds": st.integers(1, 9),
        "time": st.sampled_from([0, 1.5, 8.0, 100.0]),
        "calls": st.lists(CALL, max_size=2),
        "gold": st.lists(CALL, max_size=2),
        "completion": TEXTS,
        "completion_tokens": st.integers(0, 30),
        "finished": st.booleans(),
    }
)
PARAMS = st.fixed_dictionaries(
    {
        "budget": st.sampled_from([1, 2, 10, 20, 100]),
        "scale": st.sampled_from([0.0, 0.5, 1.0, 2.0]),
        "mode": TEXTS,
        "on": st.booleans(),
        "rounds_wanted": st.integers(1, 4),
    }
)
PROMPT = st.fixed_dictionaries(
    {
        "prompt": TEXTS,
        "prompted": st.integers(0, 9),
        "hardness": SHARES,
        "topic": st.none() | st.sampled_from(["a", "ab"]),
    }
)
MOVES = {
    "i": INTS, "small": st.integers(-5, 5), "r": UNIT, "wide": REALS, "b": st.booleans(),
    "completion.tokens": st.integers(0, 30), "budget": st.sampled_from([1, 2, 10, 20, 100]),
    "scale": st.sampled_from([0.0, 0.5, 1.0, 2.0]), "step": st.integers(0, 12), "prompted": st.integers(0, 9),
    "share": SHARES, "rounds": st.integers(1, 9),
}  # fmt: skip
CONDITIONS = [
    "b",
    "not b",
    "i > 2",
    "completion.finished",
    "(c ?? false)",
    "completion.tokens < 4tok",
    "s == (t ?? s)",
    "failed(probe.flaky(i))",
]


@st.composite
def batches(draw):
    size, rows = draw(st.integers(1, 3)), []
    for _ in range(draw(st.integers(1, 3))):
        shared = draw(PROMPT)
        rows += [{**draw(ROW), **shared} for _ in range(size)]
    return rows, size


@st.composite
def claimed(draw):
    """A spec with one claim."""
    text = draw(specs(scopes=("group", "batch")))
    for long, short in SIMPLE.items():
        text = text.replace(long, short)
    terms = [line.split()[1] for line in text.splitlines() if line.startswith("term ")]
    nullable = {
        line.split()[1] for line in text.splitlines() if line.startswith("term ") and "else null" in line
    }
    term = draw(st.sampled_from(terms))
    scope = draw(st.sampled_from([term, "reward"]))
    a, b = (draw(st.sampled_from(CONDITIONS)) for _ in range(2))
    low = draw(st.integers(-3, 2))
    forms = ["range", "outranks", "outranks"]
    if term not in nullable:
        forms.append("condition")
    if " over " not in text:
        forms += ["direction"] * 3
    form = draw(st.sampled_from(forms))
    claim = {
        "range": f"{scope} in [{low}, {low + draw(st.integers(0, 4))}]",
        "outranks": f"{a} outranks {b} in {scope}",
        "condition": f"{term} >= {low} or {a}",
        "direction": f"{scope} {draw(st.sampled_from(['increasing', 'decreasing', 'constant']))} "
        f"in {draw(st.sampled_from(sorted(MOVES)))}",
    }[form]
    return f"{text}\nprove {claim}\n"


def accepted(text):
    """The spec; what the checker refuses is looked at in its own tests."""
    spec, _ = check(Source("claimed", text))
    assume(spec is not None)
    return spec


@thorough()
@given(claimed(), st.data())
def test_no_row_breaks_what_is_proved(text, data):
    note(text)
    spec = accepted(text)
    (claim,) = spec.claims
    verdict = prove(spec, claim, effort=0.25)
    if verdict.answer != "proved":
        return
    looker = Looker(spec, claim)
    for _ in range(4):
        rows, size = data.draw(batches())
        params, step = data.draw(PARAMS), data.draw(st.integers(0, 12))
        if claim.form != "direction":
            assert looker.broken(rows, size, step, params) is None
            continue
        name = text.strip().rpartition(" in ")[2]
        low, high = sorted([data.draw(MOVES[name]), data.draw(MOVES[name])])
        if low != high:
            assert not looker.moved(rows[0], name, low, high, step, params)


@thorough()
@given(claimed())
def test_the_evaluator_breaks_what_is_refuted(text):
    note(text)
    spec = accepted(text)
    (claim,) = spec.claims
    verdict = prove(spec, claim, effort=0.25)
    if verdict.answer != "refuted":
        return
    assert verdict.witness.test or verdict.witness.notes
    if verdict.witness.test:
        pasted, found = check(Source("pasted", text + verdict.witness.test + "\n"))
        assert [d.message for d in found if d.is_error] == [], verdict.witness.test
        (test,) = pasted.tests
        (result,) = run_tests(pasted, [test])
        assert result.error is None and not result.passed, verdict.witness.test
