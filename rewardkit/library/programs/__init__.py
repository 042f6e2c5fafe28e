"""`code.run`: programs on test cases, in a sandbox, with the verdict reached outside their process.

What the program does is told by the result. What is wrong with the cases is a `ValueError`, a fault of the
row; what is wrong with the sandbox a `SandboxError`.
"""

from __future__ import annotations

from rewardkit.library.programs.run import run

__all__ = ["run"]
