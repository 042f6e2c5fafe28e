"""How much a minibatch holds: what the losses of its parts are divided by."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Counts:
    """The denominators of a whole minibatch, over all its micro-batches and processes.

    A loss that is given them is the part's share: the losses of the parts add up to the loss of the
    minibatch, and so do their gradients. They are floats, so that processes can add them up, and a caller
    may put the count of something larger in their place (see `aggregate`).
    """

    tokens: float  #: that carry loss
    sequences: float  #: rows in which at least one token carries loss
    rows: float  #: all rows, those without such a token too
    groups: float  #: all groups of the rows


def count(mask: Tensor, groups: Tensor | None = None) -> Counts:
    """The counts of rows with this mask (B, T), and of their groups (B,) int64; without, 0 groups."""
    on = mask != 0
    return Counts(
        tokens=float(on.sum()),
        sequences=float(on.any(dim=1).sum()),
        rows=float(len(mask)),
        groups=0.0 if groups is None else float(torch.unique(groups).numel()),
    )
