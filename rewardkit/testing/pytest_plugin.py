"""pytest collects `.rwd` files: each `test` block is an item, a file that does not check fails to collect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rewardkit.checker.spec import Spec, TestSpec


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".rwd":
        return None
    file: pytest.Collector = SpecFile.from_parent(parent, path=file_path)
    return file


class SpecFile(pytest.File):
    """A `.rwd` file."""

    def collect(self) -> Iterator[pytest.Item]:
        from rewardkit.checker import check, read_source
        from rewardkit.diagnostics import RewardError, render_full

        try:
            spec, diagnostics = check(read_source(self.path))
        except RewardError as error:
            raise self.CollectError(str(error)) from None
        if spec is None:
            raise self.CollectError("\n\n".join(render_full(d) for d in diagnostics if d.is_error))
        for test in spec.tests:
            yield TestItem.from_parent(self, name=test.name, spec=spec, test=test)


class TestItem(pytest.Item):
    """One `test` block."""

    __test__ = False

    def __init__(self, *, spec: Spec, test: TestSpec, **options: Any) -> None:
        super().__init__(**options)
        self.spec, self.test = spec, test

    def runtest(self) -> None:
        from rewardkit.testing.runner import run_tests

        (result,) = run_tests(self.spec, [self.test])
        if not result.passed:
            raise TestFailure(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        if isinstance(excinfo.value, TestFailure):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        line = self.spec.source.position(self.test.span.start)[0]
        return self.path, line - 1, self.name


class TestFailure(Exception):
    """A test that does not hold; its text shows each expectation with the values in it."""

    __test__ = False

    def __init__(self, result: Any) -> None:
        from rewardkit.diagnostics import render_full

        shown = [render_full(failure) for failure in result.failures]
        super().__init__("\n\n".join(shown if result.error is None else [result.error]))
