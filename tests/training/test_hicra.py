"""HICRA: which tokens plan, and what their advantages become."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
from filtering import GOLDEN, untimed
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.training.shapers import (
    SHAPERS,
    count_grams,
    hicra,
    planning_mask,
    semantic_entropy,
    token_texts,
)
from rewardkit.training.tokenizer import build_tokenizer

GRAMS = ["let me check", "a different approach", "let's try a"]


def spaced(tokens):
    """Tokens as a tokenizer cuts a text: the blank before a word is the word's."""
    return [token if token[0] in "':,." else f" {token}" for token in tokens]


def shaped(pieces, advantages, grams=GRAMS, **options):
    width = max(map(len, pieces))
    n = len(pieces)
    advantages = np.broadcast_to(np.asarray(advantages, dtype=float).reshape(n, -1), (n, width))
    mask = [[t < len(row) for t in range(width)] for row in pieces]
    return hicra(advantages, pieces, mask, [True] * n, {}, grams=grams, **options)


def test_the_planning_mask():
    golden = GOLDEN["hicra_planning_mask"]
    tokens = golden["inputs"]["tokens"]
    mask = planning_mask([spaced(tokens)], golden["inputs"]["strategic_grams"], len(tokens))
    assert mask[0].astype(int).tolist() == golden["mask"]
    _, state = shaped([spaced(tokens)], [1.0], golden["inputs"]["strategic_grams"])
    assert state["measures"]["planning_ratio"] == pytest.approx(golden["planning_ratio"], abs=1e-6)
    assert state["measures"]["semantic_entropy"] == pytest.approx(math.log(3))


def test_semantic_entropy():
    golden = GOLDEN["hicra_semantic_entropy"]
    assert semantic_entropy(golden["inputs"]["sg_counts"]) == pytest.approx(golden["entropy_nats"], abs=1e-6)
    assert semantic_entropy([]) == semantic_entropy([0, 7]) == 0
    assert semantic_entropy([2, 2, 2, 2]) == pytest.approx(math.log(4))


def test_credit_grows_and_blame_shrinks():
    """x 1.2 and x 0.8 on planning tokens, nothing elsewhere."""
    row = ["so", " let", " me", " check", " it"]
    got, _ = shaped([row, row, row], [2.0, -2.0, 0.0])
    np.testing.assert_allclose(got[0], [2, 2.4, 2.4, 2.4, 2])
    np.testing.assert_allclose(got[1], [-2, -1.6, -1.6, -1.6, -2])
    np.testing.assert_array_equal(got[2], 0)


@untimed
@given(
    st.lists(
        st.lists(st.sampled_from(["so", " let", " me", " check", ",", "\n"]), max_size=12),
        min_size=1,
        max_size=6,
    ),
    st.floats(0, 1),
    st.randoms(use_true_random=False),
)
def test_the_formula_and_the_order_of_rows(pieces, alpha, random):
    width = 12
    advantages = np.array([[random.uniform(-3, 3) for _ in range(width)] for _ in pieces])
    mask = np.array([[random.random() < 0.8 and t < len(row) for t in range(width)] for row in pieces])
    before = copy.deepcopy((advantages, mask))
    got, state = hicra(advantages, pieces, mask, [True] * len(pieces), {}, grams=GRAMS, alpha=alpha)
    np.testing.assert_array_equal((advantages, mask), before)
    planning = planning_mask(pieces, GRAMS, width) & mask
    np.testing.assert_allclose(got, advantages + alpha * np.abs(advantages) * planning, atol=1e-12)
    assert (np.sign(got) * np.sign(advantages) >= 0).all()  # blame never turns into credit
    order = list(range(len(pieces)))
    random.shuffle(order)
    moved, other = hicra(
        advantages[order], [pieces[i] for i in order], mask[order], [True] * len(pieces), {},
        grams=GRAMS, alpha=alpha,
    )  # fmt: skip
    np.testing.assert_array_equal(moved, got[order])
    assert other == state


@pytest.mark.parametrize(
    ("pieces", "planning"),
    [
        (["Let", " Me", " CHECK"], "111"),  # whatever the case
        (["le", "t m", "e ch", "eck", "."], "11110"),  # however words are cut; a full stop is no part of it
        ([" let", ",", " \"", "me", "\"", " *", "check", "*"], "11111110"),  # what is in between is
        (["let", " me.", " check"], "000"),  # a full stop ends a phrase
        (["let", " me", "\n", "check"], "0000"),  # and so does a line
        (["let", " me", " 2", " check"], "0000"),
        (["outlet", " me", " check"], "000"),  # whole words only
        (["let", " me", " checks"], "000"),
        (["", "let", "", " me check", ""], "01110"),
        (["let", " me", " try", " a", " different", " approach"], "000111"),
        (["let", "’", "s", " try", " a", " different", " approach"], "1111111"),  # an overlap: the union
        (["let me check let me", " check"], "11"),
        (["let me"], "0"),
        ([], ""),
    ],
)  # fmt: skip
def test_what_matches(pieces, planning):
    got = planning_mask([pieces], GRAMS, len(pieces))
    assert "".join(map(str, got[0].astype(int))) == planning


def test_scripts_without_blanks():
    """Each character is a word; a gram may be cut anywhere."""
    mask = planning_mask([["所以", "我们先", "检查", "一下", "。"]], ["先检查一下"], 5)
    assert mask[0].tolist() == [False, True, True, True, False]
    mask = planning_mask([["Проверим", " ещё", " РАЗ", " это"]], ["проверим ещё раз"], 4)
    assert mask[0].tolist() == [True, True, True, False]


def test_tokens_that_are_not_trained_on():
    """They keep their advantage, and what is too long for the batch is not looked at."""
    pieces = [["let", " me", " check"]]
    got, state = hicra(np.ones((1, 4)), pieces, [[True, False, True, False]], [True], {}, grams=GRAMS)
    np.testing.assert_allclose(got, [[1.2, 1, 1.2, 1]])
    assert state["measures"] == {"planning_ratio": 1.0, "semantic_entropy": 0.0, "grams": 3.0}
    assert not planning_mask(pieces, GRAMS, 2).any()


def test_grams_from_a_file(tmp_path):
    path = tmp_path / "grams.json"
    path.write_text(json.dumps(GRAMS))
    row = [["let", " me", " check"]]
    for grams in (str(path), path):
        np.testing.assert_allclose(shaped(row, [1.0], grams)[0], [[1.2, 1.2, 1.2]])
    for bad in ("{}", "[1]", "[", "\ud800"):
        path.write_text(bad, encoding="utf-8", errors="surrogatepass")
        with pytest.raises(ValueError, match="must be a JSON list of strategic grams"):
            shaped(row, [1.0], path)
    with pytest.raises(ValueError, match="needs words"):
        shaped(row, [1.0], ["let me check", "..."])


def test_what_is_refused():
    row = [["let", " me", " check"]]
    with pytest.raises(ValueError, match=r"alpha must be a number in \[0, 1\], not 1.5"):
        shaped(row, [1.0], alpha=1.5)
    with pytest.raises(ValueError, match="advantages and mask must be"):
        hicra(np.ones(3), row, np.ones((1, 3)), [True], {})
    with pytest.raises(ValueError, match="advantages and mask must be"):
        hicra(np.ones((1, 3)), row, np.ones((1, 3)), [True, True], {})
    for pieces in ([], [["a"] * 4]):
        with pytest.raises(ValueError, match="pieces must be given for each row"):
            hicra(np.ones((1, 3)), pieces, np.ones((1, 3)), [True], {})
    # an option that is wrong is found out without a single row, so before a run begins
    nothing = np.zeros((0, 0)), [], np.zeros((0, 0)), [], {}
    hicra(*nothing)
    for option in ({"window": 1}, {"every": 0}, {"top": 0.0}):
        with pytest.raises(ValueError, match=f"{next(iter(option))} must be"):
            hicra(*nothing, **option)


def test_counted_grams():
    counts = count_grams(["Let me check. let me check", "a different approach, let's try a"], GRAMS)
    assert counts == {"let me check": 2, "a different approach": 1, "let s try a": 1}


# --- mined as the run goes ----------------------------------------------------------------------------


ROWS = 16  # of a call


def rollout(random):
    """Right completions say the same few phrases between words of their own."""
    own = lambda: " ".join(random.choice(list("bcdfghjkl")) + str(random.integers(99)) for _ in range(6))  # noqa: E731
    phrase = random.choice(["let me check the answer", "wait, maybe another way", "first we need to find"])
    return [" ", own(), ". ", *(f" {word}" for word in phrase.split()), ". ", own()]


def step(state, number, **options):
    random = np.random.default_rng(number)
    pieces = [rollout(random) for _ in range(ROWS)]
    width = max(map(len, pieces))
    mask = [[t < len(row) for t in range(width)] for row in pieces]
    return hicra(np.ones((ROWS, width)), pieces, mask, random.random(ROWS) < 0.7, state, window=32, **options)


def test_a_run_mines_its_own_grams():
    """From the first steps on, and from right completions only."""
    state: dict = {}
    for number in range(6):
        got, state = step(state, number, every=2, top=1.0)
    assert {"let me check", "me check the answer", "first we need to find"} <= set(state["grams"])
    assert not any(char.isdigit() for gram in state["grams"] for char in gram)
    assert (got > 1.1).any() and (got == 1).any()
    nothing = hicra(np.ones((1, 2)), [["a", "b"]], [[True, True]], [False], {})[1]
    assert nothing["texts"] == nothing["grams"] == []


def test_a_state_goes_on_from_json_and_stays_small():
    through: dict = {}
    kept: dict = {}
    for number in range(12):
        one, through = step(json.loads(json.dumps(through)), number)
        before = copy.deepcopy(kept)
        other, new = step(kept, number)
        assert kept == before
        kept = new
        np.testing.assert_array_equal(one, other)
        assert through == kept
    assert len(kept["texts"]) == 32 and kept["calls"] == 12
    # however much is said, and whatever it is
    long = [["x" * 1_000_000], [" ab" * 10_000], ["\ud800\x00 let me 😀"], [chr(c) for c in range(0x250)]]
    width = max(map(len, long))
    for _ in range(40):  # more than the window holds, mined anew each tenth time
        _, kept = hicra(np.ones((4, width)), long, np.ones((4, width)), [True] * 4, kept)
    assert len(json.dumps(kept)) < 128 * 17_000
    json.dumps(kept, ensure_ascii=False).encode("utf-8")


HOSTILE = ["a" * 1_000_000, "let me " * 50_000, "'" * 1_000_000, "let," * 200_000, "我" * 200_000]
HOSTILE += ["\u0301" * 500_000, "1" * 1_000_000, "a1" * 300_000, "let me check " * 30_000, "\ud800"]


@pytest.mark.parametrize(
    "text", HOSTILE, ids=[each[:4].encode("unicode-escape").decode() for each in HOSTILE]
)
def test_hostile_texts_end(text):
    """One of each kind that a careless pattern would take for ever on."""
    for pieces in ([text], list(text[:100_000])):
        got, state = hicra(
            np.ones((1, len(pieces))), [pieces], np.ones((1, len(pieces))), [True], {}, grams=GRAMS
        )
        assert got.shape == (1, len(pieces))
        assert 0 <= state["measures"]["planning_ratio"] <= 1


# --- the texts of tokens ------------------------------------------------------------------------------


def test_token_texts():
    pieces = [" let", " me", " check", "x", "\n"]
    tokenizer = build_tokenizer(pieces)
    ids = tokenizer("x let me check\n")["input_ids"]
    mask = [[True] * 5, [True, False, True, False, False]]
    texts = token_texts(tokenizer, [ids, ids], mask)
    assert texts == [["x", " let", " me", " check", "\n"], ["x", "\n", " me"]]
    assert token_texts(tokenizer, np.zeros((2, 0), dtype=int), np.zeros((2, 0))) == [[], []]
    with pytest.raises(ValueError, match="must both have shape"):
        token_texts(tokenizer, [ids], [True])


@pytest.mark.parametrize("kind", ["bytes", "metaspace"])
def test_token_texts_keep_the_blanks_of_real_tokenizers(kind):
    """Byte-level tokens, as of Qwen and Llama 3; and SentencePiece's, which lose the blank when alone."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=400, show_progress=False)
    if kind == "bytes":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer.initial_alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
    text = "So let me check a different approach, let me check"
    tokenizer.train_from_iterator([text] * 5, trainer)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    ids = fast(text)["input_ids"]
    (texts,) = token_texts(fast, [ids], [[True] * len(ids)])
    assert "".join(texts).strip() == text
    assert planning_mask([texts], GRAMS, len(ids)).any()


def test_its_name():
    assert SHAPERS["hicra"] is hicra
