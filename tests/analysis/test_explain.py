"""The tree of one row: every name with its value, what closed a gate, where the row stands in its group."""

import json

import numpy as np
import pytest
from batches import batches
from cases import thorough
from generator import specs
from hypothesis import given
from probes import install

import rewardkit as rk
from rewardkit.analysis.explain import explain, render
from rewardkit.checker import check
from rewardkit.diagnostics import Source
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows


def checked(text):
    spec, diagnostics = check(Source("spec.rwd", text))
    assert spec is not None, [d.message for d in diagnostics]
    return spec


def tree(reward, rows, row=0, group=None, **more):
    evaluation = reward.evaluate(Rows(rows), group)
    return explain(reward, reward.scores_of(evaluation), evaluation, row, **more)


GATE = """
input n: int
input m: int
input a: bool
input b: bool
input s: text?
param most: int = 5
let long = n > most
let short = not long
let told = s ?? "nothing"
term t when {gate} = 1
reward {{ t: 1 }}
"""
ROW = {"n": 7, "m": 3, "a": True, "b": False, "s": None}

REASONS = [
    ("a and b", "`b` is false"),
    ("b and a", "`b` is false"),
    ("b and short", "`b` is false"),
    ("b or short", "`b` is false and `n > most` is 7 > 5"),
    ("short", "`n > most` is 7 > 5"),
    ("not (a or b)", "`a` is true"),
    ("n < m", "`n < m` is 7 < 3"),
    ("n - m == 3 + m", "`n - m == 3 + m` is 4 == 6"),
    ("s != null", "`s` is null"),
    ("not (s == null)", "`s` is null"),
    ("text.contains(s, told) ?? false", "`text.contains(s, told)` has no value"),
    ("text.contains(told, \"x\")", "`text.contains(told, \"x\")` is false, given \"nothing\" and \"x\""),
    ("if a then n < 3 else b", "`a` is true and `n < 3` is 7 < 3"),
    ("if b then a else false", "`b` is false"),
    ("any(w == told for w in text.lines(told) where w != told)",
     "`any(w == told for w in text.lines(told) where w != told)` is false"),
]  # fmt: skip


@pytest.mark.parametrize(("gate", "reason"), REASONS, ids=[gate for gate, _ in REASONS])
def test_what_closed_a_gate(gate, reason):
    reward = Reward(checked(GATE.format(gate=gate)))
    (term,) = tree(reward, [ROW]).parts
    assert "gate closed" in term.remark
    assert term.parts[0].text.startswith("when ") and term.parts[0].value is False
    assert term.parts[0].remark == f"because {reason}"


def test_an_open_gate_needs_no_reason():
    (term,) = tree(Reward(checked(GATE.format(gate="a"))), [ROW]).parts
    assert "gate open" in term.remark and term.parts[0].remark == ""


def test_a_gate_that_failed(monkeypatch):
    install(monkeypatch)
    (term,) = tree(Reward(checked(GATE.format(gate="a and probe.flaky(m) > 1"))), [ROW]).parts
    assert "gate no value" in term.remark
    assert term.parts[0].remark.endswith("because `probe.flaky(m) > 1` has no value")


def test_functions_of_the_file_show_their_arguments():
    functions = "def half(x: real): real = x / 2\ndef sum2(a: real, b: real): real = half(a) + half(b)\n"
    terms = "input n: int\nlet m = n + 1\nterm t = sum2(n, m)\nreward { t: 1 }\n"
    reward = Reward(checked(functions + terms))
    assert render(tree(reward, [{"n": 3}])).splitlines()[2:] == [
        "   └─ sum2(n, m) = half(a) + half(b): 3.5",
        "      ├─ half(a) = x / 2: 1.5",
        "      │  └─ x = n: 3",
        "      └─ half(b) = x / 2: 2",
        "         └─ x = m: 4",
        "            └─ m = n + 1: 4",
        "               └─ n: 3",
    ]


RANKED = """
input n: int in [0, 9]
input gone: bool
skip when gone
term t = n
term u when n > 0 else null = 1
reward { t: 1  u: 0.5 }
advantage ADVANTAGE
"""
ROWS = [{"n": n, "gone": n == 9} for n in (1, 0, 5, 9, 2, 2)]


@pytest.mark.parametrize(
    "name", ["grpo", "dr_grpo", "gdpo", 'grpo { whiten: "sequence" }', "gdpo { ddof: 0 }"]
)
@pytest.mark.parametrize("batch", [True, False])
def test_the_advantage_of_a_row(name, batch):
    reward = Reward(checked(RANKED.replace("ADVANTAGE", name)))
    whitens = reward.spec.advantage.name == "gdpo" or "whiten" in name
    scores = reward(ROWS, group=[1, 1, 1, 1, 2, 2])
    expected = rk.advantage(scores) if batch or not whitens else rk.advantage(scores, whiten="none")
    found = tree(reward, ROWS, 2, [1, 1, 1, 1, 2, 2], whole_batch=batch).parts[-1]
    assert found.text == "advantage" and found.value == expected[2]
    assert ("before whitening" in found.remark) == (whitens and not batch)
    assert "in its group of 3" in found.remark  # the skipped row is not there
    ddof = 0 if "ddof" in name else 1
    assert [(p.text, p.value) for p in found.parts] == [("reward", 5.5), ("t", 5.0), ("u", 1.0)]
    assert found.parts[1].remark == f"in the group: mean 2, std {np.std([1, 0, 5], ddof=ddof):.4g}"
    assert found.parts[2].remark == "in the group: mean 1, std 0"


def test_no_advantage_without_groups_or_a_normalizer():
    reward = Reward(checked(RANKED.replace("ADVANTAGE", "grpo")))
    assert tree(reward, ROWS).parts[-1].text == "u"
    unnamed = Reward(checked(RANKED.replace("advantage ADVANTAGE", "")))
    assert tree(unnamed, ROWS, 0, 6).parts[-1].text == "u"


@pytest.mark.parametrize("batch", [False, True])
def test_tokens_are_those_of_the_whole_batch(batch):
    reward = Reward(checked(RANKED.replace("ADVANTAGE", "reinforce_pp")))
    found = tree(reward, ROWS, 0, 6, whole_batch=batch).parts[-1]
    expected = rk.advantage(reward(ROWS, group=6), whiten="none")
    assert found.value == expected[0] and "before whitening, which looks at the tokens" in found.remark


def test_the_deviation_of_the_batch_is_not_that_of_a_group():
    reward = Reward(checked(RANKED.replace("ADVANTAGE", "batch")))
    whole = tree(reward, ROWS, 0, 6, whole_batch=True).parts[-1]
    assert whole.value == rk.advantage(reward(ROWS, group=6))[0]
    found = tree(reward, ROWS, 0, 6).parts[-1]
    assert found.value is None and "the deviation of the whole batch" in found.remark


@pytest.fixture(autouse=True, scope="module")
def probes():
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield


@thorough(1 / 5)
@given(specs(), batches())
def test_every_row_of_every_spec_has_a_tree(text, batch):
    rows, size = batch
    reward = Reward(checked(text))
    evaluation = reward.evaluate(Rows(rows), size)
    scores = reward.scores_of(evaluation)
    for row in range(len(rows)):
        shown = explain(reward, scores, evaluation, row)
        assert render(shown).startswith("reward: ")
        assert json.dumps(shown.to_json())
        for name, part in zip(reward.terms, shown.parts if not scores.skipped[row] else (), strict=False):
            value = scores.frame.get_column(name)[row]
            assert (None if part.value is None else float(part.value)) == value


def test_what_came_of_a_program_is_shown_whole():
    """With the case that failed first, which stands at its end."""
    spec = checked(
        "input run: int\nlet r = code.result(passed: 12, total: 100)\nterm t = r.share + run\nreward { t: 1 }"
    )
    shown = render(tree(Reward(spec), {"completion": ["x"], "run": [1]}))
    assert '"first_failing": 12}' in shown
