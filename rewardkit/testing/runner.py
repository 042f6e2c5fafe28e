"""Running the `test` blocks of a spec: samples and rows are scored, then each `expect` is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rewardkit.checker.spec import Spec, TestSpec
from rewardkit.compiler import compile_spec
from rewardkit.diagnostics import Diagnostic, RewardError, to_json
from rewardkit.runtime.backends import Backends
from rewardkit.runtime.calls import Caller
from rewardkit.runtime.reward import Evaluation, Progress, Reward
from rewardkit.testing.assertions import failures
from rewardkit.testing.mocks import mocked_lets, refuse_impure
from rewardkit.testing.rows import RowsReport, run_rows
from rewardkit.testing.samples import Samples


@dataclass(frozen=True)
class TestResult:
    """How one test ended. `failures` are diagnostics at the expectations that do not hold, those over rows
    last; `error` says why the test could not run to its end."""

    __test__ = False  # not a pytest class

    name: str
    line: int
    failures: tuple[Diagnostic, ...]
    error: str | None
    seconds: float
    rows: tuple[RowsReport, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.failures and self.error is None

    def to_json(self) -> dict[str, Any]:
        return {
            "test": self.name,
            "line": self.line,
            "passed": self.passed,
            "error": self.error,
            "failures": [to_json(failure) for failure in self.failures],
            "rows": [report.to_json() for report in self.rows],
            "seconds": round(self.seconds, 6),
        }


@dataclass
class Bench:
    """What runs of tests share, so that a run after a small change costs little: results of verifiers, and
    rows that have been read. `observe` sees every evaluation."""

    backends: Backends = field(default_factory=Backends)
    files: dict[Any, Any] = field(default_factory=dict)
    observe: Callable[[Evaluation], None] | None = None
    progress: Progress | None = None
    tokenizer: Any = None
    externs: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    outside: bool = False  # calls that no mock answers are made, by the backends


def run_tests(
    spec: Spec,
    tests: Sequence[TestSpec],
    params: Mapping[str, Any] | None = None,
    on_done: Callable[[TestResult], None] | None = None,
    bench: Bench | None = None,
) -> list[TestResult]:
    """Run tests in file order; what goes wrong in one is that test's own result.

    Raises:
        RewardError: a param is unknown or outside its range.
    """
    bench = Bench() if bench is None else bench
    reward = reward_of(spec, tests, params, bench)
    results = []
    for test in tests:
        results.append(run_test(reward, test, bench))
        if on_done:
            on_done(results[-1])
    return results


def reward_of(
    spec: Spec, tests: Sequence[TestSpec], params: Mapping[str, Any] | None, bench: Bench
) -> Reward:
    """The compiled spec, in which the lets that tests fix stand apart."""
    reward = Reward(spec, params, tokenizer=bench.tokenizer, externs=bench.externs, backends=bench.backends)
    apart = mocked_lets(tests)
    if apart:
        reward.plan = compile_spec(spec, apart)
    return reward


def run_test(reward: Reward, test: TestSpec, bench: Bench) -> TestResult:
    """One test."""
    began = time.perf_counter()
    failed: tuple[Diagnostic, ...] = ()
    reports: list[RowsReport] = []
    error = None
    try:
        if test.samples or test.expects:
            failed = _samples(reward, test, bench)
        for block in test.rows:
            reports.append(
                run_rows(reward, test, block, bench.files, bench.progress, bench.observe, bench.outside)
            )
            failed += reports[-1].failures
    except RewardError as problem:
        error = str(problem).strip()
    line = reward.spec.source.position(test.span.start)[0]
    return TestResult(test.name, line, failed, error, time.perf_counter() - began, tuple(reports))


def _samples(reward: Reward, test: TestSpec, bench: Bench) -> tuple[Diagnostic, ...]:
    samples = Samples(reward, test, bench.outside)
    if bench.observe is not None:
        bench.observe(samples.evaluation)
    caller = Caller(bench.backends, allow=refuse_impure((), ()))
    return failures(test.expects, samples.columns(test), caller, samples.notes)
