"""A plan and rows to scores: columns, executors, workers, cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rewardkit.runtime.errors import FaultLimitError, RowsError
    from rewardkit.runtime.reward import Reward, load, loads
    from rewardkit.runtime.rows import Rows
    from rewardkit.runtime.scores import Scores

__all__ = ["FaultLimitError", "Reward", "Rows", "RowsError", "Scores", "load", "loads"]

# found when asked for: worker processes import this package, and need none of it
_HOMES = {
    "FaultLimitError": "errors",
    "Reward": "reward",
    "Rows": "rows",
    "RowsError": "errors",
    "Scores": "scores",
    "load": "reward",
    "loads": "reward",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module `rewardkit.runtime` has no attribute `{name}`")
    from importlib import import_module

    return getattr(import_module(f"rewardkit.runtime.{_HOMES[name]}"), name)
