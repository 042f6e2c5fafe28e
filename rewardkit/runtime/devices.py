"""Devices of torch, tried before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rewardkit.diagnostics import RewardError

if TYPE_CHECKING:
    import torch


def find_device(name: str) -> torch.device:
    """A device that torch can use here. Raises `RewardError`."""
    import torch

    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # what torch raises for one it lacks
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise RewardError(
            f"torch cannot use `{name}` here ({lines[0].strip().rstrip('.')}); `auto` takes the best that "
            "there is"
        ) from None
    return device
