"""What can go wrong with rows and runs, beyond the spec itself."""

from __future__ import annotations

from rewardkit.diagnostics import RewardError


class RowsError(RewardError):
    """Rows that do not fit the spec: a missing column, a wrong type, a group that is cut."""


class FaultLimitError(RewardError):
    """More rows failed than `max_faults` allows."""
