"""Test blocks: their runner, and the pytest plugin."""

from rewardkit.testing.runner import TestResult, run_tests, select_tests

__all__ = ["TestResult", "run_tests", "select_tests"]
