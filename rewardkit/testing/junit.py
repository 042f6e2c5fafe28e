"""Results as a JUnit report, as CI systems read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from rewardkit.diagnostics import RewardError, render_full
from rewardkit.testing.runner import TestResult

#: characters that XML 1.0 cannot hold
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: str, results: Mapping[str, Sequence[TestResult]]) -> None:
    """Write a report: a suite for each file, a case for each test.

    Raises:
        RewardError: the file cannot be written.
    """
    try:
        Path(path).write_text(junit(results), encoding="utf-8")
    except OSError as error:
        raise RewardError(f"cannot write `{path}`: {error.strerror or error}") from None


def junit(results: Mapping[str, Sequence[TestResult]]) -> str:
    """The report as XML text: what does not hold is a failure, a test that cannot run an error."""
    every = [result for some in results.values() for result in some]
    root = ElementTree.Element("testsuites", _counts(every))
    for file, some in results.items():
        suite = ElementTree.SubElement(root, "testsuite", {"name": _text(file), **_counts(some)})
        for result in some:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                name=_text(result.name),
                classname=_text(file),
                file=_text(file),
                line=str(result.line),
                time=f"{result.seconds:.6f}",
            )
            if result.failures:
                message = "; ".join(" ".join(f.primary.span.text.split()) for f in result.failures)
                failure = ElementTree.SubElement(case, "failure", message=_text(message))
                failure.text = _text("\n\n".join(map(render_full, result.failures)))
            if result.error is not None:
                error = ElementTree.SubElement(case, "error", message=_text(result.error.splitlines()[0]))
                error.text = _text(result.error)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _counts(results: Sequence[TestResult]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(bool(result.failures) for result in results)),
        "errors": str(sum(result.error is not None for result in results)),
        "time": f"{sum(result.seconds for result in results):.6f}",
    }


def _text(text: str) -> str:
    return _UNWRITABLE.sub("·", text)
