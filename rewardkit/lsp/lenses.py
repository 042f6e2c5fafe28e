"""Code lenses: run the test below, see what a claim came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardkit.diagnostics import Diagnostic, RewardError, Span
from rewardkit.language import tree as t
from rewardkit.lsp.analysis import Analysis
from rewardkit.testing import TestResult, run_tests

RUN_TEST = "rewardkit.runTest"
SHOW_CLAIM = "rewardkit.showClaim"


@dataclass(frozen=True)
class Verdict:
    """What a claim came to: `proved`, `refuted` or `not decided`, and all there is to say about it."""

    span: Span
    status: str
    text: str
    diagnostic: Diagnostic | None = None


@dataclass(frozen=True)
class Lens:
    span: Span
    title: str
    command: str
    arguments: tuple[Any, ...]


def lenses(
    analysis: Analysis, uri: str, results: Mapping[str, TestResult], verdicts: Sequence[Verdict] | None
) -> list[Lens]:
    """The lenses of a file. `verdicts` is `None` while claims are being looked at."""
    out: list[Lens] = []
    tests = [s for s in analysis.module.statements if isinstance(s, t.Test)]
    if analysis.spec is not None:
        if len(tests) > 1:
            out.append(Lens(tests[0].span, f"run all {len(tests)} tests", RUN_TEST, (uri,)))
        for node in tests:
            again = f"{told(results[node.name])} · run again" if node.name in results else "run test"
            out.append(Lens(node.span, again, RUN_TEST, (uri, node.name)))
    known = {v.span.start: v for v in verdicts or ()}
    claims = [s for s in analysis.module.statements if isinstance(s, t.Prove)]
    for number, claim in enumerate(claims):
        verdict = known.get(claim.span.start)
        if verdict is not None:
            out.append(Lens(claim.span, verdict.status, SHOW_CLAIM, (uri, number)))
        elif verdicts is None and analysis.spec is not None:
            out.append(Lens(claim.span, "proving …", SHOW_CLAIM, (uri, number)))
    return out


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
