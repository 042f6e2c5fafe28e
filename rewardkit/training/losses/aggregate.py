"""From losses per token to one loss."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .counts import Counts, count
from .tokens import check_shapes

Aggregation = Literal["token_mean", "sequence_mean", "constant_length", "global_tokens"]


def aggregate(
    values: Tensor,
    mask: Tensor,
    aggregation: Aggregation = "token_mean",
    max_length: int | None = None,
    counts: Counts | None = None,
) -> Tensor:
    """A scalar from values per token (B, T), over unmasked tokens.

    token_mean: sum over all tokens / number of tokens in the minibatch (DAPO, arXiv 2503.14476, eq. 12).
    sequence_mean: mean over completions of their mean over tokens (GRPO, arXiv 2402.03300, eq. 3);
    a completion without an unmasked token is left out.
    constant_length: sum over all tokens / (B * max_length), so that no token's share depends on how
    long an answer is (Dr. GRPO, arXiv 2503.20783); B counts every completion.
    global_tokens: sum over all tokens / `counts.tokens`, where the caller's count is of the whole step:
    its tokens / its number of minibatches. Then each token of a step weighs the same, in whichever
    minibatch it lies, which token_mean grants only within a minibatch. The function is that of
    token_mean; what is counted is the difference, and without `counts` there is none.

    Without any unmasked token the result is 0.

    Args:
        values: (B, T).
        mask: (B, T).
        aggregation: one of the four.
        max_length: tokens; for "constant_length".
        counts: of the whole minibatch that these rows are a part of; of these rows alone if None.

    Raises:
        ValueError: shapes do not fit, `aggregation` is unknown, or it is "constant_length" without a
            positive `max_length`.
    """
    check_shapes(values, mask)
    on = mask != 0
    counts = counts or count(mask)
    kept = torch.where(on, values, 0.0)
    if aggregation in ("token_mean", "global_tokens"):
        return kept.sum() / (counts.tokens or 1.0)
    if aggregation == "sequence_mean":
        return (kept.sum(dim=1) / on.sum(dim=1).clamp(min=1)).sum() / (counts.sequences or 1.0)
    if aggregation == "constant_length":
        if max_length is None or max_length <= 0:
            raise ValueError("constant_length needs max_length, the longest completion in tokens")
        return kept.sum() / ((counts.rows or 1.0) * max_length)
    raise ValueError(
        "aggregation must be token_mean, sequence_mean, constant_length or global_tokens, "
        f"not {aggregation!r}"
    )
