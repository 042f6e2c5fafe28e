"""A tokenizer of whole pieces, for small policies: text is the concatenation of its pieces."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import TrainError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PAD, END, UNKNOWN = "<|pad|>", "<|end|>", "<|unknown|>"


def build_tokenizer(pieces: Sequence[str]) -> PreTrainedTokenizerBase:
    """A Hugging Face tokenizer over the given pieces and three special tokens.

    Text is cut into the fewest pieces it can be made of, so `decode(encode(text)) == text` for every such
    text. Raises `TrainError` for empty, repeated or reserved pieces.
    """
    from tokenizers import Tokenizer, decoders, models

    special = (PAD, END, UNKNOWN)
    if not pieces:
        raise TrainError("a tokenizer needs at least one piece")
    for piece, times in Counter(pieces).items():
        if not isinstance(piece, str) or not piece:
            raise TrainError(f"a piece is a text of at least one character, not {piece!r}")
        if piece in special:
            raise TrainError(f"the piece {piece!r} is reserved")
        if times > 1:
            raise TrainError(f"the piece {piece!r} is given {times} times")
    # A unigram model with equal scores: Viterbi over all ways to cut a text, fewest pieces first. Greedy
    # longest match would fail on `abc` from the pieces `ab`, `a` and `bc`.
    vocabulary = [(piece, 0.0) for piece in special] + [(piece, -1.0) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=special.index(UNKNOWN), byte_fallback=False))
    tokenizer.decoder = decoders.Fuse()
    return wrap_tokenizer(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False)


def wrap_tokenizer(**source: Any) -> PreTrainedTokenizerBase:
    """A Hugging Face tokenizer with our special tokens around a `tokenizers` object or file."""
    import transformers

    untyped: Any = transformers
    wrapped: PreTrainedTokenizerBase = untyped.PreTrainedTokenizerFast(
        pad_token=PAD, eos_token=END, unk_token=UNKNOWN, **source
    )
    return wrapped


def open_tokenizer(source: str | Path) -> PreTrainedTokenizerBase:
    """Load a tokenizer from a folder or the hub; raises OSError or ValueError."""
    import transformers

    untyped: Any = transformers
    file = Path(source) / "tokenizer_config.json"
    ours = file.is_file() and json.loads(file.read_text(encoding="utf-8")).get("unk_token") == UNKNOWN
    # For some model types `AutoTokenizer` takes the family's own tokenizer, whatever the folder says.
    loader = untyped.PreTrainedTokenizerFast if ours else untyped.AutoTokenizer
    tokenizer: PreTrainedTokenizerBase = loader.from_pretrained(str(source))
    return tokenizer


def encode_text(tokenizer: PreTrainedTokenizerBase, text: str, *, start: bool) -> list[int]:
    """Token ids of a text, with what the tokenizer puts before a text if `start`.

    Raises `TrainError` for text that a tokenizer of pieces cannot spell.
    """
    if tokenizer.unk_token != UNKNOWN:
        return list(tokenizer(text, add_special_tokens=start)["input_ids"])
    encoded = tokenizer(text, return_offsets_mapping=True)
    ids: list[int] = list(encoded["input_ids"])
    if tokenizer.unk_token_id in ids:
        first, last = encoded["offset_mapping"][ids.index(tokenizer.unk_token_id)]
        raise TrainError(f"no piece of the tokenizer spells {text[first:last]!r} in {text!r}")
    return ids
