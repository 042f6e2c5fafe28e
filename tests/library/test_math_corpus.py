r"""`math.equal` against math-verify on pairs over its whole range, and the strict verdicts on them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cases import CASES
from math_corpus import corpus, pairs, raw_verdict, unpatched

from rewardkit.library import math_worker
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


def test_a_new_math_verify_is_read_before_it_is_made_faster():
    """Where this fails: see that what `math_parser` and `math_grader` replace is as it was, then name the new
    versions in `WRITTEN_FOR` and run this file with `REWARDKIT_EXAMPLES=2000`."""
    assert math_worker.is_known(), math_worker.WRITTEN_FOR


def test_another_math_verify_is_left_as_it_is():
    script = """
from importlib import metadata
known = metadata.version
metadata.version = lambda name: "99" if name == "math-verify" else known(name)
from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy
from math_verify import grader
before = _Latex2Sympy.create_parser, grader.sympy_symbolic_eq, grader.solve, grader.sympy_solve_and_compare
from rewardkit.library.math_worker import equal, is_known
assert not is_known()
assert before == (
    _Latex2Sympy.create_parser, grader.sympy_symbolic_eq, grader.solve, grader.sympy_solve_and_compare
)
for strict in (False, True):
    assert equal("(x + 1)^2", "x^2 + 2x + 1", strict) and not equal("x + 1", "x", strict)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


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
    with unpatched():
        assert _trees(texts) == faster


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
