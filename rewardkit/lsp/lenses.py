"""Code lenses: run the test below, see what a claim came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rewardkit.diagnostics import RewardError, Span, render_full
from rewardkit.lsp.analysis import Analysis
from rewardkit.lsp.claims import Claim

if TYPE_CHECKING:
    from rewardkit.testing import TestResult

RUN_TEST = "rewardkit.runTest"
SHOW_CLAIM = "rewardkit.showClaim"


@dataclass(frozen=True)
class Lens:
    span: Span
    title: str
    command: str
    arguments: tuple[Any, ...]


def lenses(
    analysis: Analysis, uri: str, results: Mapping[str, TestResult], claims: Sequence[Claim] | None
) -> list[Lens]:
    """The lenses of a file that checks. `claims` is `None` while they are being looked at."""
    spec = analysis.spec
    if spec is None:
        return []
    out: list[Lens] = []
    if len(spec.tests) > 1:
        out.append(Lens(_start(spec.tests[0].span), f"run all {len(spec.tests)} tests", RUN_TEST, (uri,)))
    for test in spec.tests:
        again = f"{told(results[test.name])} · run again" if test.name in results else "run test"
        out.append(Lens(_start(test.span), again, RUN_TEST, (uri, test.name)))
    for number, claim in enumerate(spec.claims):
        answer = claims[number].answer if claims is not None else "deciding …"
        out.append(Lens(_start(claim.span), answer, SHOW_CLAIM, (uri, number)))
    return out


def _start(span: Span) -> Span:
    return span.inside(0, 0)


def told(result: TestResult) -> str:
    """`passed`, `failed: 2 expectations do not hold`."""
    if result.error is not None:
        return "could not run"
    if result.passed:
        return "passed"
    n = len(result.failures)
    return f"failed: {n} expectation{'s do' if n != 1 else ' does'} not hold"


def run(analysis: Analysis, name: str | None) -> list[TestResult]:
    """Run one test of a file, or all.

    Raises:
        RewardError: the file has errors, or no such test.
    """
    from rewardkit.testing import run_tests  # brings in what scores rows, which takes half a second

    spec = analysis.spec
    if spec is None:
        raise RewardError("the file has errors: mend them first")
    tests = [test for test in spec.tests if name is None or test.name == name]
    if not tests:
        raise RewardError(f"there is no test `{name}`" if name is not None else "there are no tests")
    return run_tests(spec, tests)


def summary(results: Sequence[TestResult]) -> str:
    """`3 passed, 1 failed`, or what became of the only one."""
    if len(results) == 1:
        result = results[0]
        return f"`{result.name}`: {told(result)}" + (f": {result.error}" if result.error else "")
    failed = sum(not r.passed for r in results)
    return f"{len(results) - failed} passed" + (f", {failed} failed" if failed else "")


def report(results: Sequence[TestResult]) -> str:
    """What each test came to, with the expectations that do not hold."""
    lines = []
    for result in results:
        lines.append(f"{'pass' if result.passed else 'FAIL'}  {result.name}")
        lines += [f"      {result.error}"] if result.error is not None else []
        for failure in result.failures:
            lines += ["      " + line for line in render_full(failure).splitlines()]
    return "\n".join(lines)
