"""A plan and rows to scores: columns, executors, workers, cache."""

from rewardkit.runtime.errors import FaultLimitError, RowsError
from rewardkit.runtime.reward import Reward, load, loads
from rewardkit.runtime.rows import Rows
from rewardkit.runtime.scores import Scores

__all__ = ["FaultLimitError", "Reward", "Rows", "RowsError", "Scores", "load", "loads"]
