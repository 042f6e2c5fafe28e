"""What a launcher (`accelerate launch`, `torchrun`) says of a run's processes. Nothing here imports torch."""

from __future__ import annotations

import os


def launched() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def local() -> int:
    """How many of them are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
