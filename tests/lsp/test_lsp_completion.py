"""Completion and signature help, in texts that are being written."""

from __future__ import annotations

import pytest
from marked import MATH, at_mark

from rewardkit import library
from rewardkit.lsp.completion import complete
from rewardkit.lsp.signatures import signature_help

#: what follows MATH, what must be offered, what must not
CASES = [
    ("¦", ["let", "term", "test", "prove"], ["reward", "advantage", "language", "sample", "brevity"]),
    ("te¦", ["term", "test"], ["brevity"]),
    ("let x = ¦", ["answer", "correct", "math", "completion", "clamp", "mean", "if", "true"], ["x", "test"]),
    ("let x = math.¦", ["boxed", "equal", "number"], ["answer?", "clamp", "correct"]),
    ("let x = math.eq¦", ["equal"], ["let"]),
    ("let x = completion.¦", ["text", "tokens", "words", "reasoning"], ["equal"]),
    ("let x = prompt.¦", ["text", "words"], ["tokens", "finished"]),
    ("let x = completion.messages[-1].¦", ["role", "text", "calls"], ["tokens"]),
    ("let x = completion.messages[-1].calls[0].¦", ["name", "arguments"], ["role"]),
    ("let x = any(m.¦ for m in completion.messages)", ["role", "calls"], ["tokens"]),
    ("let x = any(c.¦ for c in completion.messages[0].calls)", ["name"], ["tokens"]),
    ("let x = mean(completion.tokens) over ¦", ["group", "batch"], ["let", "brevity"]),
    ("let x = text.similarity(¦", ["a:", "b:", "answer"], []),
    ('let x = tools.match(tools.parse("x"), [], style: ¦', ['"toolrl"'], []),
    ("let x = tools.parse(completion.text, ¦", ["style:"], ["text:"]),
    ("input q: ¦", ["text", "tokens", "list"], ["let", "brevity", "mean"]),
    ("input q: list[¦", ["text", "call"], ["brevity"]),
    ("input q: text ¦", ["from", "in", "per prompt"], []),
    ("let ¦", [], ["brevity", "text", "let"]),
    ("term x ¦", ["in", "when"], []),
    ("term x when ¦", ["correct", "not"], ["let"]),
    ("term x = correct ¦", ["and", "or"], []),
    ("skip ¦", ["when"], ["brevity"]),
    ("advantage ¦", ["gdpo", "grpo", "dr_grpo"], ["brevity"]),
    ("advantage grpo { ¦ }", ["eps", "ddof", "whiten", "scale"], ["brevity"]),
    ("advantage grpo { eps: 1 ¦ }", ["ddof", "whiten"], ["eps"]),
    ("advantage grpo { whiten: ¦ }", ['"none"', '"sequence"'], ["eps"]),
    ("advantage gdpo { profile: ¦ }", ['"trl"', '"paper"', '"verl"', '"nemo_rl"', '"ms_swift"'], ["eps"]),
    ("advantage r¦", ["rloo", "reinforce_pp"], ["brevity"]),
    ("reward { ¦ }", ["accuracy", "brevity"], ["correct", "answer"]),
    ("reward { accuracy: 1.0\n  ¦ }", ["brevity"], ["accuracy"]),
    ("reward { accuracy: ¦ }", ["budget", "ramp", "step"], ["correct", "brevity"]),
    ("prove brevity ¦", ["decreasing in", "outranks"], []),
    ('test "x" { ¦', ["sample", "expect", "group", "mock", "rows"], ["let", "brevity"]),
    ('test "x" { group { ¦', ["sample"], ["expect"]),
    ('test "x" { sample a { ¦ } }', ["answer", "completion.text", "budget"], ["brevity", "expect"]),
    ('test "x" { sample a { answer = "4" ¦ } }', ["completion.text"], ["answer"]),
    ('test "x" { sample a { } expect ¦ }', ["a", "not"], ["brevity", "b"]),
    ('test "x" { sample a { } expect a.¦ }', ["brevity", "correct", "reward", "advantage"], ["answer"]),
    ('test "x" { rows "a.jsonl" { ¦', ["input", "expect"], ["sample"]),
    ('test "x" { rows "a.jsonl" { input label: bool expect ¦ } }', ["agreement", "share", "correct"], []),
    ('test "x" { sample a { } expect a.bre¦ > 1 }', ["brevity"], []),
    ('test "x" { sample a { } expect a.reward == 1 ¦ }', ["within", "and"], []),
    ("def f(x: ¦", ["real", "text"], ["brevity"]),
    (
        "def g(y: real): real = y\ndef f(x: real): real = ¦",
        ["x", "g", "clamp", "math"],
        ["answer", "brevity", "completion", "step", "f"],
    ),
    ("extern near(x: text): real\nlet x = ¦", ["near", "answer"], []),
    ('let x = "math.¦', [], ["boxed"]),
    ("let x = 1 # math.¦", [], ["boxed"]),
    ('let x = """ math.¦ """', [], ["boxed"]),
    ("let x = 1.¦", [], ["boxed"]),
]


@pytest.mark.parametrize(("text", "offered", "not_offered"), CASES, ids=[c[0] for c in CASES])
def test_completion(text: str, offered: list[str], not_offered: list[str]) -> None:
    labels = [item.label for item in complete(*at_mark(MATH + text))[1]]
    assert len(labels) == len(set(labels))
    assert set(offered) <= set(labels)
    assert not set(not_offered) & set(labels)
    if not offered:
        assert not labels


def test_completion_does_not_depend_on_what_follows() -> None:
    for after in ("", "\nterm later = 1\n", ")))", '"', "{", "\ntest", "}"):
        _, items = complete(*at_mark(MATH + "let x = math.¦" + after))
        assert "boxed" in [item.label for item in items], after


def test_the_written_part_is_replaced() -> None:
    text = MATH + "let x = math.bo"
    start, items = complete(*at_mark(text + "¦xed"))
    assert text[start:] == "bo"
    assert "boxed" in [item.label for item in items]


def test_a_text_without_a_sound_line_is_completed() -> None:
    for text in ("math.¦", "let let let math.¦", "}}} math.¦", "term = = = math.¦"):
        assert "boxed" in [item.label for item in complete(*at_mark(text))[1]], text


#: the call that is being written, the function, the number of the parameter
CALLS = [
    ("let x = clamp(¦", "clamp", 0),
    ("let x = clamp(1, ¦", "clamp", 1),
    ("let x = clamp(1, max(2, 3), ¦", "clamp", 2),
    ("let x = clamp(1, max(2, ¦", "max", 1),
    ("let x = max(1, 2, 3, ¦", "max", 1),
    ("let x = clamp(1, hi: ¦", "clamp", 2),
    ("let x = text.contains(answer, ¦) and", "text.contains", 1),
    ("let x = text.contains(completion.messages[len([1, ¦", "len", 0),
    ("let x = (1 + ¦", None, None),
    ("let x = clamp(1, 2, 3)¦", None, None),
    ("let x = nothing(¦", None, None),
    ("let x = clamp(1, 2, 3, ¦", "clamp", None),
]


@pytest.mark.parametrize(("text", "function", "active"), CALLS, ids=[c[0] for c in CALLS])
def test_signature_help(text: str, function: str | None, active: int | None) -> None:
    found = signature_help(*at_mark(MATH + text))
    if function is None:
        assert found is None
        return
    assert found is not None and found.label.startswith(f"{function}(")
    assert found.active == active
    assert all(p in found.label for p in found.parameters)
    assert len(found.parameters) == len(library.functions()[function].parameters)


def test_signature_of_a_definition() -> None:
    found = signature_help(*at_mark("def twice(x: real, y: int): real = 2 * x\nlet z = twice(1, ¦"))
    assert found is not None and found.label == "twice(x: real, y: int): real"
    assert found.active == 1
