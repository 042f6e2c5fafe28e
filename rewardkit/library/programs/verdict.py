"""What became of one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rewardkit.types.values import RunResult, make_result


@dataclass(frozen=True)
class Verdict:
    """Whether a case passed, or else how it failed: a wrong value has none of the others."""

    passed: bool = False
    crashed: bool = False  # ended by itself, or by a limit other than time, before the case was decided
    timed_out: bool = False
    memory: bool = False  # a crash for want of memory


PASSED = Verdict(passed=True)
WRONG = Verdict()
CRASHED = Verdict(crashed=True)
TIMED_OUT = Verdict(timed_out=True)
NO_MEMORY = Verdict(crashed=True, memory=True)


def result(verdicts: Sequence[Verdict], total: int) -> RunResult:
    """The result of `total` cases, of which those without a verdict fail."""
    failing = next((i for i, v in enumerate(verdicts) if not v.passed), len(verdicts))
    return make_result(
        sum(v.passed for v in verdicts),
        total,
        any(v.crashed for v in verdicts),
        any(v.timed_out for v in verdicts),
        any(v.memory for v in verdicts),
        failing if failing < total else None,
    )
