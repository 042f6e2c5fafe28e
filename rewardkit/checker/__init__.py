"""Names, types, units, intervals, levels and nulls: a checked spec, or diagnostics."""

from rewardkit.checker.check import check, read_source
from rewardkit.checker.spec import Spec, Value

__all__ = ["Spec", "Value", "check", "read_source"]
