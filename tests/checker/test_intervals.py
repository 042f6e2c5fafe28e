"""What the checker knows of a number's size: an expression, and its exact interval.

The generated specs of `tests/runtime` hold the same intervals to every number that a run computes.
"""

from __future__ import annotations

import pytest
from checking import checked, codes

INPUTS = """
input a: real in [0, inf)
input b: real in [0, inf)
input s: real in [0, 1]
input p: real in [0, 1]
input r: real in [0, 1]
input d: real in [-1, 1]
input e: real in [-2, 3]
input k: int in (0, 10)
input m: int in (-3, 3)
input z: int in [0, 4]
input low: real in (-inf, 0]
input u: real in (0, 2]
input any: real
input n: int
input q: real? in [0, 5]
input f: bool
input xs: list[int]
input gold: list[call]
input shared: real in [2, 3] per prompt
param w: real in [0, 1] = 0.5
param budget: tokens in [16tok, 4096tok] = 256tok
param free: real = 1
let ratio = completion.tokens / budget
let both = p + r
let words = completion.words
term gated in [0, 2] when f = e * e / 4.5
term other when f else -1 = s
term unsaid = clamp(e, 0, 1)
term nothing when f else null = s + 1
"""

INTERVALS = {
    # declared
    "k": "[1, 9]",
    "m": "[-2, 2]",
    "u": "(0, 2]",
    "w": "[0, 1]",
    "free": "(-inf, inf)",
    "budget / 1tok": "[16, 4096]",
    "completion.tokens / 1tok": "[0, inf)",
    "words": "[0, inf)",
    "step": "[0, inf)",
    "gated": "[0, 2]",
    "other": "[-1, 1]",
    "unsaid": "[0, 1]",
    "nothing": "[1, 2]",
    # arithmetic
    "1 - s": "[0, 1]",
    "s - p": "[-1, 1]",
    "2 * s + 3": "[3, 5]",
    "-d": "[-1, 1]",
    "-u": "[-2, 0)",
    "s * p": "[0, 1]",
    "d * p": "[-1, 1]",
    "s * a": "[0, inf)",
    "u * u": "(0, 4]",
    "low * a": "(-inf, 0]",
    "0 * any": "[0, 0]",
    "s / 4": "[0, 0.25]",
    "s / -4": "[-0.25, 0]",
    "1 / k": "[1/9, 1]",
    "1 / u": "[0.5, inf)",
    "s / (1 + a)": "[0, 1]",
    "1 / (1 + a)": "(0, 1]",
    "any / 2": "(-inf, inf)",
    "(s + p) / 2": "[0, 1]",
    "0.3 * s + 0.7 * p": "[0, 1]",
    "1 - (1 - s) * (1 - p)": "[0, 1]",
    "s * (1 - p)": "[0, 1]",
    "s - 2 * p": "[-2, 1]",
    "1 / 3 + 1 / 3 + 1 / 3": "[1, 1]",
    # of related values
    "d * d": "[0, 1]",
    "any * any": "[0, inf)",
    "e * e": "[0, 9]",
    "e * e * e": "[-18, 27]",
    "(s - p) * (s - p)": "[0, 1]",
    "(any - 1) * (any - 1)": "[0, inf)",
    "any - any": "[0, 0]",
    "(s + 1) - (s + 1)": "[0, 0]",
    "u / u": "[1, 1]",
    "a / (a + 1)": "[0, 1]",
    "s / (s + 1)": "[0, 0.5]",
    "s / (s + u)": "[0, 1]",
    "k / (k + z)": "[0.2, 1]",
    "z / (k + z)": "[0, 0.8]",
    "a / max(a + b, 1)": "[0, 1]",
    "a / max(a, b, 1)": "[0, 1]",
    "1 - a / (a + b + 1)": "[0, 1]",
    "(a - b) / (a + b + 1)": "[-1, 1]",
    "abs(a - b) / max(a, b, 1)": "[0, 1]",
    "(a - b) / max(a, b, 1)": "[-1, 1]",
    "min(a, 5) / max(a, 1)": "[0, 1]",
    "a / (2 * a + 1)": "[0, 1]",
    "(a + 1) / (b + 1)": "(0, inf)",
    "max(a, b) - a": "[0, inf)",
    "a - max(a, b)": "(-inf, 0]",
    "a - min(a, b)": "[0, inf)",
    "a - a * s": "[0, inf)",
    "a + b - a": "[0, inf)",
    "(a + b + 1) / (a + 1)": "[1, inf)",
    "w * s + (1 - w) * p": "[0, 1]",
    "w * e + (1 - w) * d": "[-2, 3]",
    "(1 - w) * d + e * w": "[-2, 3]",
    "2 * p * r / max(p + r, 0.001)": "[0, 1]",
    "if p + r > 0 then 2 * p * r / (p + r) else 0": "[0, 1]",
    "if both > 0 then 2 * p * r / both else 0": "[0, 1]",
    "2 * 0.5 * (u / 2 * s + (1 - u / 2) * 1) / (0.5 + (u / 2 * s + (1 - u / 2) * 1))": "[0, 1]",
    "completion.chars / max(completion.chars + prompt.chars, 1ch)": "[0, 1]",
    # functions
    "abs(e)": "[0, 3]",
    "abs(low)": "[0, inf)",
    "abs(-u)": "(0, 2]",
    "min(any, 1)": "(-inf, 1]",
    "max(any, 0)": "[0, inf)",
    "min(a, 1)": "[0, 1]",
    "min(s, 0.5, p)": "[0, 0.5]",
    "max(u, s)": "(0, 2]",
    "clamp(any, 0, 1)": "[0, 1]",
    "clamp(s, 0.2, 5)": "[0.2, 1]",
    "clamp(any, d, 1)": "[-1, 1]",
    "clamp(z, 1, 3)": "[1, 3]",
    "1 - clamp(completion.tokens / budget, 0, 1)": "[0, 1]",
    "1 - clamp(a / u, 0, 1)": "[0, 1]",
    "2 * clamp(any, 0, 1) - 1": "[-1, 1]",
    "round(e)": "[-2, 3]",
    "floor(2.5 * s)": "[0, 2]",
    "ceil(2.5 * s)": "[0, 3]",
    "round(k)": "[1, 9]",
    "sqrt(4 * s)": "[0, 2]",
    "sqrt(e * e)": "[0, 3]",
    "sqrt(a)": "[0, inf)",
    "exp(low)": "[0, 1]",
    "exp(a)": "[1, inf)",
    "exp(-a)": "[0, 1]",
    "exp(any)": "[0, inf)",
    "1 - exp(-a)": "[0, 1]",
    "log(1 + a)": "[0, inf)",
    "log(min(u, 1))": "(-inf, 0]",
    "tanh(any)": "[-1, 1]",
    "tanh(a)": "[0, 1]",
    "sigmoid(any)": "[0, 1]",
    "sigmoid(0 * any)": "[0.5, 0.5]",
    "cos(any)": "[-1, 1]",
    "cos(0 * any)": "[1, 1]",
    "(1 + cos(any)) / 2": "[0, 1]",
    "ramp(any, 0, 1)": "[0, 1]",
    "ramp(s, 0, 2)": "[0, 0.5]",
    "ramp(z, 1, 5)": "[0, 0.75]",
    "ramp(k, 0, 10)": "[0.1, 0.9]",
    "ramp(e, w - 4, 4)": "[1/7, 0.875]",
    "0.2 * ramp(step, 0, 500)": "[0, 0.2]",
    "1 - ramp(step, 100, 200)": "[0, 1]",
    "0.5 + 0.5 * ramp(step, 10, 20)": "[0.5, 1]",
    "len(xs)": "[0, inf)",
    "len(prompt.text) / 1ch": "[0, inf)",
    "min(len(xs), 3) / 3": "[0, 1]",
    "text.repetition(completion.text) * -1": "[-1, 0]",
    "text.count(completion.text, prompt.text)": "[0, inf)",
    "min(text.count(completion.text, prompt.text), 3)": "[0, 3]",
    "text.similarity(completion.text, prompt.text)": "[0, 1]",
    "text.script_share(completion.text, \"Latin\") - 1": "[-1, 0]",
    "format.tag_count(completion.text, [\"a\"]) * 0.5": "[0, 0.5]",
    "tools.match(gold, gold)": "[-3, 3]",
    "(tools.match(gold, gold) + 3) / 6": "[0, 1]",
    "tools.name_match(gold, gold)": "[0, 1]",
    "math.number(completion.text) ?? 0": "(-inf, inf)",
    "length.cosine(completion.tokens, budget, 1, 0.5)": "[0.5, 1]",
    "length.cosine(completion.tokens, budget, -1, -0.5)": "[-1, -0.5]",
    "length.cosine(completion.tokens, budget, s, d)": "[-1, 1]",
    "length.cosine(s, 2, 1, 0)": "[0.5, 1]",
    "length.cosine(1 + s, 1, 1, 0)": "[0, 0]",
    "if f then length.cosine(a, 9, 1, 0.5) else length.cosine(a, 9, -1, -0.5)": "[-1, 1]",
    "length.overlong(completion.tokens, 100tok, 20tok)": "[-1, 0]",
    "length.overlong(z, 5, 2)": "[-0.5, 0]",
    "length.overlong(k, 3, 0)": "[-1, 0]",
    "length.overlong(10 + s, 5, 2)": "[-1, -1]",
    "length.target(z, 2, 0.25)": "[-0.5, 0]",
    "length.target(a, 2, 0.25)": "(-inf, 0]",
    # branches and tests
    "if f then s else -p": "[-1, 1]",
    "if f then 1 else 0.5": "[0.5, 1]",
    "if any > 1 then any else 1": "[1, inf)",
    "if any > 0 then 1 / any else 0": "[0, inf)",
    "if any < 0 then -any else any": "[0, inf)",
    "if any >= 2 and any <= 5 then any else 3": "[2, 5]",
    "if any < 0 or any > 1 then 0 else any": "[0, 1]",
    "if not (any <= 3) then 3 - any else 0": "(-inf, 0]",
    "if z > 0 then 1 / z else 0": "[0, 1]",
    "if z != 0 then 1 / z else 0": "[0, 1]",
    "if z == 0 then 0 else 1 / z": "[0, 1]",
    "if z > 1 then z else 2": "[2, 4]",
    "if z == 3 then z else 3": "[3, 3]",
    "if n >= 1 then 1 / n else 1": "(0, 1]",
    "if 2 < n then n else 3": "[3, inf)",
    "if ratio > 1 then ratio - 1 else 0": "[0, inf)",
    "if ratio <= 1 then 1 - ratio else 0": "[0, 1]",
    "if completion.tokens / budget <= 1 then 1 - completion.tokens / budget else 0": "[0, 1]",
    "if completion.tokens / budget <= 1 then 1 - ratio else 0": "[0, 1]",
    "if words > 2 then 1 / completion.words else 0": "[0, 1/3]",
    "if completion.words > 2 then 1 / words else 0": "[0, 1/3]",
    "if len(xs) > 0 then 1 / len(xs) else 0": "[0, 1]",
    "if a + b > 0 then a / (a + b) else 0": "[0, 1]",
    "if a - b > 0 then 1 / (1 + (a - b)) else 0": "[0, 1)",
    "a + s + 1 - (s + a)": "[0, inf)",
    "if q != null then q else -1": "[-1, 5]",
    "if q != null and q > 1 then 1 / q else 1": "[0.2, 1]",
    "q ?? 7": "[0, 7]",
    "q ?? (if f then null else -1) ?? 2": "[-1, 5]",
    "max(q ?? 0, 1)": "[1, 5]",
    # aggregates
    "mean(s) over group": "[0, 1]",
    "min(e) over batch": "[-2, 3]",
    "max(u) over group": "(0, 2]",
    "mean(f) over group": "[0, 1]",
    "1 - (mean(f) over group)": "[0, 1]",
    "sum(s) over group": "[0, inf)",
    "sum(1 + s) over group": "[1, inf)",
    "sum(1 + s where f) over group": "[0, inf)",
    "sum(-k) over batch": "(-inf, -1]",
    "sum(e) over group": "(-inf, inf)",
    "sum(f) over group": "[0, inf)",
    "count() over group": "[1, inf)",
    "1 / count() over group": "(0, 1]",
    "count(f) over group": "[0, inf)",
    "count(s) over group": "[1, inf)",
    "count(q) over group": "[0, inf)",
    "std(s) over group ?? 0": "[0, 0.70711]",
    "std(any) over group ?? 0": "[0, inf)",
    "rank(s) over group": "[1, inf)",
    "mean(s where f) over group ?? 0": "[0, 1]",
    "mean(1 / z where z > 0) over group ?? 0": "[0, 1]",
    "count(f) over group / count() over group": "[0, 1]",
    "sum(f) over group / count() over group": "[0, 1]",
    "(rank(s) over group - 1) / max(count() over group - 1, 1)": "[0, 1]",
    "(rank(s) over group) / (count() over group)": "(0, 1]",
    "s - (min(s) over group)": "[0, 1]",
    "(max(a) over group) - a": "[0, inf)",
    "(max(a) over group) - (mean(a) over group)": "[0, inf)",
    "a / max(max(a) over group, 1)": "[0, 1]",
    "a / max(sum(a) over group, 1)": "[0, 1]",
    "k / (sum(k) over group)": "(0, 1]",
    "(a - (min(a) over group)) / max((max(a) over group) - (min(a) over group), 1)": "[0, 1]",
    "s - (mean(s) over group)": "[-1, 1]",
    "if count(f) over group > 0 then 1 / count(f) over group else 0": "[0, 1]",
    # lists
    "sum(x * x for x in xs)": "[0, inf)",
    "max(abs(x) for x in xs) ?? 0": "[0, inf)",
    "mean(clamp(x, 0, 1) for x in xs) ?? 0": "[0, 1]",
    "min(x for x in xs where x > 2) ?? 3": "[3, inf)",
    "count(x > 2 for x in xs) / max(len(xs), 1)": "[0, 1]",
    "sum(x > 2 for x in xs) / max(len(xs), 1)": "[0, 1]",
    "mean(x > 2 for x in xs) ?? 0": "[0, 1]",
}  # fmt: skip


@pytest.mark.parametrize("expression", INTERVALS)
def test_the_interval(expression: str) -> None:
    spec = checked(f"{INPUTS}let v = {expression}")
    assert str(spec.lets["v"].interval) == INTERVALS[expression]


@pytest.mark.parametrize("skip", ["budget > 0tok", "budget < 1tok", "s <= 1", "s > -1"])
def test_what_no_row_reaches_is_no_error(skip: str) -> None:
    parts = "length.cosine(completion.tokens, budget, 0, s) + 1tok / budget"
    assert (
        codes(f"""
        param budget: tokens in [1tok, 100tok] = 10tok
        input s: real in [0, 1]
        skip when {skip}
        term t = {parts}
    """)
        == []
    )


def test_a_range_that_holds_no_whole_number() -> None:
    assert codes("input x: int in (0, 1)\nterm t = x") == ["RK0703"]
    assert codes("param x: tokens in (4tok, 5tok) = 4tok\nterm t = x / 1tok") == ["RK0703"]


#: what is not sharp, so that the day it gets sharper is noticed: each is sound, and wider than it could be
WIDE = {
    "s * (1 - s)": "[0, 1]",  # at most 0.25
    "s - s * s": "[0, 1]",
    "e * e * e * e": "[-54, 81]",  # only `x * x` is a square
    "(a + 2) - (a + b)": "(-inf, inf)",  # what cancels would cancel the rounding's size as well
    "if n != 0 then n * n else 1": "[0, inf)",  # an interval has no gaps
    "if s < p then p - s else 0": "[-1, 1]",  # comparisons of two names narrow nothing
    "if s + 1 > 1.5 then s else 1": "[0, 1]",  # nor do they reach into an expression
    "if s > 2 then 9 else s": "[0, 9]",  # a branch that is never taken counts
    "cos(s * 10)": "[-1, 1]",
    "sum(x for x in xs where x > 0 and x < 3)": "[0, inf)",  # lists have no longest
}


@pytest.mark.parametrize("expression", WIDE)
def test_wide(expression: str) -> None:
    spec = checked(f"{INPUTS}let v = {expression}")
    assert str(spec.lets["v"].interval) == WIDE[expression]
