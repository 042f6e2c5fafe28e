"""Strategic grams, mined from right solutions."""

from __future__ import annotations

import random as randomness

import numpy as np
import pytest
from filtering import untimed
from hypothesis import given
from hypothesis import strategies as st

from rewardkit.training.shapers import clusters, mine
from rewardkit.training.shapers import grams as module
from rewardkit.training.shapers.words import gram, phrases

WORDS = ["let", "me", "check", "the", "answer", "again", "now", "x", "2", "we", "try"]
TEXTS = st.lists(st.sampled_from([*WORDS, ".", ","]), max_size=25).map(" ".join)


def solutions(count, phrases_):
    """Texts of words that nobody else uses, with some shared phrases: share -> phrases."""
    random = randomness.Random(5)
    texts = []
    for number in range(count):
        own = [f"own{'abcdefghij'[int(d)]}" for d in str(number * 7919)]
        parts = [f"{' '.join(own)} {random.choice('qwrty')}{'z' * (number % 7)}."]
        parts += [
            f"{phrase}." for share, each in phrases_.items() for phrase in each if random.random() < share
        ]
        texts.append(" ".join(parts))
    return texts


def test_the_phrases_of_many_are_found():
    texts = solutions(
        60, {0.9: ["let me check that again"], 0.6: ["try a different approach"], 0.1: ["the sky is blue"]}
    )
    found = mine(texts, top=0.4)
    assert "let me check that again" in found and "try a different approach" in found
    assert not any("sky" in each for each in found)
    ranked = clusters(texts)
    assert any(each.startswith("let me check") for each in ranked[0].grams)
    assert [c.documents for c in ranked] == sorted((c.documents for c in ranked), reverse=True)


def test_like_phrases_are_one_cluster():
    """Its documents are the texts with any of them, each counted once."""
    texts = ["let me check"] * 3 + ["let me recheck"] * 2 + ["let me check. let me recheck", "in other words"]
    first, *others = clusters(texts, shortest=3, longest=3)
    assert set(first.grams) == {"let me check", "let me recheck"}
    assert first.documents == 6
    assert others == []  # what one text alone says is no phrase of many


def test_an_embedding_of_ones_own():
    """By meaning, where letters say nothing."""
    texts = ["let us verify this", "we double check it", "the moon shines tonight"] * 2

    def embed(grams):
        return np.array([[1.0, 0.0] if "verify" in each or "check" in each else [0.0, 1.0] for each in grams])

    found = clusters(texts, shortest=4, longest=4, embed=embed)
    assert [set(each.grams) for each in found] == [
        {"let us verify this", "we double check it"},
        {"the moon shines tonight"},
    ]
    assert [each.documents for each in found] == [4, 2]
    assert mine(texts, shortest=4, longest=4, embed=embed, top=0.5) == [
        "let us verify this",
        "we double check it",
    ]
    for bad in (np.zeros((1, 2)), np.zeros(3), np.full((3, 2), np.nan)):
        with pytest.raises(ValueError, match="embed must give one vector"):
            mine(texts, shortest=4, longest=4, embed=lambda _, bad=bad: bad)


def test_numbers_and_variables_belong_to_a_problem():
    texts = ["so we get x equals 12 and then we see it's done"] * 4
    found = {each for cluster in clusters(texts) for each in cluster.grams}
    assert found == {
        "so we get",
        *("and then we", "then we see", "we see it", "see it s", "it s done"),
        *("and then we see", "then we see it", "we see it s", "see it s done"),
        *("and then we see it", "then we see it s", "we see it s done"),
    }


@untimed
@given(st.lists(TEXTS, max_size=12), st.randoms(use_true_random=False), st.floats(0.05, 1))
def test_any_texts(texts, random, top):
    """Each n-gram is in two texts or more, has 3 to 5 words and is found once, in whatever order."""
    found = mine(texts, top=top)
    assert len(set(found)) == len(found)
    for each in found:
        words = gram(each)
        assert 3 <= len(words) <= 5 and " ".join(words) == each
        holders = [t for t in texts if f" {each} " in f" {' '.join(gram(t.replace(' .', ' stop ')))} "]
        assert len(holders) >= 2
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert mine(shuffled, top=top) == found
    assert set(mine(texts, top=1.0)) >= set(found)


def test_the_table_of_counts_is_bounded(monkeypatch):
    """What many texts say is found among any number of n-grams that only one does."""
    monkeypatch.setattr(module, "MOST_COUNTED", 500)
    letters = "abcdefghijklmnopqrstuvwxyz"
    own = [[f"w{first}{letters[n]}{second}" for first in letters for second in "xyz"] for n in range(20)]
    texts = [f"let me check that. {' '.join(words)}" for words in own]
    assert "let me check that" in mine(texts)
    monkeypatch.setattr(module, "MOST_WORDS", 3)
    assert mine(texts, top=1.0) == ["let me check"]


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000, "ab cd " * 100_000, "é" * 300_000, "我" * 100_000, "'-_" * 200_000, "\x00\ud800" * 9],
)
def test_hostile_texts_end_when_mined(text):
    assert len(mine([text] * 3, top=1.0)) <= 2000


@untimed
@given(st.text())
def test_words_of_any_text(text):
    """They stand where they are said to, in order, and a gram made of a phrase has its words."""
    end = 0
    for phrase in phrases(text):
        assert phrase
        for word, start, stop in phrase:
            assert end <= start < stop <= len(text)
            assert text[start:stop].casefold() == word
            end = stop


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"top": 0.0}, "top must be a number in"),
        ({"shortest": 4, "longest": 3}, "n-grams must have from 1 to 16 words"),
        ({"longest": 17}, "n-grams must have from 1 to 16 words"),
        ({"similarity": 1.5}, "similarity must be a number in"),
        ({"candidates": 0}, "candidates must be an integer"),
    ],
)
def test_options_of_mining(option, message):
    with pytest.raises(ValueError, match=message):
        mine(["a b c"], **option)
    assert mine([]) == []
