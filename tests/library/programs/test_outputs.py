"""What a program wrote against what it was to write, and programs made of a prompt and a completion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.library.code import complete
from rewardkit.library.programs.compare import same_output


@pytest.mark.parametrize(
    ("found", "expected", "answer"),
    [
        ("1\n2\n", "1\n2", True),
        ("1\n2", "1\n2\n\n\n", True),
        ("1 \t\n2", "1\n2", True),
        ("1\r\n2\r\n", "1\n2\n", True),
        ("", "", True),
        ("\n\n", "", True),
        ("1\n", "1\n2\n", False),
        ("1\n2\n3\n", "1\n2\n", False),
        (" 1", "1", False),
        ("\n1", "1", False),
        ("1\n\n2", "1\n2", False),
        ("1.0", "1", False),
        ("a", "A", False),
        ("", "1", False),
    ],
)
def test_all_of_an_output_counts(found, expected, answer):
    assert same_output(found.encode(), expected) is answer


@pytest.mark.parametrize(
    ("found", "expected", "answer"),
    [
        ("0.3333333 ok", "0.33333334 ok", True),
        ("0.3333333  ok", "0.33333334 ok", True),
        ("0.3333333 no", "0.33333334 ok", False),
        ("0.34", "0.33", False),
        ("0.3333333", "0.33333334\n1", False),
        ("1 1", "1", False),
        ("inf", "1", False),
        ("nan", "nan", True),
        ("nan", "1", False),
        ("-Infinity", "-inf", True),
        ("9" * 400, "8" * 400, False),
        ("9" * 400, "9" * 400, True),
        ("1e999", "inf", False),
        ("1_0", "10", False),
        ("\u0663", "3", False),
        (".5", "0.5", True),
        ("+1e0", "1.", True),
    ],
)
def test_words_that_are_numbers_may_differ_by_a_tolerance(found, expected, answer):
    assert same_output(found.encode(), expected, 1e-6) is answer


@given(st.text(), st.text())
def test_only_white_space_at_ends_is_left_out(found, expected):
    if same_output(found.encode("utf-8", "replace"), expected):
        assert found.split() == expected.split()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_an_output_is_itself(text):
    assert same_output(text.encode(), text)


@given(st.binary(), st.text())
def test_any_bytes_have_an_answer(found, expected):
    assert same_output(found, expected) in (True, False)


PROMPT = 'import math\n\ndef helper(x):\n    return x\n\n@cache\ndef f(x: int) -> int:\n    """f."""\n'
BEFORE = "import math\n\ndef helper(x):\n    return x\n\n"


@pytest.mark.parametrize(
    ("completion", "program"),
    [
        ("    return x", PROMPT + "    return x"),
        ("", PROMPT),
        ("def f(x):\n    return x", BEFORE + "def f(x):\n    return x"),
        ("import re\n\nasync def f(x):\n    pass", BEFORE + "import re\n\nasync def f(x):\n    pass"),
        (
            "    def f(x):\n        return 1\n    return f(x)",
            PROMPT + "    def f(x):\n        return 1\n    return f(x)",
        ),
        ("    return g(x)\n\ndef g(x):\n    pass", PROMPT + "    return g(x)\n\ndef g(x):\n    pass"),
        ("    return f2(x)\ndef f2(x): pass", PROMPT + "    return f2(x)\ndef f2(x): pass"),
    ],
)
def test_a_completion_goes_on_or_begins_anew(completion, program):
    assert complete(PROMPT, completion) == program


def test_prompts_without_a_function_and_without_a_line_end():
    assert complete("x = 1", "y = 2") == "x = 1\ny = 2"
    assert complete("def f(x):", "    return x") == "def f(x):\n    return x"
