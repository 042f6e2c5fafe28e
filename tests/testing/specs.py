"""Specs that the tests of this room share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rewardkit.checker import Spec, check, read_source
from rewardkit.diagnostics import Diagnostic, Source, render_full
from rewardkit.testing import TestResult, run_tests


def checked(text: str, path: Path | None = None) -> Spec:
    """The spec of a text, or of a file that this writes, without errors."""
    if path is None:
        source = Source("t.rwd", text)
    else:
        path.write_text(text)
        source = read_source(path)
    spec, found = check(source)
    assert spec is not None, "\n".join(render_full(d) for d in found)
    return spec


def ran(text: str, path: Path | None = None) -> list[TestResult]:
    spec = checked(text, path)
    return run_tests(spec, spec.tests)


def found(text: str) -> Sequence[Diagnostic]:
    return check(Source("t.rwd", text))[1]


def shown(result: TestResult) -> str:
    """What a failing test shows."""
    assert result.error is None
    return "\n\n".join(map(render_full, result.failures))
