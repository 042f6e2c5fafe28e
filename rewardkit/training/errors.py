"""What stops a training run."""

from __future__ import annotations

from rewardkit.diagnostics import RewardError


class TrainError(RewardError):
    """A run cannot start or go on; the message says what to do."""


class ConfigError(TrainError):
    """The run file is wrong; one line per problem."""


class ResumeError(TrainError):
    """The checkpoint belongs to another run than the one asked for."""
