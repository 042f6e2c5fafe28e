"""`rewardkit test`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardkit.checker import check, read_source
from rewardkit.cli import codes
from rewardkit.cli.options import params, specs_in
from rewardkit.cli.show import Format, bad, ok, print_diagnostics, print_json
from rewardkit.diagnostics import SpecError, render_full, to_json

if TYPE_CHECKING:
    from rewardkit.testing import TestResult


def run(
    paths: Annotated[list[str], typer.Argument(metavar="SPEC…", help="`.rwd` files, or folders of them")],
    select: Annotated[
        str | None, typer.Option("-k", metavar="TEXT", help="only tests whose name contains this")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="PARAM=VALUE", help="a param's value, for every test")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Run the tests inside specs. No test at all is not a pass."""
    from rewardkit.testing import run_tests, select_tests

    reports: list[dict[str, Any]] = []
    ran = failed = 0
    for path in specs_in(paths):
        spec, diagnostics = check(read_source(path))
        if spec is None:
            raise SpecError(diagnostics)
        tests = select_tests(spec, select)
        if not tests:
            continue
        if form is Format.full:
            print_diagnostics(diagnostics, "full")
            print(path)
        results = run_tests(spec, tests, params(sets or [], spec), _show if form is Format.full else None)
        ran += len(results)
        failed += sum(not result.passed for result in results)
        reports += [{"file": str(path), **_report(result)} for result in results]
    if form is Format.json:
        print_json(reports)
    elif ran:
        print(f"{ran - failed} passed" + (f", {bad(f'{failed} failed')}" if failed else ""))
    if not ran:
        what = f"no test's name contains `{select}`" if select else "there are no tests"
        print(f"error: {what}", file=sys.stderr)
        return codes.FAILED
    return codes.FAILED if failed else codes.OK


def _show(result: TestResult) -> None:
    mark = ok("pass") if result.passed else bad("FAIL")
    print(f"  {mark}  {result.name}")
    if result.error is not None:
        print(f"        {result.error}")
    for failure in result.failures:
        print("\n".join("    " + line for line in render_full(failure).splitlines()))


def _report(result: TestResult) -> dict[str, Any]:
    return {
        "test": result.name,
        "line": result.line,
        "passed": result.passed,
        "error": result.error,
        "failures": [to_json(failure) for failure in result.failures],
        "seconds": round(result.seconds, 6),
    }
