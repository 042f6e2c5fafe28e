"""Sums over the completions of each group."""

from __future__ import annotations

import torch
from torch import Tensor


class Groups:
    """Rows by group: `index` (B,) is a group's place, from 0, and `size` how many there are.

    Raises ValueError unless groups and advantages are one number per row of the mask (B, T).
    """

    def __init__(self, groups: Tensor, advantages: Tensor, mask: Tensor) -> None:
        for name, given in (("groups", groups), ("advantages", advantages)):
            if given.shape != mask.shape[:1]:
                raise ValueError(
                    f"{name} must have shape {tuple(mask.shape[:1])}, one per completion, "
                    f"not {tuple(given.shape)}"
                )
        ids, self.index = torch.unique(groups.to(mask.device), return_inverse=True)
        self.size = ids.numel()

    def sum(self, values: Tensor) -> Tensor:
        """(B,) -> (size,)."""
        values = values.float() if not values.is_floating_point() else values
        return values.new_zeros(self.size).index_add(0, self.index, values)
