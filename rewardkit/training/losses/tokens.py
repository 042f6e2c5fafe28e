"""What every loss does to its tokens: masked places are set to 0 before anything is computed from them.

So NaN and infinities in the padding reach neither a loss nor a gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: log-ratios are clamped to +-20 before `exp`, as verl does: e^20 is beyond any clip range, and one
#: token in which the two policies disagree completely cannot overflow the batch
MAX_LOG_RATIO = 20.0


def check_shapes(first: Tensor, *others: Tensor) -> None:
    """Raise ValueError unless all have one shape (B, T)."""
    if first.ndim != 2 or any(other.shape != first.shape for other in others):
        shapes = ", ".join(str(tuple(t.shape)) for t in (first, *others))
        raise ValueError(f"log-probabilities and mask must share one shape (B, T), not {shapes}")


def difference(a: Tensor, b: Tensor, on: Tensor) -> Tensor:
    """`a - b`, 0 where not `on`: padding may hold -inf, and inf - inf would poison the gradient."""
    return torch.where(on, a - b, 0.0)


def per_token(advantages: Tensor, mask: Tensor) -> Tensor:
    """(B,) or (B, T) -> (B, T) constants, 0 where masked. Raises ValueError for another shape."""
    if advantages.shape not in (mask.shape, mask.shape[:1]):
        raise ValueError(
            f"advantages must have shape {tuple(mask.shape[:1])} or {tuple(mask.shape)}, "
            f"not {tuple(advantages.shape)}"
        )
    spread = advantages.detach() if advantages.ndim == 2 else advantages.detach()[:, None]
    return torch.where(mask != 0, spread, 0.0)


def per_sequence(values: Tensor, on: Tensor) -> Tensor:
    """The mean of (B, T) over the tokens of each row that are `on`: (B,), 0 where there is none."""
    return torch.where(on, values, 0.0).sum(dim=1) / on.sum(dim=1).clamp(min=1)


def token_mean(values: Tensor, on: Tensor) -> Tensor:
    """The mean of (B, T) over all tokens that are `on`, 0 if there is none."""
    return torch.where(on, values, 0.0).sum() / on.sum().clamp(min=1)
