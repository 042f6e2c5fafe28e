"""The committed data is what `data.py` draws, and is made of whole pieces."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from rewardkit.library import tools
from rewardkit.types.values import parse_calls

HERE = Path(__file__).parents[2] / "examples" / "tool_calling"
data = SimpleNamespace(**runpy.run_path(str(HERE / "data.py")))


def lines(name):
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def test_committed_files_are_up_to_date():
    for name, content in data.files().items():
        assert (HERE / name).read_text(encoding="utf-8") == content, f"run `python data.py` to write {name}"


def test_pieces_spell_every_text():
    pytest.importorskip("transformers")
    from rewardkit.training.tokenizer import build_tokenizer

    tokenizer = build_tokenizer(json.loads((HERE / "pieces.json").read_text(encoding="utf-8")))
    lengths = set()
    for row in [*lines("rows.jsonl"), *lines("demonstrations.jsonl")]:
        lengths.add(len(tokenizer(row["prompt"])["input_ids"]))
        text = row.get("completion", "")
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids) == text
        assert len(ids) < 36
    assert lengths == {10}


def test_the_intended_pieces_are_the_ones_found():
    pytest.importorskip("transformers")
    from rewardkit.training.tokenizer import build_tokenizer

    tokenizer = build_tokenizer(data.vocabulary())
    rng = data.random.Random(1)
    for _ in range(300):
        prompt, requests = data.draw_prompt(rng)
        for pieces in (prompt, data.draw_answer(requests, rng)):
            assert tokenizer.convert_ids_to_tokens(tokenizer("".join(pieces))["input_ids"]) == pieces


def test_every_fault_occurs_and_right_answers_too():
    rng = data.random.Random(2)
    scores, shapes = set(), set()
    for _ in range(2000):
        _, requests = data.draw_prompt(rng)
        gold = parse_calls("[" + ",".join("".join(request.called) for request in requests) + "]")
        found = tools.parse("".join(data.draw_answer(requests, rng)))
        scores.add(None if found is None else round(tools.match(found, gold), 1))
        shapes.add(None if found is None else len(found) - len(gold))
    assert {None, -3.0, 0.0, 3.0} <= scores
    assert shapes == {None, -1, 0, 1}


def test_gold_calls():
    for row in lines("rows.jsonl"):
        gold = parse_calls(row["gold"])
        assert 1 <= len(gold) <= 2
        assert all(
            argument in row["prompt"]
            for call in gold
            for argument in json.loads(call.arguments).values()
            if isinstance(argument, str)
        )
