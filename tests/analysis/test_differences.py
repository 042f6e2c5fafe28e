"""What counts as a change of meaning between two specs, and what does not."""

import re

import numpy as np
import pytest
from batches import batches
from cases import thorough
from generator import specs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from probes import install

from rewardkit.analysis.differences import differences
from rewardkit.analysis.meaning import cut
from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.language.sketch import Sketch
from rewardkit.runtime.reward import Reward

BASE = """
input answer: text?
input n: int in [0, 9]
param budget: int in [1, 100] = 10
def double(x: real): real = x * 2
let said = text.strip(completion.text)
let right = said == answer
term accuracy in [0, 1] = right
term brevity in [0, 1] when right else 0.5 = 1 - clamp(completion.words / budget, 0, 1)
term size = n
reward in [0, 40] { accuracy: 1.0  brevity: 0.2  size: budget * 0.01 }
skip when answer == null
advantage grpo { eps: 0.01  scale: mean(n) over group ?? 1 }
prove accuracy in [0, 1]
test "t" { sample s { completion.text = "4"  answer = "4"  n = 0 }  expect s.right }
"""


TEST = 'test "t" { sample s { completion.text = "4" answer = "4" n = 0 } expect s.right }'


def spec(text):
    found, diagnostics = check(Source("spec.rwd", text))
    assert found is not None, [d.message for d in diagnostics]
    return found


def changes(before, after):
    found = [c for c in differences(spec(before), spec(after)) if c.part != "lies in"]
    return [(c.what, c.name, c.part, c.before, c.after, *(c.reaches or c.through)) for c in found]


def edited(*edits):
    text = BASE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


SAME = [
    ("nothing", ()),
    ("a comment", (("let said", "# said\nlet said"),)),
    ("spacing", (("1 - clamp", "1   -\n  clamp"),)),
    ("parentheses", (("completion.words / budget", "(completion.words / budget)"),)),
    ("the name of a let", (("said", "found"),)),
    ("a let written out", (("= said ==", "= text.strip(completion.text) =="),)),
    ("the order of lets", (("let right", "let unused = 1\nlet right"),)),
    ("a weight's spelling", (("accuracy: 1.0", "accuracy: 1"),)),
    ("a default that is written out", (("eps: 0.01", "eps: 0.01  ddof: 1"),)),
    (
        "named arguments",
        (("clamp(completion.words / budget, 0, 1)", "clamp(completion.words / budget, lo: 0, hi: 1)"),),
    ),
    ("the edition", (("\ninput answer", "\nlanguage 1\ninput answer"),)),
]


@pytest.mark.parametrize("edits", [edits for _, edits in SAME], ids=[name for name, _ in SAME])
def test_the_same_meaning(edits):
    assert changes(BASE, edited(*edits)) == []


CHANGED = [
    (
        ("answer: text?", 'answer: text? from "gold"'),
        [("input", "answer", "column", "answer", "gold", "accuracy", "brevity", "skip")],
    ),
    (
        ("n: int in [0, 9]", "n: int in [0, 8]"),
        [
            ("input", "n", "range", "[0, 9]", "[0, 8]", "size", "advantage"),
        ],
    ),
    (("= 10\n", "= 20\n"), [("param", "budget", "value", "10", "20", "brevity", "weights")]),
    (
        ("text.strip(", "text.lower("),
        [
            (
                "let",
                "said",
                "",
                "text.strip(completion.text)",
                "text.lower(completion.text)",
                "accuracy",
                "brevity",
            ),
            ("term", "accuracy", "value", "right", "right", "said"),
            ("term", "brevity", "gate", "right", "right", "said"),
        ],
    ),
    (
        ("term brevity in [0, 1]", "term brevity in [0, 2]"),
        [
            ("term", "brevity", "range", "[0, 1]", "[0, 2]"),
        ],
    ),
    (
        ("when right else 0.5 ", ""),
        [
            ("term", "brevity", "gate", "right else 0.5", None),
        ],
    ),
    (("else 0.5", "else 0.25"), [("term", "brevity", "else", "0.5", "0.25")]),
    (("when right else 0.5", "when not right else 0.5"), [("term", "brevity", "gate", "right", "not right")]),
    (
        ("1 - clamp", "0.5 * clamp"),
        [
            (
                "term",
                "brevity",
                "value",
                "1 - clamp(completion.words / budget, 0, 1)",
                "0.5 * clamp(completion.words / budget, 0, 1)",
            ),
        ],
    ),
    (("brevity: 0.2", "brevity: 0.3"), [("weight", "brevity", "", "0.2", "0.3")]),
    (("budget * 0.01", "budget * 0.02"), [("weight", "size", "", "budget * 0.01", "budget * 0.02")]),
    (("  brevity: 0.2", ""), [("weight", "brevity", "", "0.2", None)]),
    (("in [0, 40] {", "{"), [("reward", "", "range", "[0, 40]", None)]),
    (
        ("skip when answer == null", "skip when answer == null\nmask when not completion.finished"),
        [
            ("column", "completion.finished", "", None, "read", "mask"),
            ("mask", "", "", None, "not completion.finished"),
        ],
    ),
    (
        ("skip when answer == null", "skip when answer == null\nskip when n == 0"),
        [
            ("skip", "", "", None, "n == 0"),
        ],
    ),
    (
        ("skip when answer == null", "skip when answer == null or n == 0"),
        [
            ("skip", "", "when", "answer == null", "answer == null or n == 0"),
        ],
    ),
    (("advantage grpo", "advantage gdpo"), [("advantage", "", "normalizer", "grpo", "gdpo")]),
    (("eps: 0.01", "eps: 0.1"), [("advantage", "", "eps", "0.01", "0.1")]),
    (("eps: 0.01  ", ""), [("advantage", "", "eps", "0.01", "0.0001")]),
    (
        ("mean(n)", "max(n)"),
        [("advantage", "", "scale", "mean(n) over group ?? 1", "max(n) over group ?? 1")],
    ),
    (
        ("prove accuracy in [0, 1]", "prove brevity in [0, 1]"),
        [
            ("claim", "", "", "prove accuracy in [0, 1]", None),
            ("claim", "", "", None, "prove brevity in [0, 1]"),
        ],
    ),
    (
        ('test "t"', 'test "u"'),
        [
            ("test", "t", "", TEST, None),
            ("test", "u", "", None, TEST.replace('"t"', '"u"')),
        ],
    ),
    (
        ("term size", "extern f(x: text): real in [0, 1]\nterm size"),
        [
            ("extern", "f", "", None, "extern f(x: text): real in [0, 1]"),
        ],
    ),
]


@pytest.mark.parametrize(("edit", "expected"), CHANGED, ids=[new for (_, new), _ in CHANGED])
def test_a_change_of_meaning(edit, expected):
    assert changes(BASE, edited(edit)) == expected


FUNCTIONS = """
def half(x: real): real = x / 2
def other(x: real): real = x
extern host(x: text): real in [0, 1]
let h = half(3)
term t = h
term u = host(completion.text)
reward { t: 1  u: 1 }
"""


def test_functions_of_the_file():
    assert changes(FUNCTIONS, FUNCTIONS.replace("x / 2", "(x  / 2) # same")) == []
    assert changes(FUNCTIONS, FUNCTIONS.replace("real = x\n", "real = 2 * x\n")) == []  # never called
    assert changes(
        FUNCTIONS, FUNCTIONS.replace("x / 2", "x / 4").replace("real = x\n", "real = 2 * x\n")
    ) == [
        ("def", "half", "", "def half(x: real): real = x / 2", "def half(x: real): real = x / 4", "h"),
        ("def", "other", "", "def other(x: real): real = x", "def other(x: real): real = 2 * x"),
        ("term", "t", "value", "h", "h", "half"),
    ]
    assert changes(FUNCTIONS, FUNCTIONS.replace("[0, 1]", "[0, 2]"))[0][3:] == (
        "extern host(x: text): real in [0, 1]",
        "extern host(x: text): real in [0, 2]",
        "u",
    )
    library = "def half(x: real): real = x / 2\n"
    assert changes(library, library.replace("2", "3"))[0][:2] == ("def", "half")


def test_ranges_that_follow_are_told():
    found = differences(spec(BASE), spec(edited(("[0, 9]", "[0, 8]"), ("in [0, 40] {", "{"))))
    assert [(c.what, c.before, c.after) for c in found if c.part == "lies in"] == [
        ("term", "[0, 9]", "[0, 8]")
    ]
    found = differences(
        spec(BASE.replace("in [0, 40]", "")), spec(edited(("in [0, 40]", ""), ("0.2", "0.3")))
    )
    assert (found[-1].what, found[-1].before, found[-1].after) == ("reward", "[0, 10.2]", "[0, 10.3]")


def test_a_term_that_is_new_or_gone():
    more = edited(
        ("term size", "term long = completion.chars > 80ch\nterm size"), ("size: b", "long: 1 size: b")
    )
    added = changes(BASE, more)
    assert added[:2] == [
        ("term", "long", "", None, "term long = completion.chars > 80ch"),
        ("weight", "long", "", None, "1"),
    ]
    assert [(c[0], c[1], c[4]) for c in changes(more, BASE)[:2]] == [
        ("term", "long", None),
        ("weight", "long", None),
    ]


def test_a_difference_far_behind_the_start_of_a_long_text():
    long = " + ".join(f"n / {i}000.5" for i in range(1, 60))
    one, other = (edited(("= n\n", f"= {long} + {last}\n")) for last in ("1", "n"))
    ((_, _, _, before, after),) = changes(one, other)
    assert len(before) > 500
    assert cut(before, after).startswith("… ") and cut(before, after).endswith("+ 1")
    assert cut(after, before).endswith("+ n")


# --- what is no change of meaning gives the same scores -----------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


slow = settings(thorough(1 / 5), suppress_health_check=list(HealthCheck))


@slow
@given(specs(), st.randoms(use_true_random=False))
def test_spacing_and_comments_are_no_difference(text, random):
    gaps = [" ", "\n", "  # a comment\n"]
    words = Sketch(text).words
    out, end = [], 0
    for word in words:
        gap = text[end : word.start]
        out += [random.choice(gaps) if gap else "", word.text]
        end = word.end
    assert differences(spec(text), spec("".join(out))) == ()


@slow
@given(specs(), batches(), st.randoms(use_true_random=False))
def test_what_is_no_difference_scores_the_same(text, batch, random):
    """One word changed somewhere: where no change is told, every row scores as before."""
    places = list(re.finditer(r"\b[0-9]\b|(?<= )[+*](?= )|\b(?:and|or|min|max|true|false)\b", text))
    assume(places)
    place = random.choice(places)
    other = random.choice(["1", "2", "+", "*", "-", "and", "or", "min", "max", "true", "false"])
    after, _ = check(Source("spec.rwd", text[: place.start()] + other + text[place.end() :]))
    assume(after is not None)
    before = spec(text)
    rows, size = batch
    if any(change.scores for change in differences(before, after)):
        return
    one, two = (Reward(s)(rows, group=size) for s in (before, after))
    assert np.array_equal(one.total, two.total, equal_nan=True)
    assert np.array_equal(one.matrix, two.matrix, equal_nan=True)
    assert one.skipped.tolist() == two.skipped.tolist()
