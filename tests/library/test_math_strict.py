r"""`math.equal` under `strict: true`: false positives of math-verify that are closed, and what stays."""

import pytest
from cases import thorough
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.library.math_worker import equal

CLOSED = {
    "tiny numbers": [
        ("1/2004!", "1/2006!"),
        ("1/2^99", "1/2^98"),
        (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"),
        (r"1.7 \times 10^{-19}", r"1.6 \times 10^{-19}"),
        (r"\{\frac{1}{2^{99}}, 1\}", r"\{\frac{1}{2^{98}}, 1\}"),
        (r"x=\frac{1}{2^{99}}", r"x=\frac{1}{2^{98}}"),
    ],
    "rounding": [("0.333333", "1/3"), ("1.414214", r"\sqrt{2}"), ("(0.333333, 1)", r"(\frac13, 1)")],
    "percentages": [("18%", "18"), ("18", r"18\%"), ("250", "250%")],
    "what is not read to its end": [(r"5 \\ 7", "7"), (r"\frac{1}{2", r"\frac{1}{2}")],
    "equations without a solution": [("x^2+1=0", "x^2+2=0")],
    "equations that do not hold": [("9=13", "13"), ("1=2=18", "18")],
    "units": [
        ("5 kg", "5 cm"),
        (r"5\text{ m}", r"5\text{ cm}"),
        (r"5\text{ cm}^2", "5 cm"),
        ("3:30 am", "3:30 pm"),
        ("18 cents", r"\$18"),
        ("€18", r"\$18"),
        ("12 oranges", r"12\text{ apples}"),
        ("2m", "2g"),
    ],
    "kinds": [("1,2", "(1,2)"), ("(1,2,3)", r"\{1,2,3\}"), ("(2,1)", "1,2"), ("2", r"\{2\}")],
    "prose": [("it is 3x-y+13=0, so 0", "0, as it was"), ("It is 18.", "18"), ("5", "March 5")],
}
KEPT = [
    ("18", "18"),
    ("18.00", "18"),
    ("1,234", "1234"),
    ("0.5", r"\frac{1}{2}"),
    (r"\sqrt{0.5}", r"\frac{\sqrt{2}}{2}"),
    ("18%", "0.18"),
    ("0.18", r"18\%"),
    (r"\frac{3}{4}.", "3/4"),
    ("5 cm", "5"),
    ("5 cm", r"5\text{ cm}"),
    ("12 apples", "12"),
    ("18 dollars", r"\$18"),
    ("x=5", "5"),
    ("5", "x=5"),
    ("16-3=13", "13"),
    ("2x+2y=4", "x+y=2"),
    ("x^2+y^2-25=0", "x^2+y^2=25"),
    ("5>x", "x<5"),
    (r"x \in (-\infty, 3)", r"(-\infty, 3)"),
    ("1,2", "2,1"),
    (r"\{0.5, 1\}", r"\{1, \frac12\}"),
    (r"(0.5, 1)", r"(\frac12, 1)"),
    (r"[2,3]\cup[0,1]", r"[0,1]\cup[2,3]"),
    ("(x+1)^2", "x^2+2x+1"),
    (r"\sin^2 x+\cos^2 x", "1"),
    ("0", r"\sqrt{2}\sqrt{3}-\sqrt{6}"),
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"),
    (r"\begin{bmatrix}1\\2\end{bmatrix}", r"\begin{pmatrix}1.0\\2\end{pmatrix}"),
    ("4i+3", "3+4i"),
    (r"2^{99}+2^{99}", r"2^{100}"),
    ("A", "(a)"),
    ("Tuesday.", "tuesday"),
    ("3 hours 20 minutes", "3 hours  20 minutes"),
]


@pytest.mark.parametrize("pairs", CLOSED.values(), ids=CLOSED)
def test_a_false_positive_is_closed(pairs):
    for found, gold in pairs:
        assert not equal(found, gold, strict=True), (found, gold)
        assert equal(found, gold), (found, gold)  # else the case shows nothing


@pytest.mark.parametrize(("found", "gold"), [(r"4\sqrt(2)", "4"), ("4", r"4\sqrt(2)"), (r"4\sqrt{2}", "4")])
def test_a_root_in_parentheses(found, gold):
    assert not equal(found, gold, strict=True) and not equal(f"${found}$", f"${gold}$", strict=True)


@pytest.mark.parametrize(("found", "gold"), KEPT)
def test_what_is_equal_stays_so(found, gold):
    assert equal(found, gold) and equal(found, gold, strict=True)


atoms = st.sampled_from(
    ["1", "2", "0.5", r"\frac{1}{3}", "x", "y", r"\pi", "18", r"\sqrt{2}", "0", "2^{-80}"]
)
terms = st.recursive(
    atoms,
    lambda inner: st.builds(
        lambda form, a, b: form % (a, b),
        st.sampled_from(["(%s+%s)", r"(%s)\cdot(%s)", r"\frac{%s}{1+(%s)^2}", "(%s-%s)", "(%s+%s)^2"]),
        inner,
        inner,
    ),
    max_leaves=4,
)
answers = st.builds(
    lambda form, a, b: form.replace("A", a).replace("B", b),
    st.sampled_from(["A", "A", "A", "A%", "A cm", r"\{A,B\}", "(A,B)", "[A,B]", "x=A", "A=B", "A<B", "A,B"]),
    terms,
    terms,
)


@given(st.tuples(answers, answers) | answers.map(lambda text: (text.replace("+", "+0+"), text)))
@thorough(0.1)
def test_strict_only_ever_refuses(pair):
    lenient, strict = equal(*pair), equal(*pair, strict=True)
    assert lenient or not strict


@given(terms)
@thorough(0.1)
def test_the_same_value_in_another_form_stays_equal(term):
    for other in (f"({term})", f"0+{term}", rf"1\cdot({term})", f"({term})^1"):
        if equal(other, term):
            assert equal(other, term, strict=True), (other, term)
