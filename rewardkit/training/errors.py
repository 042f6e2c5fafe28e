"""What stops a training run."""

from __future__ import annotations

from rewardkit.diagnostics import RewardError


class TrainError(RewardError):
    """A run cannot start or go on; the message says what to do."""


class ConfigError(TrainError):
    """The run file is wrong; one line per problem."""


class ResumeError(TrainError):
    """The checkpoint belongs to another run than the one asked for, or is damaged."""


def reason(error: Exception) -> str:
    """What an error of another library says, in one line."""
    if isinstance(error, KeyError):
        return f"unknown name {error}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    first, *rest = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    return f"{first} {rest[0]}" if first.endswith(":") and rest else first
