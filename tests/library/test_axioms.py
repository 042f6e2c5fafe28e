"""What the library declares of two functions that are given the same: the prover takes it for true."""

from fractions import Fraction

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from library_calls import call
from test_format import PIECES

from rewardkit import library
from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.prover import prove
from rewardkit.types.values import Call, canonical_json, make_result

AXIOMS = [(f, axiom) for f in library.functions().values() for axiom in f.axioms]

_NAMES = st.sampled_from(["a", "b"])
_ARGUMENTS = st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from([0, 1, 1.0, "1", True, None, [1]]))
_BROKEN = st.just("not an object")  # as a message's call may have it
_CALLS = st.lists(
    st.builds(lambda n, x: Call(n, canonical_json(x)), _NAMES, _ARGUMENTS | _BROKEN), max_size=4
).map(tuple)


@st.composite
def _pairs(draw):
    """Two lists of calls, often the same ones in another order."""
    calls = draw(_CALLS)
    return [calls, draw(st.one_of(_CALLS, st.permutations(calls).map(tuple)))]


_TAGS = ("think", "answer")
_GOOD = st.builds("<think>{}</think>{}<answer>{}</answer>{}".format, PIECES, PIECES, PIECES, PIECES)
#: what each function with axioms is given: its arguments on rows, and its constants
GIVEN = {
    "tools.same": (_pairs(), {}),
    "format.tags": (st.tuples(_GOOD | st.lists(PIECES, max_size=8).map("".join)), {"names": _TAGS}),
}


def test_every_function_with_axioms_is_looked_at():
    assert {f.name for f, _ in AXIOMS} == GIVEN.keys()


@pytest.mark.parametrize(
    ("function", "axiom"), AXIOMS, ids=[f"{f.name}: {a.value}, {a.other}" for f, a in AXIOMS]
)
@settings(deadline=None)
@given(data=st.data())
def test_an_axiom_holds(function, axiom, data):
    arguments, constants = GIVEN[function.name]
    row = data.draw(arguments)
    columns = [[value] for value in row]
    if call(function, *columns, **constants) != [axiom.value]:
        return
    other = library.functions()[axiom.other]
    defaults = {p.name: p.default for p in other.parameters if p.constant and not p.required}
    try:
        (found,) = call(other, *columns, **{**defaults, **constants})
    except ValueError:  # a call that fails has no value
        return
    assert found is not None
    assert axiom.range.contains(Fraction(found))


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("truth", [False, True])
def test_generated_rows_make_axioms_speak(name, truth):
    """Both truths of both functions come up, so that the test above can fail."""
    arguments, constants = GIVEN[name]
    function = library.functions()[name]
    find(arguments, lambda row: call(function, *([value] for value in row), **constants) == [truth])


@given(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans(), st.booleans(), st.data())
def test_what_is_claimed_of_results(passed, more, crashed, timed_out, memory, data):
    first = data.draw(st.none() | st.integers(0, passed)) if more else None
    result = make_result(passed, passed + more, crashed, timed_out, memory, first)
    assert (result.first_failing is None) == (result.passed == result.total)
    assert result.first_failing is None or result.first_failing <= result.passed
    assert result.crashed or not result.memory
    assert result.passed <= result.total
    assert (result.share > 0) == (result.passed > 0)
    assert result.share * result.total == pytest.approx(result.passed)
    assert 0 <= result.share <= 1
    assert result.total > 0 or result.share == 0


@pytest.mark.parametrize(
    ("claim", "answer"),
    [
        ("tools.match(calls, gold) == 3 or not tools.same(calls, gold)", "proved"),
        ("tools.match(calls, gold) < 3 or tools.same(calls, gold)", "proved"),
        ("tools.argument_match(calls, gold) < 1 or tools.same(calls, gold)", "proved"),
        ("tools.name_match(calls, gold) == 1 or not tools.same(calls, gold)", "proved"),
        ("tools.name_match(gold, calls) == 1 or not tools.same(calls, gold)", "refuted"),
        ("tools.name_match(calls, gold) < 1 or tools.same(calls, gold)", "refuted"),
    ],
)
def test_axioms_are_of_the_same_arguments_in_the_same_places(claim, answer):
    text = f"input calls: list[call]\ninput gold: list[call]\nterm t = 1\nprove {claim}\n"
    spec, found = check(Source("axioms", text))
    assert spec is not None, [d.message for d in found]
    assert prove(spec, spec.claims[0]).answer == answer
