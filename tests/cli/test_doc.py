"""`rewardkit doc`: a page for whatever a spec can name, and near misses for what it cannot."""

import json

import pytest

from rewardkit.analysis.lints import LINTS
from rewardkit.cli import codes
from rewardkit.cli.main import _run
from rewardkit.diagnostics.catalogue import TITLES
from rewardkit.language.guide import chapters, words
from rewardkit.language.sketch import KEYWORDS, STATEMENTS
from rewardkit.library import AGGREGATES, functions
from rewardkit.library.pages import flowed
from rewardkit.types.normalizer import NORMALIZERS
from rewardkit.types.types import NAMED


def doc(capsys, *words):
    code = _run(["doc", *words])
    shown = capsys.readouterr()
    return code, shown.out or shown.err


NAMES = [*functions(), *{f.namespace for f in functions().values()} - {""}, *NORMALIZERS, *TITLES]
WORDS = [*KEYWORDS, *AGGREGATES, *NAMED, "completion.tokens", "prompt.text", "step", "eps", "[1, 2]"]


@pytest.mark.parametrize("name", sorted({*NAMES, *(w for w in WORDS if w[0] != "[")}))
def test_everything_has_a_page(name, capsys):
    code, shown = doc(capsys, name)
    assert code == codes.OK
    assert name.rpartition(".")[2] in shown and len(shown) > 30
    code, shown = doc(capsys, name, "--format", "json")
    assert code == codes.OK
    assert json.loads(shown)["name"] == name


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_shows_its_form(statement, capsys):
    _, shown = doc(capsys, statement)
    assert f"`{statement}" in shown.split("\n\n")[1]


def test_a_function(capsys):
    _, shown = doc(capsys, "text.repetition")
    lines = shown.splitlines()
    assert lines[0] == "text.repetition(x: text, n: int = 3): real"
    assert "gives  `real` in `[0, 1]`" in lines
    assert "n      in `[1, 64]`, a constant that is written out, 3 unless given" in lines
    assert '  text.repetition("a b A b a b", n: 2)  is 0.6' in lines
    assert max(map(len, lines)) <= 100


def test_a_code_in_any_spelling(capsys):
    for name in ("RK0604", "rk0604", "0604"):
        _, shown = doc(capsys, name)
        assert shown.startswith("RK0604: a term that may be null\n") and "error[RK0604]" in shown
        assert "```" not in shown and "RK0605" not in shown


def test_a_normalizer_with_its_options(capsys):
    _, shown = doc(capsys, "gdpo")
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "(eq. 6)" in shown and "rewards: (N, K)" not in shown
    assert 'whiten "none" or "sequence" or "token" "sequence" unless given' in lines
    assert "verl 1e-06 1e-08 variance 1 group raw skip token" in lines
    assert set(NORMALIZERS) <= set(doc(capsys)[1].split())
    _, printed = doc(capsys, "rloo", "--format", "json")
    assert json.loads(printed)["profiles"]["verl"]["single"] == "raw"


def test_what_is_a_function_and_more(capsys):
    assert "over nothing: null" in doc(capsys, "min")[1]
    assert 'from the guide, "Types and units"' in doc(capsys, "text")[1]


TOPICS = {
    "sample": "A `sample` gives what a row would bring",
    "group": "inside of a `group` also `advantage`",
    "expect": "An expectation that does not hold",
    "test": "`rewardkit test . --watch`",
    "mock": "every call of that function, for that sample",
    "rows": "Its path starts from the spec's folder",
    "agreement": "the share of rows on which both are equal",
    "share": "null counts as false",
    "mean": "the mean over the rows that have a value",
    "mutants": "--fail-under 90",
    "coverage": "--fail-under 80",
    "prove": "## What a claim speaks of",
    "claims": "## Verdicts",
    "outranks": "of any two rows of a group",
    **dict.fromkeys(("increasing", "decreasing", "constant"), "moving that input alone"),
    "witness": "has run through the spec",
}


@pytest.mark.parametrize("word", TOPICS)
def test_a_word_of_claims_and_tests_shows_its_chapter(word, capsys):
    code, shown = doc(capsys, word)
    assert code == codes.OK
    assert TOPICS[word] in " ".join(shown.split()) and "| ---" not in shown
    assert not {line for line in shown.splitlines() if len(line) > 100 and line[:4] != "    "}
    assert json.loads(doc(capsys, word, "--format", "json")[1])["text"] == shown.rstrip("\n")


def test_every_word_that_has_a_chapter_shows_one(capsys):
    for word in words():
        assert chapters(word), word


@pytest.mark.parametrize("lint", LINTS.values(), ids=list(LINTS))
def test_a_lint_shows_its_whole_page_by_code_and_by_name(lint, capsys):
    by_code, by_name = doc(capsys, lint.code)[1], doc(capsys, lint.name)[1]
    assert by_code == by_name
    assert by_name.startswith(f"{lint.name}\n\n{lint.code}: {lint.summary}")
    assert [h for h in by_name.splitlines() if h[:3] == "## "] == ["## What", "## Why", "## Instead"]
    assert f"lint[{lint.code}]" in by_name


def test_all_lints(capsys):
    for word in ("lint", "lints"):
        _, shown = doc(capsys, word)
        assert all(lint.name in shown and lint.code in shown for lint in LINTS.values())
    listed = json.loads(doc(capsys, "lint", "--format", "json")[1])["lints"]
    assert [found["name"] for found in listed] == list(LINTS)


FLOWED = {
    "one\ntwo": "one two",
    "- one\n  two\n- three": "- one two\n- three",
    "1. one\n   two\n\nthree": "1. one two\n\nthree",
    "is:\n\n    a\n    b\n\nend": "is:\n\n    a\n    b\n\nend",
    "# head\ntext": "# head\ntext",
    "| a | b |\n| --- | --- |\n| x | y\\|z |\nend": "x\n    y|z\nend",
    "word " * 30: "word " * 19 + "word\n" + "word " * 9 + "word",
    "- " + "word " * 30: "- " + "word " * 18 + "word\n  " + "word " * 10 + "word",
}


@pytest.mark.parametrize("text", FLOWED)
def test_lines_end_where_the_terminal_does(text):
    assert flowed(text) == FLOWED[text]


NEAR = [
    ("ungated-frm", "did you mean `ungated-form`?"),
    ("agreemnt", "did you mean `agreement`?"),
    ("math.bxed", "did you mean `math.boxed`"),
    ("equal", "did you mean `math.equal`?"),
    ("trem", "`term`"),
    ("RK0699", "did you mean"),
    ("zzzzzz", "`rewardkit doc` lists what there is"),
    ("", "lists what there is"),
]


@pytest.mark.parametrize(("name", "advice"), NEAR)
def test_a_name_that_is_not_there(name, advice, capsys):
    code, shown = doc(capsys, name)
    assert code == codes.USAGE and advice in shown and shown.startswith("error: ")


def test_everything_at_once(capsys):
    _, shown = doc(capsys)
    for function in functions():
        assert function.rpartition(".")[2] in shown
    assert "term NAME [in RANGE] [when GATE [else VALUE]] = VALUE" in shown and "gdpo" in shown
    _, shown = doc(capsys, "--format", "json")
    assert json.loads(shown)["functions"] == list(functions())


def test_search(capsys):
    _, shown = doc(capsys, "--search", "null", "--format", "json")
    found = json.loads(shown)["matches"]
    assert {"function", "diagnostic", "guide"} == {m["kind"] for m in found}
    assert "RK0604" in {m["name"] for m in found}
    assert all(len(line) < 180 for line in doc(capsys, "--search", "null")[1].splitlines())
    assert doc(capsys, "--search", "zzzzzz")[0] == codes.USAGE
    assert doc(capsys, "min", "--search", "zzzzzz")[0] == codes.USAGE
