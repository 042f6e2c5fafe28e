r"""`math.equal` against math-verify on pairs over its whole range, and the strict verdicts on them."""

import json
from pathlib import Path

import pytest
from cases import CASES
from math_corpus import corpus, pairs, raw_verdict

from rewardkit.library import math_parser, math_worker
from rewardkit.library.math_answer import answer
from rewardkit.library.math_fast import fast_equal

GSM8K = Path(__file__).parents[3] / "shared" / "data" / "gsm8k_graded.jsonl"
LINES = corpus()


def equal(found, gold, strict=False):
    """As a run decides it: in this process where that can be, else as a worker does."""
    fast = fast_equal(found, gold, strict)
    return math_worker.equal(found, gold, strict) if fast is None else fast


def test_the_corpus_is_the_one_that_is_made():
    assert [(line.kind, line.found, line.gold) for line in LINES] == pairs()
    assert len(LINES) >= 1500 and len({line.kind for line in LINES}) >= 25


def test_the_verdicts_are_math_verifys():
    wrong = [
        line
        for line in LINES[:: 1 if CASES > 1000 else 7]
        if raw_verdict(line.found, line.gold) != line.verdict
    ]
    assert wrong == []


def test_equal_gives_these_verdicts_but_where_it_says_why():
    wrong = [line for line in LINES if equal(line.found, line.gold) != (line.verdict or line.reason != "")]
    assert wrong == []
    different = [line for line in LINES if line.reason]
    # it accepts spellings that math-verify does not read in a box, and refuses nothing that it accepts
    assert all(not line.verdict and line.reason in ("words", "spelling", "prose") for line in different)
    assert len(different) / len(LINES) < 0.03


def test_the_fast_path_decides_as_the_worker_does():
    decided = [line for line in LINES if fast_equal(line.found, line.gold) is not None]
    wrong = [
        line
        for line in decided
        if fast_equal(line.found, line.gold) != math_worker.equal(line.found, line.gold)
    ]
    assert wrong == [] and len(decided) > len(LINES) / 10


def test_strict_only_ever_refuses():
    for line in LINES[:: 1 if CASES > 1000 else 3]:
        strict = equal(line.found, line.gold, strict=True)
        assert not strict or equal(line.found, line.gold), line
        assert strict or line.found != line.gold or not line.found.strip(), line


def test_the_faster_parser_gives_the_same_trees():
    texts = sorted({text for line in LINES for text in (line.found, line.gold)})
    faster = _trees(texts)
    math_parser.uninstall()
    try:
        assert _trees(texts) == faster
    finally:
        math_parser.install()


def _trees(texts):
    from math_verify import parser

    for cached in (math_worker._parsed, parser.parse_latex_cached, parser.extract_latex):
        cached.cache_clear()
    return {text: repr(math_worker._parse(text)) for text in texts}


@pytest.mark.skipif(not GSM8K.exists(), reason="the graded GSM8K rows are not here")
def test_math_verifys_verdicts_on_gsm8k():
    rows = [json.loads(line) for line in GSM8K.read_text().splitlines()]
    answers = {(answer(row["completion"]) or "", row["answer"]) for row in rows}
    wrong = [pair for pair in answers if equal(*pair) != raw_verdict(*pair)]
    assert len(answers) > 1000 and wrong == []
