"""The rules of the language that are no diagnostics page of their own: types, levels, ranges, faults."""

from __future__ import annotations

from fractions import Fraction

import pytest
from checking import checked, codes, messages

from rewardkit.types.interval import Interval
from rewardkit.types.levels import Level

INPUTS = """
input a: text?
input k: int
input r: real in [0, 1]
input d: real in [0, 1] per prompt
param p: int in [1, 4] = 2
"""


def let(expression: str):
    return checked(f"{INPUTS}let v = {expression}").lets["v"]


TYPES = {
    "1": "int", "1.0": "real", "1e3": "real", "1 + 1": "int", "1 / 1": "real", "1tok": "tokens",
    "1.5s": "seconds", "2 * 3tok": "tokens", "0.5 * 3tok": "real tokens", "4tok / 2": "real tokens",
    "4tok / 2tok": "real", "3s + 1s": "seconds", "- 3tok": "tokens", "len(\"a\")": "chars",
    "len([\"a\"])": "int",
    "completion.words": "int", "completion.chars": "chars", "completion.tokens": "tokens",
    "mean(completion.tokens) over group": "real tokens", "sum(completion.tokens) over group": "tokens",
    "max(completion.tokens) over group": "tokens", "std(completion.tokens) over group": "real tokens?",
    "max(completion.tokens where k > 0) over group": "tokens?", "count() over batch": "int",
    "rank(k) over group": "real", "any(k > 0) over group": "bool", "sum(k > 0) over group": "int",
    "mean(k > 0) over group": "real", "min(len(m.text) for m in completion.messages)": "chars?",
    "completion.messages[0]": "message?", "completion.messages[0].role": "text?", "math.boxed(a)": "text?",
    "a ?? \"\"": "text", "a ?? null": "text?", "if k > 0 then 1 else 2.5": "real",
    "if k > 0 then a else \"\"": "text?",
    "if k > 0 then 1 else null": "int?", "tools.parse(\"\") ?? []": "list[call]", "[1, 2]": "list[int]",
    "round(2.5)": "int", "floor(1.5 * 3tok)": "tokens", "clamp(k, 0, 1.5)": "real", "-k ?? 1": "int",
}  # fmt: skip


@pytest.mark.parametrize("expression", TYPES)
def test_types(expression: str) -> None:
    assert str(let(expression).type) == TYPES[expression]


LEVELS = {
    "1": Level.CONSTANT, "p": Level.CONSTANT, "step": Level.CONSTANT, "k": Level.ROW, "d": Level.GROUP,
    "prompt.words": Level.GROUP, "completion.words": Level.ROW, "d * p": Level.GROUP,
    "d * k": Level.ROW,
    "mean(k) over group": Level.GROUP, "mean(k) over batch": Level.BATCH, "rank(k) over group": Level.ROW,
    "k - mean(k) over group": Level.ROW, "mean(d) over batch": Level.BATCH,
    "if any(k > 0) over batch then d else 0": Level.GROUP, "text.lower(prompt.text)": Level.GROUP,
}  # fmt: skip


@pytest.mark.parametrize("expression", LEVELS)
def test_levels(expression: str) -> None:
    assert let(expression).level == LEVELS[expression]


INTERVALS = {
    "r": (0, 1), "1 - r": (0, 1), "2 * r - 1": (-1, 1), "r * r": (0, 1), "p": (1, 4),
    "1 / p": (Fraction(1, 4), 1),
    "-p": (-4, -1), "abs(r - 1)": (0, 1), "if k > 0 then r else -1": (-1, 1), "r ?? 3": (0, 3),
    "mean(r) over group": (0, 1), "sum(r) over group": (0, None), "count(r > 0) over group": (0, None),
    "count() over group": (1, None), "clamp(k, -1, 1)": (-1, 1), "step": (0, None), "min(k, 3)": (None, 3),
}  # fmt: skip


@pytest.mark.parametrize("expression", INTERVALS)
def test_intervals(expression: str) -> None:
    lo, hi = (None if end is None else Fraction(end) for end in INTERVALS[expression])
    found = let(expression).interval
    assert (found.lo, found.hi) == (lo, hi)


FAULTS = {
    "k": False, "k + 1": True, "r + 1": False, "math.equal(\"1\", \"1\")": True,
    "math.equal(\"1\", \"1\") ?? false": False, "failed(math.equal(\"1\", \"1\"))": False,
    "count(math.equal(\"1\", \"1\")) over group": False, "not math.equal(\"1\", \"1\")": True,
}  # fmt: skip


@pytest.mark.parametrize("expression", FAULTS)
def test_what_can_fail(expression: str) -> None:
    assert let(expression).faults == FAULTS[expression]


def term(text: str) -> Interval:
    return checked(INPUTS + text).terms["t"].interval


def test_a_closed_gate_belongs_to_a_terms_interval() -> None:
    assert term("term t when k > 0 = 1 + r") == Interval(Fraction(0), Fraction(2))
    assert term("term t when k > 0 else -1 = r") == Interval(Fraction(-1), Fraction(1))
    assert term("term t when k > 0 else null = 1 + r") == Interval(Fraction(1), Fraction(2))
    assert term("term t = k > 0") == Interval(Fraction(0), Fraction(1))


def test_the_declared_range_is_what_a_term_is_known_by() -> None:
    assert term("term t in [0, 2] = r") == Interval(Fraction(0), Fraction(1))
    assert codes(INPUTS + "term t in [0, 0.5] = r") == ["RK0701"]
    assert codes(INPUTS + "term t in (0, 1] = r") == ["RK0701"]
    assert codes(INPUTS + "term t in (-1, 2) = r") == []


def test_a_term_with_a_null_else_may_be_null_below() -> None:
    body = "term t when k > 0 else null = r\nterm u = t"
    assert codes(INPUTS + body) == ["RK0604"]


def test_the_rewards_range_counts_missing_terms_as_nothing() -> None:
    body = "term t in [1, 2] when k > 0 else null = 1 + r\nreward in {} {{ t: 1 }}"
    assert codes(INPUTS + body.format("[1, 2]")) == ["RK0701"]
    assert codes(INPUTS + body.format("[0, 2]")) == []


def test_weights_may_depend_on_params_and_the_step() -> None:
    checked(INPUTS + "term t = r\nreward { t: p * ramp(step, 0, 100) }")
    assert codes(INPUTS + "term t = r\nreward { t: mean(r) over batch }") == ["RK0503"]


def test_the_scale_is_group_level_at_most() -> None:
    body = INPUTS + "term t = r\nreward {{ t: 1 }}\nadvantage gdpo {{ scale: {} }}"
    for scale in ("2", "p", "d", "mean(r) over group", "mean(r) over batch", "prompt.words"):
        checked(body.format(scale))
    for scale in ("r", "rank(r) over group", "d * r"):
        assert codes(body.format(scale)) == ["RK0503"]
    assert codes(body.format("prompt.chars")) == ["RK0402"]


def test_options_are_constants_or_params() -> None:
    body = INPUTS + "param e: real in [0, 1] = 1e-4\nadvantage gdpo {{ eps: {} }}"
    checked(body.format("e"))
    checked(body.format("1e-6"))
    for value in ("step", "d", "r"):
        assert codes(body.format(value)) == ["RK0503"]


def test_masks_and_skips_are_row_by_row() -> None:
    checked(INPUTS + "mask when d > 0.5 and k > 0")
    for statement in ("mask", "skip"):
        assert codes(INPUTS + f"let m = mean(k) over group > 1\n{statement} when m") == ["RK0504"]


def test_a_bool_counts_only_as_a_term_and_in_sum_and_mean() -> None:
    checked(INPUTS + "term t = k > 0\nlet m = mean(k > 0) over group\nlet s = sum(k > 0) over group")
    checked(INPUTS + "term t when k > 0 else k < 0 = 1")
    for expression in ("(k > 0) + 1", "max(k > 0) over group", "std(k > 0) over group", "-(k > 0)"):
        assert codes(f"{INPUTS}let v = {expression}") == ["RK0401"]


def test_values_of_one_name() -> None:
    assert codes('let text = "a"\nterm t = text.contains(text, "a")') == []
    assert codes('input xs: list[text]\nterm t = any(step == "a" for step in xs)') == ["RK0202"]
    assert codes("def f(x: int) = x\nlet v = f") == ["RK0201"]
    assert codes('use "lib.rwd" as lib\nlet v = lib.f(1)') == ["RK0219"]


def test_one_mistake_is_reported_once() -> None:
    text = "let v = completion.wrods\nlet w = v + 1\nterm t in [0, 1] = w / v\nreward in [0, 1] { t: 1 }"
    assert codes(text) == ["RK0209"]
    assert codes("input a: strin\nlet v = a == 1\nterm t = len(a) > 3\n") == ["RK0204"]
    assert codes("param p: strin = 1\nterm t = p > 3\n") == ["RK0204"]
    assert codes("let v = mean(completion.words over group)") == ["RK0501"]


def test_what_stands_in_a_broken_statement_is_not_missed_elsewhere() -> None:
    text = """
param budget: tokens in [1tok, 100tok = 50tok
let share = completion.tokens / budget
term t in [0, 1] = clamp(share, 0, 1)
term u in [0, 1] = completion.words
reward { t: 1 }
"""
    assert codes(text) == ["RK0101", "RK0701"]


def test_nothing_more_is_said_where_a_broken_statement_may_settle_it() -> None:
    assert codes('input a: text?\nskip when a = null\nterm t = a == "x"') == ["RK0101"]


def test_several_mistakes_of_every_kind_in_one_run() -> None:
    text = """
input answer: txt
param budget: tokens in [0tok, 100tok] = 50tok
let right = answer = 1
term brevity in [0, 1] = 1 - completion.tokens / budget
term polite = completion.text == 'please'
reward { brevity: 1  polite: 0.5, }
advantage gdop
"""
    assert codes(text) == ["RK0204", "RK0101", "RK0702", "RK0101", "RK0101", "RK0211"]


def test_a_sample_may_give_a_list_of_constants() -> None:
    checked("""
input tags: list[text]
input scores: list[real]
term t = len(tags) + len(scores)
test "t" { sample s { tags = ["a", "b"]  scores = [1, 0.5] }  expect s.t == 4 }
""")


def test_an_empty_list_fits_every_list() -> None:
    checked("input gold: list[call]\nterm t = tools.same(tools.parse(completion.text) ?? [], gold)")
    checked("let none: list[int] = []\nlet c = count(x for x in none)")


def test_messages_name_what_is_wrong() -> None:
    assert messages("let v = completion.tokens + 1") == ["cannot add tokens and a plain number"]
    assert messages("let v = 1 - 1s") == ["cannot subtract seconds from a plain number"]


@pytest.mark.parametrize(
    "call",
    [
        "text.matches(a, 2)",
        "text.matches(a, true)",
        'format.tags(a, "think")',
        "format.tag(a, 1.5)",
        'format.tag_count(a, ["a", 2])',
        "text.one_of(a, [1, 2])",
        'text.script_share(a, ["Latin"])',
        'tools.match([], [], style: ["toolrl"])',
        "text.repetition(a, n: 1tok)",
        'text.repetition(a, n: "2")',
    ],
)
def test_a_constant_argument_of_the_wrong_type_is_told_once(call: str) -> None:
    found = codes(f"input a: text\nlet v = {call}")
    assert len(found) == 1 and found[0] in ("RK0401", "RK0402")
