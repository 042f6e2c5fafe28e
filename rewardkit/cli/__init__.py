"""The command line: one file per verb, each thin."""

from rewardkit.cli.main import main

__all__ = ["main"]
