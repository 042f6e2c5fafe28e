r"""What `math.equal` decides without a worker is what math-verify decides: every form against every other."""

import pytest
from cases import CASES, thorough
from hypothesis import assume, given
from hypothesis import strategies as st

from rewardkit.library import math_worker
from rewardkit.library.math_fast import astronomic, fast_equal, plain

signs = st.sampled_from(["", "", "-"])
small = st.integers(0, 30) | st.sampled_from([50, 75, 100, 250, 1000]) | st.integers(0, 10**6 - 1)
separators = st.sampled_from([",", "{,}", ",\\!"])
wholes = st.builds("{}{}".format, signs, small | st.integers(0, 10**40))
grouped = st.builds(
    lambda sign, n, comma: sign + f"{n:,}".replace(",", comma), signs, st.integers(1000, 10**14), separators
)
places = st.sampled_from(["0", "5", "50", "25", "333333", "333334", "1", "666667", "000001", "142857"])
decimals = st.builds(
    "{}{}.{}".format, signs, small, places | st.integers(0, 10**6 - 1).map(lambda n: f"{n:06}")
)
fractions = st.builds(
    lambda sign, form, a, b: sign + form % (a, b),
    signs,
    st.sampled_from([r"\frac{%d}{%d}", r"\dfrac{%d}{%d}", r"\tfrac{%d}{%d}", "%d/%d"]),
    st.integers(1, 12) | small.filter(bool),
    st.integers(1, 12) | st.integers(1, 999),
)
percents = st.builds("{}{}{}".format, signs, small, st.sampled_from(["%", "\\%"]))
letters = st.builds(
    str.format,
    st.sampled_from(["{}", "({})"]),
    st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
)
forms = wholes | grouped | decimals | fractions | percents | letters
wrappers = st.sampled_from(["%s"] * 4 + ["$%s$", "\\boxed{%s}", "\\(%s\\)", "\\[%s\\]", "$\\boxed{%s}$"])
answers = st.builds(lambda wrapper, form: wrapper.replace("%s", form), wrappers, forms)


def respelled(text):
    """Other spellings of the same number, and its neighbours."""
    found = plain(text)
    if found is None or isinstance(found.value, str):
        return st.sampled_from([text, text.swapcase(), f"({text})"])
    v = found.value
    a, b = v.numerator, v.denominator
    return st.sampled_from(
        [
            f"{a}",
            f"{a // b}",
            f"{a * 100 // b}",
            f"{a * 100 // b}%",
            f"{a // b}%",
            f"{a // b:,}",
            f"{float(v):.6f}" if abs(v) < 10**6 else f"{a}",
            f"{float(v):.2f}" if abs(v) < 10**6 else f"{a}",
            rf"\frac{{{a * 2}}}{{{b * 2}}}",
            rf"-\frac{{{-a}}}{{{b}}}" if a < 0 else rf"\frac{{{a}}}{{{b}}}",
            f"{a}/{b}",
            f"{a + 1}/{b}",
        ]
    )


pairs = st.tuples(answers, answers) | answers.flatmap(
    lambda text: st.tuples(respelled(text), st.just(text)) | st.tuples(st.just(text), respelled(text))
)


def verdict(found, gold):
    """math-verify's, without the comparison as text that comes before it."""
    return any(math_worker._verify(a, b) for a in math_worker._parse(gold) for b in math_worker._parse(found))


@given(pairs)
@thorough()
def test_plain_answers_get_math_verifys_verdict(pair):
    fast = fast_equal(*pair)
    assume(fast is not None)
    assert fast == verdict(*pair)


@given(pairs)
@thorough(0.3)
def test_strict_is_what_a_worker_decides(pair):
    fast = fast_equal(*pair, strict=True)
    assume(fast is not None)
    assert fast == math_worker.equal(*pair, strict=True)
    assert fast_equal(*pair) is not False or fast is False


def test_every_letter_against_every_other():
    spellings = [form.format(c) for c in "abcdefghijklmnopqrstuvwxyzABEFIJZ" for form in ("{}", "({})")]
    for found in spellings[:: 1 if CASES > 1000 else 3]:
        for gold in spellings[:: 1 if CASES > 1000 else 2]:
            assert fast_equal(found, gold) in (None, verdict(found, gold)), (found, gold)


def test_what_is_not_plain_is_left_to_a_worker():
    unsure = [
        "x+1",
        "007",
        "1e5",
        "+5",
        "12,34",
        "1234,567",
        "1234567.5",
        "0.1234567",
        "5.5%",
        "e",
        "1" * 500,
    ]
    assert [fast_equal(text, "6") for text in unsure] == [None] * len(unsure)
    assert fast_equal("0.333333", "1/3") is None  # math-verify rounds
    assert fast_equal("18.00", "18") is True and fast_equal("1,234", "1235") is False
    assert fast_equal("B", "(b)") is True and fast_equal(r"\boxed{B}", "A") is False
    assert fast_equal("18%", "18") is True and fast_equal("18%", "18", strict=True) is False


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^{9^9}}",
        "9^{9^9}",
        "10^{99999999}",
        "10^{10^{10}}-1",
        "9**(9**(9**9))",
        "100000000!",
        "$(9^(9^9))$",
        r"\frac{9^{9^{9}}}{3}",
        r"\boxed{9^{9^{9^9}}}",
    ],
)
def test_astronomic_numbers_equal_nothing_that_can_be_written(text):
    assert astronomic(text)
    assert fast_equal(text, "18") is False and fast_equal(text, r"\frac{1}{2}") is False
    assert fast_equal(text, text) is True
    assert fast_equal("18", text) is None  # nor does a gold answer of that size cost anybody a verdict


@pytest.mark.parametrize(
    "text",
    [
        "2^{10}",
        "9^{99}",
        "2^{2^{5}}",
        "10^{9999999}",
        "9^9",
        "1^{9^{9^9}}",
        "x^{9^{9^9}}",
        "9999999!",
        "9^9^9",
        r"\log_{10} 10^{10^{10}}",
        r"10^{10^{10}} \bmod 7",
        "10^{0.5}",
        "",
        "!" * 300,
    ],
)
def test_what_may_be_computed_is_not_astronomic(text):
    assert not astronomic(text)
