"""`code.*`: programs in a completion, and what came of running them."""

from __future__ import annotations

import re
from fractions import Fraction

from rewardkit.library.format import last_block
from rewardkit.library.programs.languages import LANGUAGES
from rewardkit.types.function import Example, Function, Parameter
from rewardkit.types.interval import NON_NEGATIVE, Interval
from rewardkit.types.types import BOOL, INT, RESULT, SECONDS, TESTCASE, TEXT, list_of
from rewardkit.types.values import RunResult, canonical_json, make_result


def block(x: str, language: str = "python") -> str | None:
    """`code.block`."""
    name = language.lower()
    known = LANGUAGES.get(name)
    return last_block(x, (name, *(known.fences if known else ())) if name else ())


def complete(prompt: str, completion: str) -> str:
    """`code.complete`."""
    if not prompt.endswith("\n"):
        prompt += "\n"
    functions = list(_DEFINITION.finditer(prompt))
    if not functions or functions[-1]["name"] not in (f["name"] for f in _DEFINITION.finditer(completion)):
        return prompt + completion
    before = prompt[: functions[-1].start()].splitlines(keepends=True)
    while before and before[-1].startswith("@"):
        before.pop()
    return "".join(before) + completion


def assertions(test: str, entry_point: str, setup: str) -> str:
    """`code.assertions`."""
    return canonical_json({"test": test, "entry_point": entry_point, "setup": setup})


#: a function at the margin
_DEFINITION = re.compile(r"^(?:async )?def (?P<name>\w+)", re.MULTILINE)

_POSITIVE = Interval(Fraction(0), None, lo_open=True)

_RUN = """`passed` of the `total` cases and their `share`; `first_failing` is the index of the first that
fails, or null. What the program does is a result, never a fault: it `crashed` (raised, ended early,
was killed), `timed_out` on a case, or ran out of `memory` (MiB), which is a crash too.

The verdict is reached outside the program's process. It is given inputs and arguments, never what
is expected; what it returns is rebuilt as plain builtins and compared elsewhere. A case, an item of
`cases`, is one of

- `{"input": "3\\n", "output": "9\\n"}`: the program is run on the input, and *all* of its output
  compared, but for white space at the ends of lines and blank lines at its end. Lists are lists of lines.
  `stdin`, `stdout` and `expected_output` are read too, and `{"inputs": […], "outputs": […]}` as several
  cases.
- `{"entry_point": "f", "args": [3], "kwargs": {}, "expected": 9}`: the function is called, and its value
  compared as by `==`, so that `1`, `1.0` and `true` are equal; JSON has no tuples, so a tuple equals a
  list. Iterators are taken as lists. Where types matter, `args_repr`, `kwargs_repr` and `expected_repr`
  hold Python literals as text. `fn_name` and `func_name` name a function too; with them, `input` is the
  list of arguments or a line of JSON for each, and `output` the value, perhaps in a list of one (APPS,
  TACO, LiveCodeBench). A function that is not there is looked for in a class `Solution`; `A.f` is a
  method of a new `A()`.
- `{"test": "def check(candidate): …", "entry_point": "f", "setup": "…"}`, or a text of `assert`s: a
  Python script that passes where it ends without an exception. It runs in a sandbox of its own, where the
  program's functions are stand-ins: arguments go in, plain values, exceptions and changes made to
  arguments come back, other objects are handles that equal only themselves. With an `entry_point`, that
  function, also called `candidate`, is all the program gives, and helpers come from `setup`, for
  HumanEval the prompt; without one, every name that the script does not define is the program's.
  `check(candidate)`, tests named `test…` and those of `unittest` are run where the script itself calls
  nothing.

With a `"tolerance"`, numbers may differ by it, relative to what is expected above 1. Each case has
`timeout` seconds. The cases after the first that fails are left with `stop_early`, and those after
the third that timed out (`max_timeouts`); what is left fails. Cases with input run in a process
each; calls and scripts share one until it ends."""


def _lasting(result: RunResult) -> bool:
    """Whether the same program would end like this again; another run may have more time, or more memory."""
    return not (result.timed_out or result.memory)


FUNCTIONS: tuple[Function, ...] = (
    Function(
        "code.block", (Parameter("x", TEXT), Parameter("language", TEXT, default="python", constant=True)),
        TEXT.nullable,
        "the code of the last fenced block of a language",
        "inline", block,
        doc="As `format.code_block`, with `python` as the language unless another one is named. What models "
        "call Python and JavaScript counts as well: `py` and `python3`, `js`, `mjs`, `node` and `nodejs`.",
        examples=(
            Example(r'code.block("```python\nx = 1\n```")', "x = 1"),
            Example(r'code.block("```js\nx = 1\n```")', None),
            Example(r'code.block("```js\nx = 1\n```", language: "javascript")', "x = 1"),
        ),
    ),
    Function(
        "code.complete", (Parameter("prompt", TEXT), Parameter("completion", TEXT)),
        TEXT,
        "a whole program of the beginning of one and a completion that goes on from it",
        "inline", complete,
        doc="For prompts that end inside a Python function, as HumanEval's do. Where the completion defines "
        "the prompt's last function itself, the program is what the prompt has before that function, and the "
        "completion; else it is the prompt and then the completion, which is its body.",
        examples=(
            Example(r'code.complete("def f(x):\n", "    return x")', "def f(x):\n    return x"),
            Example(r'code.complete("import re\ndef f(x):\n", "def f(x):\n    return 1")',
                    "import re\ndef f(x):\n    return 1"),
        ),
    ),
    Function(
        "code.assertions",
        (
            Parameter("test", TEXT),
            Parameter("entry_point", TEXT, default=""),
            Parameter("setup", TEXT, default=""),
        ),
        TESTCASE,
        "a test case of an assertion script, for datasets that have it in columns of its own",
        "inline", assertions,
        doc="As `code.run` reads it from JSON. An empty `entry_point` is none.",
        examples=(
            Example(
                'code.assertions("assert f(3) == 9")',
                '{"entry_point":"","setup":"","test":"assert f(3) == 9"}',
            ),
        ),
    ),
    Function(
        "code.run",
        (
            Parameter("source", TEXT),
            Parameter("cases", list_of(TESTCASE)),
            Parameter("language", TEXT, default="python", constant=True, choices=tuple(LANGUAGES)),
            Parameter("timeout", SECONDS, default=10.0, constant=True, range=_POSITIVE),
            Parameter("memory", INT, default=512, constant=True, range=Interval(Fraction(16), None)),
            Parameter("stop_early", BOOL, default=False, constant=True),
            Parameter("max_timeouts", INT, default=3, constant=True, range=Interval(Fraction(1), None)),
        ),
        RESULT,
        "what came of running a program on test cases, in a sandbox",
        "sandbox", "rewardkit.library.programs:run",
        faults=True,
        fails="where a test case is malformed or its script is wrong, never by what the program does",
        purity="exec",
        cost="heavy",
        doc=_RUN,
        extra={"lasting": _lasting},
    ),
    Function(
        "code.result",
        (
            Parameter("passed", INT, range=NON_NEGATIVE),
            Parameter("total", INT, range=NON_NEGATIVE),
            Parameter("crashed", BOOL, default=False, constant=True),
            Parameter("timed_out", BOOL, default=False, constant=True),
            Parameter("memory", BOOL, default=False, constant=True),
            Parameter("first_failing", INT.nullable, default=None, constant=True),
        ),
        RESULT,
        "a result as `code.run` gives it, for a `mock`",
        "inline", make_result,
        faults=True,
        fails="where more cases pass than there are",
        doc="Unless `first_failing` says which case is the first to fail, those that pass come first. "
        "A program that ran out of `memory` crashed.",
    ),
)  # fmt: skip
