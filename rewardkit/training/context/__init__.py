"""Context optimizers: a language model edits the prompt, and no weights change.

A run file with a table `[context]` is such a run. Only one with a `[policy]` imports torch.
"""

from __future__ import annotations

from .config import ContextConfig, ContextRun, GepaConfig, TrainingFreeGrpoConfig, read_run
from .library import Library, Operation
from .records import ContextRecord, ContextResult
from .run import run_context

__all__ = [
    "ContextConfig",
    "ContextRecord",
    "ContextResult",
    "ContextRun",
    "GepaConfig",
    "Library",
    "Operation",
    "TrainingFreeGrpoConfig",
    "read_run",
    "run_context",
]
