"""A checked spec to a plan that knows no engine."""

from rewardkit.compiler.compile import compile_expects, compile_spec
from rewardkit.compiler.plan import FoldStep, Guard, Plan, Step

__all__ = ["FoldStep", "Guard", "Plan", "Step", "compile_expects", "compile_spec"]
