"""The text of each token, as shapers read it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

#: what a token that is not trained on reads as: the end of a phrase
BREAK = "\n"


def token_texts(tokenizer: Any, ids: ArrayLike, mask: ArrayLike) -> list[list[str]]:
    """For each row the texts of its tokens, up to the last one in `mask`.

    A token is decoded after another one, as alone many tokenizers drop the blank before a word. A
    character that several tokens make up together reads as no word.

    Args:
        tokenizer: of Hugging Face's kind, with `batch_decode` and a call that gives `input_ids`.
        ids: (N, T) integer token ids.
        mask: (N, T) bool: tokens of the policy. The others, as what a tool said, read as `BREAK`.

    Raises ValueError where shapes do not fit.
    """
    tokens, own = np.asarray(ids), np.asarray(mask, dtype=np.bool_)
    if tokens.ndim != 2 or tokens.shape != own.shape:
        raise ValueError(f"ids and mask must both have shape (rows, tokens): {tokens.shape}, {own.shape}")
    distinct, which = np.unique(tokens, return_inverse=True)
    texts = np.array(_decoded(tokenizer, distinct.tolist()), dtype=object)[which.reshape(tokens.shape)]
    texts[~own] = BREAK
    lengths = np.where(own, np.arange(1, tokens.shape[1] + 1), 0).max(axis=1, initial=0)
    return [row[:length] for row, length in zip(texts.tolist(), lengths.tolist(), strict=True)]


def _decoded(tokenizer: Any, ids: list[int]) -> list[str]:
    def decode(rows: list[list[int]]) -> list[str]:
        texts: list[str] = tokenizer.batch_decode(rows, clean_up_tokenization_spaces=False)
        return texts

    before = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    (prefix,) = decode([before])
    alone, after = decode([[each] for each in ids]), decode([[*before, each] for each in ids])
    return [
        text[len(prefix) :] if text.startswith(prefix) else single
        for text, single in zip(after, alone, strict=True)
    ]
