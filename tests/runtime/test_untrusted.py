"""Rows and calls that are wrong on purpose: each gives one clear error, and never a silent other meaning."""

import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

import rewardkit as rk
from rewardkit.checker import check
from rewardkit.diagnostics import Source

WORDS = "term t = completion.words\nreward { t: 1 }"
TOKENS = "term t = completion.tokens / 1tok\nreward { t: 1 }"


def message(**fields):
    return [{"role": "assistant", "content": "x", **fields}]


@pytest.mark.parametrize("calls", [5, True, "text", {"name": "f"}])
def test_tool_calls_that_are_no_list(calls):
    with pytest.raises(rk.RowsError, match=r"row 0, column `completion`: .*tool_calls"):
        rk.loads(WORDS)(completion=[message(tool_calls=calls)])


@pytest.mark.parametrize("reasoning", [5, {"a": 1}, "\ud800"])
def test_reasoning_that_is_no_text(reasoning):
    reward = rk.loads('term t = text.contains(completion.reasoning ?? "", "x")\nreward { t: 1 }')
    with pytest.raises(rk.RowsError, match="in the reasoning"):
        reward(completion=[message(reasoning_content=reasoning)])


def test_surrogates_in_the_name_of_a_call():
    spec = 'term t = any(any(c.name == "f" for c in m.calls) for m in completion.messages)\nreward { t: 1 }'
    with pytest.raises(rk.RowsError, match="surrogate"):
        rk.loads(spec)(completion=[message(tool_calls=[{"name": "\ud800", "arguments": "x"}])])


def test_what_is_not_read_is_not_looked_at():
    """TRL hands a reward function its trainer's state and callbacks beside the columns."""
    scores = rk.loads(WORDS)(completion=["a b"], trainer_state=None, log_extra=print, environments="none")
    assert scores.total.tolist() == [2]
    with pytest.raises(rk.RowsError, match="one value per row"):
        rk.loads(WORDS)(completion="a b")


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"anser": "gold"}, "did you mean `answer`"),
        ({"completion.tokens": "n"}, "did you mean `completion_tokens`"),
        ({"golf": "prompt"}, "nothing reads `golf`"),
        ({"answer": 5}, "from names to names"),
    ],
)
def test_a_mapping_that_would_change_nothing(mapping, says):
    reward = rk.loads("input answer: text\nterm t = completion.text == answer\nreward { t: 1 }")
    with pytest.raises(rk.RowsError, match=says):
        reward([{"completion": "a", "answer": "a"}], mapping=mapping)


def test_advice_names_the_input_and_not_its_column():
    reward = rk.loads('input gold: text from "extra.ground truth"\nterm t = gold == "a"\nreward { t: 1 }')
    with pytest.raises(rk.RowsError, match="declare `gold: int`"):
        reward([{"completion": "a", "extra": {"ground truth": 4}}])
    with pytest.raises(rk.RowsError, match="give every row a `completion_tokens`"):
        rk.loads(TOKENS)(completion=["a", "b"], completion_tokens=[1, None])


def test_padded_ids_are_refused():
    with pytest.raises(rk.RowsError, match="padded array"):
        rk.loads(TOKENS)(completion=["a"], completion_ids=np.array([[4, 5, 0, 0]]))
    assert rk.loads(TOKENS)(completion=["a"], completion_ids=[[4, 5]]).total.tolist() == [2]


@pytest.mark.parametrize("name", ["completion_finished", "truncated"])
def test_columns_that_may_be_taken_for_finished(name):
    reward = rk.loads("mask when not completion.finished\n" + WORDS)
    with pytest.raises(rk.RowsError, match="no `finished`"):
        reward({"completion": ["a"], name: [False]})
    assert reward({"completion": ["a"], "finished": [False], name: [False]}).masked.tolist() == [True]


@pytest.mark.parametrize(
    ("counts", "says"),
    [([1], "1 counts for 2"), ([1, -1], "0 or more"), ([1, 0.5], "whole"), (None, "failed")],
)
def test_a_tokenizer_is_held_to_its_word(counts, says):
    reward = rk.loads(TOKENS, tokenizer=lambda texts: counts)
    with pytest.raises(rk.RewardError, match=says):
        reward(completion=["a", "b"])


@pytest.mark.parametrize("step", [-1, 0.5, float("nan"), float("inf"), 2**63, "5"])
def test_steps(step):
    with pytest.raises(rk.RewardError, match="`step` is a whole number"):
        rk.loads(WORDS)(completion=["a"], step=step)


def test_missing_group_ids_do_not_make_a_group():
    import pandas as pd

    reward = rk.loads("input x: int\nterm t = sum(x) over group\nreward { t: 1 }")
    for missing in (None, float("nan"), pd.NA, pd.NaT):
        with pytest.raises(rk.RowsError, match="no group id"):
            reward(x=[1, 2], group=["a", missing])
    with pytest.raises(rk.RowsError, match="a text or a number"):
        reward(x=[1, 2], group=[True, False])


def test_keep_takes_one_name():
    assert rk.loads("let a = completion.words\nterm t = a\nreward { t: 1 }")(
        completion=["x y"], keep="a"
    ).frame["a"].to_list() == [2]


def test_what_things_say_of_themselves():
    reward = rk.loads(WORDS, name="w.rwd")
    assert repr(reward) == "Reward('w.rwd', terms=['t'], params={})"
    scores = reward(completion=["a"])
    assert repr(scores) == "Scores(1 rows, terms=['t'], 0 faults)"
    assert scores != reward(completion=["a"])  # compared as objects, not array by array


def test_values_too_large_for_a_normalizer_are_an_error_of_ours():
    scores = rk.loads("input x: real\nterm t = x\nreward { t: 1e300 }")(x=[1.0, 2.0], group=2)
    with pytest.raises(rk.RewardError):
        rk.advantage(scores)


def test_ranges_beyond_the_floats_are_shown():
    for spec in ("term a = 9223372036854775807 / 1.5\nreward { a: 1e300 }",):
        found, _ = check(Source("t.rwd", spec))
        assert found is not None and str(found.reward_interval)


def test_long_chains_of_names_can_be_explained():
    from rewardkit.analysis.explain import explain, render
    from rewardkit.runtime import Rows

    lets = "\n".join(f"let x{i + 1} = x{i} + 1" for i in range(1500))
    reward = rk.loads(f"let x0 = completion.words\n{lets}\nterm t = x1500\nreward {{ t: 1 }}")
    evaluation = reward.evaluate(Rows([{"completion": "a"}]))
    tree = render(explain(reward, reward.scores_of(evaluation), evaluation, 0))
    assert "x1500 = x1499 + 1: 1501" in tree


def test_ctrl_c_stops_scoring_and_leaves_no_worker(tmp_path):
    """Sixty rows that would each keep a worker busy for its whole deadline."""
    spec, rows = tmp_path / "s.rwd", tmp_path / "rows.jsonl"
    spec.write_text('let r = math.equal(completion.text, "4") ?? false\nterm t = r\nreward { t: 1 }')
    rows.write_text(
        "".join(rf'{{"completion": "\\prod_{{k=1}}^{{100000}} (k+{i}x)"}}' + "\n" for i in range(11, 71))
    )
    command = [sys.executable, "-m", "rewardkit", "score", str(spec), str(rows)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    workers: list[psutil.Process] = []
    until = time.monotonic() + 60
    while time.monotonic() < until and not workers:
        time.sleep(0.1)
        workers = psutil.Process(process.pid).children()
    assert workers
    time.sleep(1)
    workers = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in error
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
