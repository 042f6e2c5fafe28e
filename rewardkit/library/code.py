"""`code.*`: programs in a completion, and what came of running them."""

from __future__ import annotations

from fractions import Fraction

from rewardkit.library.format import code_block
from rewardkit.types.function import Example, Function, Parameter
from rewardkit.types.interval import NON_NEGATIVE, Interval
from rewardkit.types.types import BOOL, INT, RESULT, SECONDS, TESTCASE, TEXT, list_of
from rewardkit.types.values import make_result

_POSITIVE = Interval(Fraction(0), None, lo_open=True)

FUNCTIONS: tuple[Function, ...] = (
    Function(
        "code.block", (Parameter("x", TEXT), Parameter("language", TEXT, default="python", constant=True)),
        TEXT.nullable,
        "the code of the last fenced block of a language",
        "inline", code_block,
        doc="As `format.code_block`, with `python` as the language unless another one is named.",
        examples=(
            Example(r'code.block("```python\nx = 1\n```")', "x = 1"),
            Example(r'code.block("```js\nx = 1\n```")', None),
        ),
    ),
    Function(
        "code.run",
        (
            Parameter("source", TEXT),
            Parameter("cases", list_of(TESTCASE)),
            Parameter("language", TEXT, default="python", constant=True),
            Parameter("timeout", SECONDS, default=10.0, constant=True, range=_POSITIVE),
        ),
        RESULT,
        "what came of running a program on test cases, in a sandbox",
        "unbuilt", None,
        faults=True,
        fails="where the sandbox does, never by what the program does",
        purity="exec",
        cost="heavy",
        doc="A result has `passed`, `total` and their `share`, and tells whether the program `crashed` or "
        "`timed_out`. What the program causes is a result that earns nothing, and no fault.",
    ),
    Function(
        "code.result",
        (
            Parameter("passed", INT, range=NON_NEGATIVE),
            Parameter("total", INT, range=NON_NEGATIVE),
            Parameter("crashed", BOOL, default=False, constant=True),
            Parameter("timed_out", BOOL, default=False, constant=True),
        ),
        RESULT,
        "a result as `code.run` gives it, for a `mock`",
        "inline", make_result,
        faults=True,
        fails="where more cases pass than there are",
    ),
)  # fmt: skip
