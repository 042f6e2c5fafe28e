"""Test blocks: their runner, coverage and mutation, reports, and the pytest plugin."""

from rewardkit.testing.runner import Bench, TestResult, run_tests
from rewardkit.testing.select import Selection, SelectionError, select_tests

__all__ = ["Bench", "Selection", "SelectionError", "TestResult", "run_tests", "select_tests"]
