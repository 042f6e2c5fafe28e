"""Policies and tokenizers: built, saved, loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_toy import PIECES
from transformers import AutoTokenizer

from rewardkit.training import TrainError
from rewardkit.training.config import ModelConfig, PolicyConfig
from rewardkit.training.policy import Policy, encode_prompt, load_policy, open_policy, save_policy
from rewardkit.training.tokenizer import build_tokenizer, encode_text

# `abc` can only be cut as `a` + `bc`: taking the longest piece first would fail
AWKWARD = ["ab", "a", "bc", '{"name": "', "<tool_call>", " ", "\n", "é", "▁", "12", "1"]
TOKENIZER = build_tokenizer(AWKWARD)


@given(st.lists(st.sampled_from(AWKWARD)).map("".join))
def test_every_text_of_pieces_comes_back(text: str) -> None:
    ids = encode_text(TOKENIZER, text, start=True)
    assert TOKENIZER.decode(ids) == text
    assert len(ids) <= len(text)


def test_the_fewest_pieces_are_taken() -> None:
    assert len(encode_text(TOKENIZER, "abc12", start=True)) == 3


def test_text_of_other_pieces_is_named() -> None:
    with pytest.raises(TrainError, match=r"no piece of the tokenizer spells 'ZQ' in 'abZQ'"):
        encode_text(TOKENIZER, "abZQ", start=True)


@pytest.mark.parametrize(
    ("pieces", "message"),
    [
        ([], "at least one piece"),
        (["a", ""], "not ''"),
        (["a", "b", "a"], "'a' is given 2 times"),
        (["<|end|>"], "reserved"),
    ],
)
def test_wrong_pieces(pieces: list[str], message: str) -> None:
    with pytest.raises(TrainError, match=message):
        build_tokenizer(pieces)


def test_a_saved_policy_is_an_ordinary_folder(policy: Policy, tmp_path: Path) -> None:
    save_policy(policy, tmp_path / "policy")
    opened = load_policy(PolicyConfig(path="policy"), tmp_path, seed=1)
    assert (opened.end_ids, opened.pad_id) == (policy.end_ids, policy.pad_id)
    assert encode_prompt(opened, "1=x") == encode_prompt(policy, "1=x")
    for ours, theirs in zip(policy.model.parameters(), opened.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("model_type", ["llama", "qwen2"])
def test_a_saved_tokenizer_keeps_its_pieces(tmp_path: Path, model_type: str) -> None:
    pieces = ["Add ", " and ", "12", "1", ". "]
    config = PolicyConfig(
        config=ModelConfig(hidden=32, layers=1, heads=2, model_type=model_type), tokenizer=pieces
    )
    built = load_policy(config, tmp_path, seed=0)
    save_policy(built, tmp_path)
    ids = encode_prompt(built, "Add 12 and 1. ")
    assert encode_prompt(open_policy(tmp_path), "Add 12 and 1. ") == ids
    if model_type == "llama":  # the default: anything else that reads the folder sees the same
        assert AutoTokenizer.from_pretrained(str(tmp_path))("Add 12 and 1. ")["input_ids"] == ids


def test_weights_follow_the_seed() -> None:
    config = PolicyConfig(config=ModelConfig(hidden=32, layers=1, heads=2), tokenizer=PIECES)
    one, same, other = (load_policy(config, Path(), seed).model.lm_head.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_tokens_without_text_are_barred(policy: Policy) -> None:
    tokenizer = policy.tokenizer
    assert policy.barred.tolist() == [tokenizer.pad_token_id, tokenizer.unk_token_id]
    assert policy.end_ids == (tokenizer.eos_token_id,)


def test_pieces_from_a_file_and_a_tokenizer_of_tokenizers(policy: Policy, tmp_path: Path) -> None:
    (tmp_path / "pieces.json").write_text(json.dumps(PIECES))
    save_policy(policy, tmp_path / "policy")
    for source in ("pieces.json", "policy", "policy/tokenizer.json"):
        config = PolicyConfig(config=ModelConfig(hidden=32, layers=1, heads=2), tokenizer=source)
        loaded = load_policy(config, tmp_path, seed=0)
        assert encode_prompt(loaded, "2=xy") == encode_prompt(policy, "2=xy")
        assert loaded.end_ids == policy.end_ids


def test_what_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.json").write_text("{")
    wrong = [
        PolicyConfig(path="empty"),
        PolicyConfig(config=ModelConfig(model_type="nonsense"), tokenizer=PIECES),
        PolicyConfig(config=ModelConfig(), tokenizer="bad.json"),
    ]
    for config in wrong:
        with pytest.raises(TrainError) as caught:
            load_policy(config, tmp_path, seed=0)
        assert "\n" not in str(caught.value)


def test_messages_need_a_template(policy: Policy) -> None:
    with pytest.raises(TrainError, match="cannot turn messages into a prompt"):
        encode_prompt(policy, [{"role": "user", "content": "1="}])
    policy.tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}="
    assert encode_prompt(policy, [{"role": "user", "content": "1"}]) == encode_prompt(policy, "1=")


def test_an_empty_prompt_is_an_error(policy: Policy) -> None:
    with pytest.raises(TrainError, match="has no tokens"):
        encode_prompt(policy, "")


def test_open_policy_takes_another_tokenizer(policy: Policy, tmp_path: Path) -> None:
    save_policy(policy, tmp_path)
    assert open_policy(tmp_path, tokenizer=policy.tokenizer).tokenizer is policy.tokenizer
