"""Names, types, units, intervals, levels and nulls: a checked spec, or diagnostics."""

from rewardkit.checker.check import Examination, check, examine, read_source
from rewardkit.checker.spec import Spec, Value

__all__ = ["Examination", "Spec", "Value", "check", "examine", "read_source"]
