"""What stops a training run, each with the exit code of the command line."""

from __future__ import annotations

from rewardkit.diagnostics import RewardError


class TrainError(RewardError):
    """A run cannot start or go on; the message is one line per problem and says what to do."""

    exit_code = 3


class ConfigError(TrainError):
    """The run file is wrong."""


class ResumeError(TrainError):
    """The checkpoint belongs to another run than the one asked for."""


class TooManyFaultsError(TrainError):
    """More rows of a batch faulted than `max_faults` allows."""
