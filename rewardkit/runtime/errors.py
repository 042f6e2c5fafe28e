"""What can go wrong with rows and runs, beyond the spec itself."""

from __future__ import annotations

from rewardkit.diagnostics import RewardError


class RowsError(RewardError):
    """Rows that do not fit the spec: a missing column, a wrong type, a group that is cut.

    Where one `row` is at fault, the message begins with it, and `what` goes on from there.
    """

    def __init__(self, what: str, row: int | None = None) -> None:
        super().__init__(what if row is None else f"row {row}{what}")
        self.what, self.row = what, row

    def after(self, rows: int) -> RowsError:
        """The same error of rows before which there are others."""
        return self if self.row is None else RowsError(self.what, self.row + rows)


class FaultLimitError(RewardError):
    """More rows failed than `max_faults` allows."""
