"""`math.*`: what is read as an answer, what equals what, and how hostile text fares."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardkit.library import math as declared
from rewardkit.library.math_answer import answer, boxed, number
from rewardkit.library.math_fast import fast_equal
from rewardkit.runtime.pool import WorkerPool

EQUAL = "rewardkit.library.math_worker:equal"
GSM8K = Path(__file__).parents[3] / "shared" / "data" / "gsm8k_graded.jsonl"
MEGA = 1_000_000


@pytest.fixture(scope="module")
def pool():
    with WorkerPool(workers=2) as pool:
        yield pool


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"so \boxed{4}.", "4"),
        (r"\boxed{1} and \boxed{2}", "2"),
        (r"\boxed{1} and \boxed{2", "1"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\boxed{5}", "5"),
        (r"\boxed{a \boxed{b}}", "b"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{5\}", None),
        (r"} { \boxed{5}}", "5"),
        (r"\fbox{6}", "6"),
        (r"\boxed {7}", "7"),
        (r"\boxed{}", ""),
        (r"$\boxed 12$.", "12"),
        (r"\boxed \frac{1}{2} then", r"\frac{1}{2}"),
        (r"$\boxed x$", "x"),
        (r"put it in \boxed form", None),
        (r"\boxedness{3}", None),
        (r"\\boxed{3}", "3"),
        (r"\\ \boxed{4}", "4"),
        (r"\\\boxed{4}", "4"),
        ("", None),
        (r"\boxed", None),
    ],
)
def test_boxed(text, content):
    assert boxed(text) == content


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # boxes
        (r"3 eggs, so \boxed{4}", "4"),
        (r"\boxed{\$18.00}", "18.00"),
        (r"\boxed{18\text{ apples}}", "18"),
        (r"\[ x = \boxed{10{,}000} \]", "10000"),
        (r"\boxed{}, so 5", "5"),
        # hashes, but not headings
        ("Blah 3.\n#### 1,234", "1234"),
        ("#### $1,200.", "1200"),
        ("#### Step 3: add\nSo it is 7.", "7"),
        ("#### 1. Compute the sum\nThe answer is 12.", "12"),
        # cues
        ("The answer is 18.", "18"),
        ("The answer is $18.00.", "18.00"),
        ("The answer is $18 per day and $20 per night", "18"),
        ("The final answer is: $\\frac{3}{4}$. I hope it is correct.", r"\frac{3}{4}"),
        ("Final Answer: The final answer is $x = 5$. I hope", "5"),
        ("The answer is: $$\n\\frac{1}{2}\n$$", r"\frac{1}{2}"),
        ("The answer is \\(2\\sqrt{3}\\).", r"2\sqrt{3}"),
        ("**Answer:** 42 apples", "42"),
        ("Answer:\n\n12", "12"),
        ("Therefore, the answer is: **-3**", "-3"),
        ("answer = 5", "5"),
        ("The answer to the question is 9.", "9"),
        ("the answer is approximately 12.5%", "12.5%"),
        ("the answer is 5 + 3 = 8 apples.", "8"),
        ("The answer is 18 because 9 * 2 = 18.", "18"),
        ("The answer is 4, as 2 + 2 = 4.", "4"),
        ("The answer is y = 2x + 3.", "2x + 3"),
        ("The answer is $x<5$", "x<5"),
        ("Answer: (1, 2)", "(1, 2)"),
        ("The answer is (B).", "B"),
        ("The correct answer is B) 18", "B"),
        ("The answer is Tuesday.", "Tuesday"),
        ("The answer is 1.5 million.", "1.5 million"),
        ("The answer is 10:30 am", "10:30 am"),
        ("The answer is 3.\nNo, the answer is 4.", "4"),
        ("The answer is 5. The answer is not 4.", "5"),
        ("The answer is 5. The answer is therefore **not** $4$.", "5"),
        ("The answer is not possible.", "not possible"),
        ("the answer is 12{,}345 and $1,\\!000$ less", "12345"),
        ("3 + 4 = 7\nA: 26", "26"),
        ("A: Let's think step by step. 3+4=7. So there are 7.\nHe gives 2. 7-2=5.", "5"),
        ("Answer: Janet has 3. She buys 4. So she has 7.", "7"),
        # the last number
        ("so she has 1,234 dollars left.", "1234"),
        ("16 - 3 = <<16-3=13>>13 eggs", "13"),
        ("she makes $<<13*2=26>>26", "26"),
        ("cut off in 3 + 4 = 7, <<7*2=14>>", "7"),
        ("it lost -$5", "-5"),
        ("10-5", "5"),
        ("half of it: 3/4", "3/4"),
        ("it is 1e5", "1e5"),
        ("we get $\\frac{3}{4}$.", r"\frac{3}{4}"),
        ("so $x = 7$", "7"),
        ("earn $18 per day and $20 per night", "20"),
        ("the 3 cats of the 21st", "3"),
        ("no digits here", None),
        ("", None),
    ],
)
def test_answer(text, found):
    assert answer(text) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234", 1234.0),
        (" -3.5 ", -3.5),
        ("−5", -5.0),
        ("+7", 7.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("3/4", 0.75),
        ("50%", 0.5),
        ("$18.00", 18.0),
        ("-$5", -5.0),
        ("10{,}000", 10000.0),
        ("1e5", 1e5),
        ("0", 0.0),
        *(
            (text, None)
            for text in ("", "abc", "12,34", "1_000", "1/0", "1e400", "nan", "inf", "٣", "--5", "1 2")
        ),
        ("9" * 300, None),
    ],
)
def test_number(text, value):
    assert number(text) == value


@given(st.text(alphabet="0123456789.,-+$%/eE {}\\xA:#\n*", max_size=60))
@settings(max_examples=300)
def test_readers_never_fail(text):
    for read in (boxed, answer):
        assert read(text) is None or isinstance(read(text), str)
    value = number(text)
    assert value is None or abs(value) < float("inf")


HOSTILE_TO_READERS = {
    "open braces": "{" * MEGA,
    "closed braces": "}" * MEGA,
    "balanced braces": "{" * (MEGA // 2) + "}" * (MEGA // 2),
    "open boxes": "\\boxed{" * (MEGA // 7),
    "bare boxes": "\\boxed" * (MEGA // 6),
    "spaced boxes": "\\boxed 5 " * (MEGA // 9),
    "box of braces": "\\boxed{" + "{" * (MEGA // 2) + "}" * (MEGA // 2) + "}",
    "box of words": "\\boxed{" + "word " * (MEGA // 5) + "}",
    "box of digits": "\\boxed{1" + ",234" * (MEGA // 4) + "5}",
    "box of spaces": "\\boxed{5" + " " * MEGA + "x}",
    "box of text": "\\boxed{" + "\\text{" * (MEGA // 6) + "}" * (MEGA // 6) + "}",
    "backslashes": "\\" * MEGA,
    "digits": "9" * MEGA,
    "groups": "123," * (MEGA // 4),
    "groups in braces that come to nothing": "1" + "{,}111" * (MEGA // 6) + "1",
    "groups in spacing that come to nothing": "1" + ",\\!111" * (MEGA // 6) + "1",
    "escaped groups that come to nothing": "1" + "\\,111" * (MEGA // 5) + "1",
    "ordinals in groups": "1{,}111{,}1111st," * (MEGA // 17) + "{,}111" * (MEGA // 6) + "st",
    "a negated cue": "the answer is not " * (MEGA // 18),
    "fractions": "1/" * (MEGA // 2),
    "signs": "- 1" * (MEGA // 3),
    "dollars": "$" * MEGA,
    "prices": "$1" * (MEGA // 2),
    "spaces": " " * MEGA,
    "lines": "\n  " * (MEGA // 3),
    "cues": "the answer is " * (MEGA // 14),
    "cues without a verb": "answer to " * (MEGA // 10),
    "short cues": "A:\n" * (MEGA // 3),
    "stars after a cue": "answer" + "*" * MEGA,
    "numbers after a cue": "the answer is " + "1 " * (MEGA // 2),
    "annotations": "<<" * (MEGA // 2),
    "open annotations": "<<a" * (MEGA // 3),
    "hashes": "#" * MEGA,
}


@pytest.mark.parametrize("text", HOSTILE_TO_READERS.values(), ids=HOSTILE_TO_READERS)
def test_readers_are_linear(text):
    start = time.monotonic()
    for read in (boxed, answer, number):
        read(text)
    # quadratic behaviour on these takes minutes, linear behaviour a fraction of a second
    assert time.monotonic() - start < 20


SAME = [
    ("18", "18"),
    ("18.00", "18"),
    ("2,125", "2125"),
    ("10{,}000", "10000"),
    ("10 000", "10000"),
    ("$18", "18"),
    ("18 dollars", "18"),
    ("5 cm", "5"),
    ("-$5", "-5"),
    ("€5", "5"),
    ("x = 5", "5"),
    ("16 - 3 = 13", "13"),
    (r"\frac{1}{2}", "0.5"),
    ("1/2", r"\dfrac12"),
    ("0.333333", "1/3"),
    ("1 1/2", "3/2"),
    ("-1 1/2", "-3/2"),
    ("1e5", "100000"),
    ("50%", "0.5"),
    ("50", "50%"),
    ("2x+3", "3 + 2x"),
    ("y=2x+3", "2x+3"),
    ("x**2", "x^2"),
    ("sin(x)", r"\sin x"),
    ("2*pi", r"2\pi"),
    ("sqrt(3)/2", r"\frac{\sqrt3}{2}"),
    ("√3", r"\sqrt{3}"),
    ("infinity", r"\infty"),
    (r"\{1,2\}", r"\{2,1\}"),
    ("12 and 13", "12, 13"),
    ("(1,2)", "(1, 2)"),
    (r"x \in [1,2]", "[1,2]"),
    (r"so $\boxed{5}$ it is", "5"),
    ("The answer is 18", "18"),
    ("#### 18", "18"),
    ("(B)", "B"),
    ("Tuesday.", "tuesday"),
    (r"\text{Tuesday}", "Tuesday"),
    ("3 hours 20 minutes", "3 hours  20 minutes"),
    # punctuation, unless the gold answer is a factorial
    ("18!", "18"),
    ("18?", "18"),
    ("120", "5!"),
    ("5!", "5!."),
    ("Tuesday", "Tuesday!"),
    # a percentage, either way
    ("4%", "4"),
    ("4%", "0.04"),
    # unparseable, but the same
    (r"\frac{1}{", r"\frac{1}{"),
]
DIFFERENT = [
    ("17", "18"),
    ("5", "5!"),
    ("", "18"),
    ("18", ""),
    ("", ""),
    ("Monday", "Tuesday"),
    ("listen", "silent"),
    (r"\text{even}", r"\text{odd}"),
    ("B", "C"),
    ("12:00", "1:00"),
    ("3:30 pm", "3:45 pm"),
    ("2 hours 20 minutes", "3 hours 20 minutes"),
    ("[1,2)", "[1,2]"),
    ("3x-y+13=0", "3x+4y+14=0"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\3\end{pmatrix}"),
    # the gold answer decides what counts: restating the question does not
    ("1 < x < 2", "(1,2)"),
    (r"\frac{1}{", "18"),
    ("18", r"\frac{1}{"),
]


def test_equal(pool):
    outcomes = pool.run(EQUAL, SAME + DIFFERENT, deadline=60)
    assert [outcome.error for outcome in outcomes] == [None] * len(outcomes)
    verdicts = dict(zip(SAME + DIFFERENT, (outcome.value for outcome in outcomes), strict=True))
    assert verdicts == dict.fromkeys(SAME, True) | dict.fromkeys(DIFFERENT, False)


def test_the_gold_answer_is_the_gold(pool):
    restated, interval = "1 < x < 2", "(1, 2)"
    assert [o.value for o in pool.run(EQUAL, [(restated, interval), (interval, restated)], 60)] == [
        False,
        True,
    ]


@pytest.mark.skipif(not GSM8K.exists(), reason="the graded GSM8K rows are not here")
def test_agreement_with_gsm8k_labels(pool):
    rows = [json.loads(line) for line in GSM8K.read_text().splitlines()]
    pairs = [(answer(row["completion"]) or "", row["answer"]) for row in rows]
    verdicts = [outcome.value for outcome in pool.run(EQUAL, pairs, deadline=60)]
    for pair, verdict in zip(pairs, verdicts, strict=True):
        assert fast_equal(*pair) in (None, verdict)
    agreed = sum(verdict == row["label"] for verdict, row in zip(verdicts, rows, strict=True))
    assert len(rows) == 2640 and agreed / len(rows) >= 0.998


def test_declarations():
    by_name = {function.name: function for function in declared.FUNCTIONS}
    assert sorted(by_name) == ["math.answer", "math.boxed", "math.equal", "math.number"]
    equal = by_name["math.equal"]
    assert (equal.executor, equal.implementation, equal.faults, equal.deadline) == (
        "worker",
        EQUAL,
        True,
        3.0,
    )
    assert equal.extra["fast"] is fast_equal
    assert [parameter.name for parameter in equal.parameters] == ["found", "gold", "strict"]


def test_declaring_does_not_import_sympy():
    code = "import sys, rewardkit.library.math; sys.exit(bool({'sympy', 'math_verify'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
