"""Help lines that stand on no page of the documents: what is advised checks, and costs little."""

from __future__ import annotations

import time

import pytest
from checking import codes

from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.language.sketch import brief

INPUTS = """
input n: int?
input x: text
input k: int? in [2, 5]
param limit: int in [1, 100] = 10
let spread = std(completion.words) over group
let verdict = math.equal(x, "4")
"""


def helps(text: str) -> list[str]:
    return [d.help or "" for d in check(Source("spec.rwd", INPUTS + text))[1]]


HELP = {
    "term a = 1 / spread": "say what null counts as, `max(spread ?? 0, 1e-6)`",
    "term a = 1 / k": "say what null counts as, `k ?? 1`, or test `k != null` first",
    "term a = 1 / n": "say what null counts as, `max(n ?? 0, 1)`",
    'let a = completion.text == "a" ?? false': 'write `completion.text == "a"`: it is never null',
    "let a = 1 < n ?? false": "settle the side that may be null: `n ?? 0`",
    "let a = completion.words > 3 and 5": "a condition is wanted, and `5` is a number: write a comparison",
    "let a = completion.words == 3 or 5": "write `or completion.words == 5`",
    "let a = length.cosine(completion.tokens, limit, 0, 1)": "declare `limit` as `tokens`",
    "let a = sqrt(completion.chars / 10)": "divide by an amount of chars: `completion.chars / 10ch`",
    "term a = completion.chars / limit": "declare `limit` as `chars`: chars over chars is a plain number",
    "term a = completion.tokens - 4tok": "divide by the amount of tokens that counts as 1: "
    "`(completion.tokens - 4tok) / 1tok` keeps the number",
    "term a = completion.tokens\nreward { step: 1 }": "divide by the amount of tokens that counts "
    "as 1: `completion.tokens / 1tok` keeps the number",
    "term a = 0.001 * completion.tokens": "divide by the amount of tokens that counts as 1: "
    "`0.001 * completion.tokens / 1tok` keeps the number",
    "term a = 1tok / mean(completion.tokens) over batch": "divide by "
    "`max(mean(completion.tokens) over batch, 1tok)`",
    "term a = x": "measure it, `len(x) / 1ch`, or test it, `text.contains(x, …)`",
    "input y: text?\nterm a = y": 'test it, `y != null`, or measure it, `len(y ?? "") / 1ch`',
    "let a = completions.tokens": "did you mean `completion.tokens`?",
    "let a = completion_ids": "the number of generated tokens is `completion.tokens`",
    "let a = response.words": "did you mean `completion.words`?",
    "let a = completions.stop": "the model's answer is `completion.text`",
    "let a = x.lower(1)": "pass it to the function: `text.lower(x)`",
    'let a = x.startswith("a")': 'test it with a pattern: `text.matches(x, r"^…")`',
    "let a = np.mean(x)": "did you mean `mean`?",
    "let a = np.clip(n, 0, 1)": "did you mean `clamp`?",
    "let a = foo.bar(x)": "the namespaces are `code`, `format`, `json`, `judge`, `length`, `math`, `model`, "
    "`text`, `tools`",
    "let a = judge.scor(x)": "did you mean `judge.score`?",
    "term t = verdict ?? false\nterm u when t = 1": "compare it, `t == 1`, or name its condition with `let`, "
    "and use that in both places",
    "term t = 0.5\nterm u when t = 1": "compare it, `t > 0`, or name its condition with `let`, and use that "
    "in both places",
}


@pytest.mark.parametrize("text", HELP)
def test_the_help(text: str) -> None:
    assert helps(text)[0] == HELP[text]


ADVISED = [
    "term a = 1 / max(spread ?? 0, 1e-6)",
    "term a = completion.tokens / max(std(completion.tokens) over group ?? 0tok, 1tok)",
    "term a = 1 / (k ?? 1)",
    "term a = (completion.tokens - 4tok) / 1tok",
    "term a = 0.001 * completion.tokens / 1tok",
    'input y: text?\nterm a = len(y ?? "") / 1ch',
    "term a = len(x) / 1ch",
    "input y: text?\nterm a = y != null",
    "term a = (verdict ?? false)",
    'let a = text.matches(x, r"^a")',
    "let a = n ?? 0 > 1",
]


@pytest.mark.parametrize("text", ADVISED)
def test_what_is_advised_checks(text: str) -> None:
    assert codes(INPUTS + text) == []


def test_a_fallback_that_is_meant_is_one() -> None:
    assert codes(INPUTS + "term a = completion.finished == verdict ?? false") == []
    assert codes(INPUTS + "term a = completion.words > (n ?? 0)") == []


def test_nested_fallbacks_are_checked_once() -> None:
    text = "true"
    for _ in range(25):
        text = f"(true == {text} ?? false)"
    start = time.perf_counter()
    check(Source("spec.rwd", f"let a = {text}"))
    assert time.perf_counter() - start < 5


BRIEF = {
    "a + b": "a + b",
    "a\n  +   b  # why": "a + b",
    'math.equal(math.boxed(text.after(completion.text, "is")), "42")': 'math.equal(math.boxed(…), "42")',
    "mean(completion.words where completion.finished) over group": "mean(…) over group",
    "f() + g(completion.messages, completion.messages)": "f() + g(…)",
    "[completion.words, completion.lines, completion.words]": "[completion.words, completion.lines, …",
    'if completion.finished and text.contains(x, ")") then 1 else 0': "if completion.finished and …",
    "x" * 50: "x" * 39 + "…",
    "(" * 3000: "(" * 39 + "…",
    ")" * 50: ")" * 39 + "…",
    '"' + "a b " * 20: '"a b a b a b a b a b a b a b a b a b a …',
}


@pytest.mark.parametrize("text", BRIEF)
def test_long_code_is_shown_in_outline(text: str) -> None:
    assert brief(text) == BRIEF[text]
    assert len(brief(text)) <= 40
