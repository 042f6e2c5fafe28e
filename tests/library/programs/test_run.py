"""What right programs earn, kind by kind, and what a result tells of wrong ones."""

import json

import pytest
from right import NODE, RIGHT, SQUARE, call

from rewardkit.library.programs import run
from rewardkit.library.programs.processes import Clock, Program
from rewardkit.library.programs.processes import Ended as Ended_
from rewardkit.sandbox import Ended, SandboxError


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_passes(ran, name):
    source, *cases = RIGHT[name]
    result = ran(source, *cases)
    assert result.share == 1, result
    assert result.first_failing is None
    assert not (result.crashed or result.timed_out or result.memory)


@pytest.mark.parametrize("name", NODE)
def test_a_right_program_of_javascript_passes(ran, name):
    source, *cases = NODE[name]
    assert ran(source, *cases, language="javascript").share == 1


def told(result):
    """What a result tells beside its counts."""
    return {name for name in ("crashed", "timed_out", "memory") if getattr(result, name)}


@pytest.mark.parametrize(
    ("source", "case", "flags"),
    [
        (SQUARE, call(3, expected=8), set()),
        (SQUARE, "assert f(3) == 8", set()),
        ("print(1)", {"output": "2"}, set()),
        ("def f(x): raise ValueError", call(3, expected=9), {"crashed"}),
        ("def f(x): raise ValueError", "assert f(3) == 9", {"crashed"}),
        ("def f(x): raise ValueError", "try:\n    f(3)\nexcept ValueError:\n    assert False", set()),
        ("def g(x): return 9", call(3, expected=9), {"crashed"}),
        ("def g(x): return 9", "assert f(3) == 9", set()),
        ("f(x", call(3, expected=9), {"crashed"}),
        ("f(x", "assert f(3) == 9", {"crashed"}),
        ("f(x", {"output": "9"}, {"crashed"}),
        ("raise SystemExit(3)", {"output": ""}, {"crashed"}),
        ("import os; os._exit(3)", call(3, expected=9), {"crashed"}),
        ("while True: pass", {"output": ""}, {"timed_out"}),
        ("while True: pass", call(3, expected=9), {"timed_out"}),
        ("def f(x):\n    while True: pass", "assert f(3) == 9", {"timed_out"}),
        (SQUARE, "while True: f(3)", {"timed_out"}),
        ("x = bytearray(1 << 40)", {"output": ""}, {"crashed", "memory"}),
        ("def f(x): return bytearray(1 << 40)", call(3, expected=9), {"crashed", "memory"}),
        ("def f(x): return bytearray(1 << 40)", "assert f(3) == 9", {"crashed", "memory"}),
        ("a = []\nwhile True: a.append(bytearray(1 << 20))", {"output": ""}, {"crashed", "memory"}),
    ],
)  # fmt: skip
def test_a_result_tells_what_went_wrong(ran, source, case, flags):
    timeout = 1.5 if "timed_out" in flags else 20.0
    result = ran(source, case, timeout=timeout)
    assert (result.passed, result.total, result.first_failing) == (0, 1, 0)
    assert told(result) == flags


def test_cases_of_all_kinds_after_one_another(ran):
    source = SQUARE + "if __name__ == '__main__':\n    print(f(int(input())))"
    cases = [call(2, expected=4), {"input": "3", "output": "9"}, "assert f(4) == 16", call(5, expected=25),
             call(6, expected=0), "assert f(7) == 0", {"input": "8", "output": "64"}]  # fmt: skip
    result = ran(source, *cases)
    assert (result.passed, result.total, result.first_failing) == (5, 7, 4)
    assert told(result) == set()


def test_a_program_that_dies_on_one_case_is_asked_the_next(ran):
    source = "import os\ndef f(x):\n    if x == 2: os._exit(1)\n    return x\n"
    for cases in ([call(n, expected=n) for n in range(4)], [f"assert f({n}) == {n}" for n in range(4)]):
        result = ran(source, *cases)
        assert (result.passed, result.total, result.first_failing) == (3, 4, 2)
        assert told(result) == {"crashed"}


def test_a_program_that_breaks_the_channel_once_is_asked_the_next(ran):
    source = (
        "import os, sys\ndef f(x):\n    if x == 1:\n"
        "        link = sys._getframe(1).f_locals['self'].link\n"
        "        link.write({'raise': None})\n        os._exit(0)\n    return x\n"
    )
    result = ran(source, *(f"assert f({n}) == {n}" for n in range(3)))
    assert (result.passed, result.total, result.first_failing) == (2, 3, 1)


def test_stopping_early_leaves_what_comes_after_the_first_failure(ran):
    cases = [call(n, expected=n * n if n else 1) for n in range(4)]
    assert ran(SQUARE, *cases).passed == 3
    result = ran(SQUARE, *cases, stop_early=True)
    assert (result.passed, result.total, result.first_failing) == (0, 4, 0)


def test_programs_that_keep_timing_out_are_left(ran):
    source = "def f(x):\n    while x < 3: pass\n    return x\n"
    cases = [call(n, expected=n) for n in range(5)]
    assert ran(source, *cases, timeout=0.5, max_timeouts=4).passed == 2
    result = ran(source, *cases, timeout=0.5, max_timeouts=2)
    assert (result.passed, result.first_failing, result.timed_out) == (0, 0, True)


def test_memory_is_a_limit_that_may_be_moved(ran):
    case = {"input": "", "output": "1"}
    source = "x = bytearray(300 << 20)\nprint(1)"
    assert ran(source, case).share == 1
    assert told(ran(source, case, memory=100)) == {"crashed", "memory"}
    assert ran(SQUARE, "assert f(3) == 9", memory=16).share == 1


def test_no_cases_are_no_share(ran):
    result = ran(SQUARE)
    assert (result.passed, result.total, result.share, result.first_failing) == (0, 0, 0, None)


WRONG = [
    ({"a": 1}, "has `a`"),
    ({}, "has nothing"),
    (3, "found a number"),
    ("  ", "empty"),
    ({"input": "1"}, "`output`"),
    ({"input": 1, "output": "1"}, "a list of lines"),
    ({"entry_point": "f", "args": [1]}, "needs `expected`"),
    ({"entry_point": "f", "args": 1, "expected": 1}, "`args` must be a list"),
    ({"entry_point": "f", "args": [], "kwargs": [1], "expected": 1}, "`kwargs` must be an object"),
    ({"entry_point": 1, "args": [], "expected": 1}, "the name of the function"),
    ({"entry_point": "f", "args_repr": "[open('x')]", "expected": 1}, "not a Python literal"),
    ({"entry_point": "f", "args_repr": "(" * 5000, "expected": 1}, "Python literal"),
    ({"inputs": ["1"], "outputs": []}, "one length"),
    ({"output": "1", "tolerance": -1}, "`tolerance`"),
    ({"test": "", "entry_point": "f"}, "empty"),
]


@pytest.mark.parametrize(("case", "reason"), WRONG)
def test_a_case_that_is_none_is_the_rows_fault(case, reason):
    good = json.dumps({"output": "1"})
    with pytest.raises(ValueError, match="test case 1: ") as caught:
        run(None, SQUARE, (good, json.dumps(case)))
    assert reason in str(caught.value)


FAULTY = [
    ({"test": "assert f(3) ==", "entry_point": "f"}, "no Python"),
    ({"test": "assert f(3) == 9", "setup": "def", "entry_point": "f"}, "`setup` that is no Python"),
    ({"test": "assert f(3) == 9", "setup": "1 / 0", "entry_point": "f"}, "division by zero"),
    ({"test": "assert g(f(3)) == 9", "entry_point": "f"}, "uses `g`"),
    ({"test": "try:\n    g(f(3))\nexcept NameError:\n    pass", "entry_point": "f"}, "uses `g`"),
    ({"test": "x = 1", "entry_point": "f"}, "never calls the program"),
    ({"test": "from solution import f\ndef help(): pass"}, "never calls the program"),
    ({"test": "import os\nos._exit(0)", "entry_point": "f"}, "ends its own process"),
    ({"test": "assert f(3) == 9", "setup": "import os\nos._exit(0)", "entry_point": "f"}, "ends its own"),
    ({"test": "import no_such_module\nassert f(3) == 9"}, "not installed"),
    ({"test": "class A: pass\nf(A())"}, "a value of type `A`"),
    ({"test": "class A: pass\ntry:\n    f(A())\nexcept BaseException:\n    pass"}, "a value of type `A`"),
]


@pytest.mark.parametrize(("case", "reason"), FAULTY)
def test_a_script_that_is_wrong_is_the_rows_fault(ran, case, reason):
    with pytest.raises(ValueError, match="test case 0: the test ") as caught:
        ran(SQUARE, case)
    assert reason in str(caught.value)


def test_assertions_are_for_python(ran):
    with pytest.raises(ValueError, match="javascript"):
        ran("function f() {}", "assert f() is None", language="javascript")


class Small:
    slots = 1


def test_assertions_need_two_slots():
    with pytest.raises(SandboxError, match="two slots"):
        run(Small(), SQUARE, ('"assert f(3) == 9"',))


class Bare:
    """A sandbox without any language."""

    slots = 2

    def run(self, job):
        return Ended(127, stderr=b"node: No such file or directory\n")


def test_a_sandbox_without_the_language_is_no_bad_program():
    with pytest.raises(SandboxError, match=r"no javascript in the sandbox: .*No such file"):
        run(Bare(), "print(1)", ('{"output": "1"}',), language="javascript")


class Chatty:
    """A process that answers everything with a null, and with very much around it."""

    def request(self, message, timeout):
        return message[:32] + b'{"value":null}' + b" " * (1 << 20)


def test_what_a_program_says_of_its_loading_is_not_read_at_length():
    with pytest.raises(Ended_) as caught:
        Program(Chatty()).load(Clock.of(10))
    assert caught.value.verdict.crashed
