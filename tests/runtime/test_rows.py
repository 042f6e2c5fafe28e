"""Rows: every table form gives the same scores, and every wrong row an error that names it."""

import os
import subprocess
import sys

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import rewardkit as rk

CALL = {"type": "function", "function": {"name": "search", "arguments": {"q": "x"}}}
OTHER = {"type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2}}}
ROWS = [
    {
        "prompt": "one?",
        "completion": [
            {"role": "assistant", "content": "", "tool_calls": [CALL, OTHER]},
            {"role": "tool", "content": "3"},
            {"role": "assistant", "content": "so \\boxed{4}", "reasoning_content": "as"},
        ],
        "completion_tokens": 7,
        "answer": "4",
        "x": 0.5,
        "n": 3,
        "flags": [True, False],
        "extra": {"gold": "4", "deep": {"level": 2}},
        "gold_json": '{"b": 2, "a": 1}',
        "finished": True,
    },
    {
        "prompt": "two?",
        "completion": [{"role": "assistant", "content": "\\boxed{é}"}],
        "completion_tokens": 9,
        "answer": None,
        "x": None,
        "n": -1,
        "flags": [],
        "extra": {"gold": None, "deep": {"level": 5}},
        "gold_json": "{}",
        "finished": False,
    },
]
SPEC = """
input answer: text?
input x: real?
input n: int
input flags: list[bool]
input gold: text? from "extra.gold"
input level: int from "extra.deep.level"
let boxed = math.boxed(completion.text)
term right = (boxed ?? "") == (answer ?? "none")
term calls = any(any(c.arguments == gold_json for c in m.calls) for m in completion.messages)
input gold_json: json
term numbers = (x ?? -1) * n + level + completion.tokens / 1tok
term count = count(f for f in flags) + (if gold == null then 10 else 0)
term rest = completion.finished and completion.reasoning != null and prompt.text == "one?"
reward { right: 1  calls: 1  numbers: 1  count: 1  rest: 1 }
"""


def columns(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


TABLES = {
    "dicts": lambda: ROWS,
    "columns": lambda: columns(ROWS),
    "polars": lambda: pl.DataFrame(ROWS),
    "lazy polars": lambda: pl.DataFrame(ROWS).lazy(),
    "polars series": lambda: {name: pl.Series(values) for name, values in columns(ROWS).items()},
    "pandas": lambda: pd.DataFrame(ROWS),
    "arrow": lambda: pa.Table.from_pylist(ROWS),
    "datasets": lambda: datasets.Dataset.from_list(ROWS),
}


@pytest.mark.parametrize("form", TABLES)
def test_every_table_form_gives_the_same_scores(form):
    scores = rk.loads(SPEC)(TABLES[form]())
    assert scores.faults.height == 0
    assert scores.matrix.tolist() == [[1, 1, 10.5, 1, 1], [0, 0, 15, 10, 0]]


def test_columns_by_name_and_nothing_at_all():
    reward = rk.loads("input x: int\nterm t = x\nreward { t: 1 }")
    assert reward(x=[1, 2]).total.tolist() == [1, 2]
    assert reward(x=np.array([1, 2])).total.tolist() == [1, 2]
    assert reward([]).matrix.shape == (0, 1)
    assert reward({"x": []}).total.tolist() == []
    with pytest.raises(rk.RowsError, match="rows or columns"):
        reward([{"x": 1}], x=[1])


def test_mapping_renames():
    reward = rk.loads('input x: int from "a.b"\ninput y: int\nterm t = x + y\nreward { t: 1 }')
    rows = [{"a": {"b": 1}, "other": 2, "third": 30}]
    assert reward(rows, mapping={"y": "other"}).total.tolist() == [3]
    assert reward(rows, mapping={"y": "other", "x": "third"}).total.tolist() == [32]
    assert rk.loads("term t = completion.words\nreward { t: 1 }")(
        [{"response": "a b"}], mapping={"completion": "response"}
    ).total.tolist() == [2]


def test_nan_is_null_in_every_type():
    spec = "input a: {type}?\nterm t = a == null\nreward {{ t: 1 }}"
    missing = [None, float("nan"), np.float32("nan"), np.float64("nan"), pd.NA, pd.NaT]
    for type_ in ("text", "int", "real", "bool", "list[int]", "json"):
        scores = rk.loads(spec.format(type=type_))([{"a": value} for value in missing])
        assert scores.total.tolist() == [1] * len(missing), type_


WRONG = [
    ("x: int", "one", r"row 1, column `x`: expected a whole number, found the text 'one'"),
    ("x: int", 1.5, r"row 1, column `x`: expected a whole number, found 1.5; declare `x: real`"),
    ("x: int", True, r"row 1, column `x`: expected a whole number, found True"),
    ("x: int", 2**63, r"row 1, column `x`: 9223372036854775808 does not fit in 64 bits"),
    ("x: int", float("inf"), r"row 1, column `x`: an infinity is no number"),
    ("x: real", float("-inf"), r"row 1, column `x`: an infinity is no number"),
    ("x: real", 10**400, r"row 1, column `x`: an infinity is no number"),
    ("x: real", "1.0", r"row 1, column `x`: expected a number, found the text '1.0'"),
    ("x: real", None, r"row 1, column `x`: there is no value, and it is `real`; declare `x: real\?`"),
    ("x: real in [0, 1]", 1.5, r"row 1, column `x`: 1.5 is outside its range \[0, 1\]"),
    ("x: real in (0, 1]", 0.0, r"row 1, column `x`: 0.0 is outside its range \(0, 1\]"),
    ("x: int in [0, 9007199254740992]", 2**53 + 1, r"row 1, column `x`: 9007199254740993 is outside"),
    ("x: tokens in [1tok, 9tok]", 10, r"row 1, column `x`: 10 is outside"),
    ("x: bool", 1, r"row 1, column `x`: expected true or false, found 1"),
    ("x: text", 5, r"row 1, column `x`: expected a text, found 5; declare `x: int`"),
    ("x: text", {"a": 1}, r"row 1, column `x`: expected a text, found an object; declare `x: json`"),
    ("x: text", "\ud800", r"row 1, column `x`: the text holds half of a surrogate pair"),
    ("x: list[text]", "not json", r"row 1, column `x`: not `list\[text\]`: the text `not json` is not JSON"),
    ("x: list[text]", ["a", "\ud800"], r"row 1, column `x`: .*half of a surrogate pair"),
    ("x: list[int]", [1, 2.5], r"row 1, column `x`: not `list\[int\]`: expected `int`"),
    ("x: list[real]", [float("nan")], r"row 1, column `x`: not `list\[real\]`"),
    ("x: list[real]", [10**400], r"row 1, column `x`: not `list\[real\]`"),
    ("x: json", float("inf"), r"row 1, column `x`: not `json`"),
    ("x: call", {"arguments": {}}, r"row 1, column `x`: not `call`: a call's name must be a text"),
]
GOOD = {"int": 1, "real": 0.5, "tokens": 2, "bool": True, "text": "a", "list": [], "json": 1}


@pytest.mark.parametrize(("declared", "value", "message"), WRONG)
def test_a_wrong_value_names_its_row_and_column(declared, value, message):
    reward = rk.loads(f"input {declared}\nlet y = x\nterm t = failed(y)\nreward {{ t: 1 }}")
    kind = declared.split(": ")[1].split("[")[0].split()[0]
    good = GOOD.get(kind, {"name": "f", "arguments": {}})
    with pytest.raises(rk.RowsError, match=message):
        reward([{"x": good}, {"x": value}])


def test_a_missing_column():
    reward = rk.loads("input answer: text\nterm t = completion.text == answer\nreward { t: 1 }")
    with pytest.raises(
        rk.RowsError, match=r"there is no column `answer`; the columns are `completion`, `gold`"
    ):
        reward([{"completion": "a", "gold": "b"}])
    with pytest.raises(rk.RowsError, match="there is no column `gold`"):
        reward([{"completion": "a"}], mapping={"answer": "gold"})


def test_tokens_are_never_guessed():
    spec = "term t = completion.tokens / 1tok\nreward { t: 1 }"
    with pytest.raises(rk.RowsError, match="never guessed"):
        rk.loads(spec)([{"completion": "a b"}])
    assert rk.loads(spec, tokenizer=lambda texts: [len(text) for text in texts])(
        [{"completion": "a b"}]
    ).total.tolist() == [3]
    with pytest.raises(rk.RowsError, match="negative"):
        rk.loads(spec)([{"completion": "a", "completion_tokens": -1}])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([1], "row 0: expected an object"),
        ({"completion": "text"}, "one value per row"),
        ({"completion": ["a"], "other": [1, 2]}, "different lengths"),
        ([{"completion": 5}], "row 0, column `completion`: expected a text or a list of messages"),
        (
            [{"completion": [{"role": 3}]}],
            "row 0, column `completion`: a message needs a `role`",
        ),
        ([{"completion": [{"role": "assistant", "content": "\ud800"}]}], "surrogate"),
        ([{"completion": "\ud800"}], "surrogate"),
        (object(), "cannot read rows"),
    ],
)
def test_wrong_tables(rows, message):
    with pytest.raises(rk.RowsError, match=message):
        rk.loads("term t = completion.words\nreward { t: 1 }")(rows)


def test_groups():
    reward = rk.loads("input x: int\nterm t = sum(x) over group\nreward { t: 1 }")
    x = [1, 2, 3, 4]
    for group in (2, np.int64(2), ["a", "a", "b", "b"], np.array([7, 7, 1, 1]), pl.Series([1, 1, 2, 2])):
        assert reward(x=x, group=group).total.tolist() == [3, 3, 7, 7]
    wrong = {
        "say what a group is": None,
        "4 rows cannot be split into groups of 3: a group is cut": 3,
        "at least 1 row": 0,
        "3 ids for 4 rows": [1, 2, 3],
        "row 1 has no group id": [1, None, 1, 1],
        "a group size or one id per row": "aabb",
        "row 0: a group id is": [[1], [1], [1], [1]],
    }
    for message, group in wrong.items():
        with pytest.raises(rk.RowsError, match=message):
            reward(x=x, group=group)


def test_what_is_per_prompt_is_checked_where_groups_are_given():
    spec = "input d: int per prompt\nterm t = d + len(prompt.text) / 1ch\nreward { t: 1 }"
    rows = {"d": [1, 1, 2], "prompt": ["a", "a", "b"]}
    assert rk.loads(spec)(rows, group=[0, 0, 1]).total.tolist() == [2, 2, 3]
    assert rk.loads(spec)(rows).total.tolist() == [2, 2, 3]
    with pytest.raises(rk.RowsError, match=r"row 2: `(d|prompt\.text)` is not the same"):
        rk.loads(spec)(rows, group=[0, 0, 0])


def test_params_of_a_run():
    spec = "param n: int in [1, 9] = 2\nparam on: bool = true\nparam r: real = 1\nterm t = n\nreward { t: 1 }"
    assert rk.loads(spec, n=3)({"x": [0]}).total.tolist() == [3]
    for options in ({"n": 10}, {"n": 1.5}, {"n": "3"}, {"n": True}, {"on": 1}, {"m": 1}, {"r": float("inf")}):
        with pytest.raises(rk.RewardError):
            rk.loads(spec, **options)
    wide = "param n: int = 2\nparam r: real = 1\nterm t = n + r\nreward { t: 1 }"
    for options in ({"n": 1e30}, {"n": 2**63}, {"r": 10**400}):
        with pytest.raises(rk.RewardError, match="64 bits"):
            rk.loads(wide, **options)


FORKED = r"""
import os, sys
import rewardkit as rk

reward = rk.loads("input x: int\nterm a = x\nreward { a: 1 }")
if sys.argv[1] == "after":
    reward(x=[1, 2])
child = os.fork()
if child == 0:
    try:
        print(reward(x=[3]).total.tolist(), flush=True)
    except rk.RewardError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize(("when", "told"), [("before", "[3.0]"), ("after", "cannot score in a forked child")])
def test_a_forked_child_scores_or_says_why_not(when, told):
    done = subprocess.run([sys.executable, "-c", FORKED, when], capture_output=True, text=True, timeout=60)
    assert told in done.stdout, done
