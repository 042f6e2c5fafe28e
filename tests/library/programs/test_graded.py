"""Real completions with their publishers' verdicts: HumanEval and MBPP, two models each (reflexion, MIT).

The publisher ran all rows of a file in one process, so that names which one program defines are there for
those after it. Every disagreement comes of that: given those names, each has the publisher's verdict.
"""

import json
from pathlib import Path

import pytest

from rewardkit.library.code import complete
from rewardkit.library.programs import run

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the graded completions are not here")

IS_PRIME = "uses `is_prime`, which the program of HumanEval/31 (row 195) defines, and not its own"
MATH = "uses `math`, which it does not import and programs before it do"
SUM = "is right; `sum` was the function of mbpp_126_sum (row 127) by then, and not Python's"
#: row of the file → label, why it is not ours, and what the publisher's process knew (a row, or code)
DISAGREEMENTS = {
    "humaneval": {
        133: (True, MATH, "import math"),
        297: (True, MATH, "import math"),
        307: (True, IS_PRIME, 195),
        314: (True, IS_PRIME, 195),
    },
    "mbpp": dict.fromkeys((142, 173, 277, 334, 347, 356), (False, SUM, 127)),
}
COUNTS = {"humaneval": 328, "mbpp": 397}


def rows_of(name):
    return [json.loads(line) for line in (DATA / f"{name}_graded.jsonl").read_text().splitlines()]


def program(row):
    return complete(row["prompt"], row["completion"])


def passes(sandbox, row, source):
    case = {"test": row["test"], "entry_point": row["entry_point"], "setup": row["prompt"]}
    return run(sandbox, source, (json.dumps(case),)).share == 1


@pytest.mark.parametrize("name", DISAGREEMENTS)
def test_verdicts_are_the_publishers_but_where_rows_leaked_into_others(sandbox, name):
    rows = rows_of(name)
    assert len(rows) == COUNTS[name]
    found = {
        i: row["label"] for i, row in enumerate(rows) if passes(sandbox, row, program(row)) != row["label"]
    }
    assert found == {i: label for i, (label, _, _) in DISAGREEMENTS[name].items()}


@pytest.mark.parametrize(
    ("name", "number"), [(name, i) for name, found in DISAGREEMENTS.items() for i in found]
)
def test_what_leaked_makes_the_publishers_verdict(sandbox, name, number):
    rows = rows_of(name)
    label, reason, leaked = DISAGREEMENTS[name][number]
    before = leaked if isinstance(leaked, str) else program(rows[leaked])
    assert isinstance(leaked, str) or leaked < number
    row = rows[number]
    assert passes(sandbox, row, program(row)) is not label, reason
    assert passes(sandbox, row, f"{before}\n\n{program(row)}") is label, reason
