"""`rewardkit test`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardkit.checker import Spec, check, read_source
from rewardkit.cli import codes
from rewardkit.cli.options import (
    BackendsPath,
    ExternNames,
    SandboxName,
    TokenizerName,
    externs,
    load_backends,
    load_tokenizer,
    params,
    specs_in,
)
from rewardkit.cli.show import Format, ProgressLine, bad, ok, print_diagnostics, print_json
from rewardkit.diagnostics import Diagnostic, RewardError, SpecError, render_full, visible

if TYPE_CHECKING:
    from rewardkit.runtime.backends import Backends
    from rewardkit.testing import Bench, Selection, TestResult
    from rewardkit.testing.coverage import CoverageReport
    from rewardkit.testing.mutate import MutationReport


def run(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="SPEC…", help="`.rwd` files, folders of them, or FILE::NAME for one test"),
    ],
    select: Annotated[
        list[str] | None,
        typer.Option(
            "-k",
            metavar="TEXT",
            help="only tests whose name contains this; 'not TEXT' leaves out; repeatable",
        ),
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", metavar="PARAM=VALUE", help="a param's value, for every test")
    ] = None,
    bound: ExternNames = None,
    tokenizer: TokenizerName = None,
    backends: BackendsPath = None,
    sandbox: SandboxName = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="which gates, `if`s and terms the tests have seen both ways")
    ] = False,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="change the spec in one place at a time: do the tests notice?")
    ] = False,
    fail_under: Annotated[
        float | None,
        typer.Option(min=0, max=100, help="exit 2 where coverage, or mutants killed, is less percent"),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="run again whenever a file changes")] = False,
    junit: Annotated[
        str | None, typer.Option(metavar="FILE", help="write the results as a JUnit report too")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Run the tests inside specs. No test at all, or a selection that selects none, is not a pass.

    A test calls no program, judge or model: a `mock` says what they give. With --backends or --sandbox, those
    that no mock answers are called.
    """
    if fail_under is not None and not (coverage or mutate):
        raise RewardError("--fail-under goes with --coverage or --mutate")
    if watch and form is Format.json:
        raise RewardError("--watch prints for people: leave --format json out")
    brought = load_backends(backends, sandbox)
    outside = backends is not None or sandbox is not None
    job = _Job(
        paths,
        select or [],
        sets or [],
        bound,
        tokenizer,
        brought,
        outside,
        coverage,
        mutate,
        fail_under,
        junit,
        form,
    )
    with brought:
        return _watch(job) if watch else job.run()


@dataclass
class _File:
    """A spec with what its tests have come to."""

    path: str
    spec: Spec
    diagnostics: tuple[Diagnostic, ...]
    selection: Selection
    results: list[TestResult] = field(default_factory=list)
    coverage: CoverageReport | None = None
    mutation: MutationReport | None = None


@dataclass
class _Job:
    paths: list[str]
    select: list[str]
    sets: list[str]
    bound: list[str] | None
    tokenizer: str | None
    backends: Backends
    outside: bool
    coverage: bool
    mutate: bool
    fail_under: float | None
    junit: str | None
    form: Format
    files: list[_File] = field(default_factory=list)
    watched: set[Path] = field(default_factory=set)

    @property
    def full(self) -> bool:
        return self.form is Format.full

    def run(self) -> int:
        """Run everything once; what is known is told, whatever ends the run."""
        self.files = []
        self._load()
        if not any(file.spec.tests for file in self.files):
            print("error: there are no tests", file=sys.stderr)
            return codes.FAILED
        progress = ProgressLine()
        tokenizer = load_tokenizer(self.tokenizer)
        try:
            for file in self.files:
                self._tests(file, progress, tokenizer)
        except KeyboardInterrupt:
            progress.clear()
            self._tell()
            raise
        progress.clear()
        self._tell()
        return codes.OK if self._good() else codes.FAILED

    def _load(self) -> None:
        from rewardkit.testing import Selection
        from rewardkit.testing.select import check_selections
        from rewardkit.testing.watch import files_of

        targets: dict[Path, list[str]] = {}
        for word in self.paths:
            given, colons, name = word.partition("::")
            for found in specs_in([given]):
                names = targets.setdefault(found, [])
                if colons:
                    names.append(name)
        self.watched |= set(targets)
        for path, names in targets.items():
            spec, diagnostics = check(read_source(path))
            if spec is None:
                raise SpecError(diagnostics)
            self.watched |= files_of(spec)
            self.files.append(_File(visible(str(path)), spec, diagnostics, Selection.of(self.select, names)))
        check_selections([(file.spec, file.selection) for file in self.files])

    def _tests(self, file: _File, progress: ProgressLine, tokenizer: Any) -> None:
        from rewardkit.testing import Bench, run_tests
        from rewardkit.testing.coverage import Coverage

        tests = file.selection.tests(file.spec)
        if not tests:
            return
        if self.full:
            print(file.path + _warnings(file))
        seen = Coverage(file.spec) if self.coverage else None
        bench = Bench(
            observe=seen.add if seen is not None else None,
            progress=progress,
            tokenizer=tokenizer,
            externs=_own(externs(self.bound), file.spec),
            backends=self.backends,
            outside=self.outside,
        )

        def done(result: TestResult) -> None:
            file.results.append(result)
            if self.full:
                progress.clear()
                _show(result)

        given = params(self.sets, file.spec)
        run_tests(file.spec, tests, given, done, bench)
        if seen is not None:
            file.coverage = seen.report()
        if self.mutate and all(result.passed for result in file.results):
            bench.observe = bench.progress = None
            self._mutants(file, given, bench, progress)

    def _mutants(self, file: _File, given: dict[str, Any], bench: Bench, progress: ProgressLine) -> None:
        from rewardkit.testing.mutants import mutants
        from rewardkit.testing.mutate import MutationReport, mutate

        total = len(mutants(file.spec.module))
        file.mutation = MutationReport((), total)
        for outcome in mutate(file.spec, file.selection.tests(file.spec), given, bench):
            file.mutation = MutationReport((*file.mutation.outcomes, outcome), total)
            progress("mutants", len(file.mutation.outcomes), total)

    # --- what it came to -----------------------------------------------------------------------------

    def _tell(self) -> None:
        if self.junit is not None:
            from rewardkit.testing.junit import write_junit

            write_junit(self.junit, {file.path: file.results for file in self.files if file.results})
        if self.full:
            for file in self.files:
                _show_measures(file)
        results = [result for file in self.files for result in file.results]
        failed = sum(not result.passed for result in results)
        if self.full:
            print(f"{len(results) - failed} passed" + (f", {bad(f'{failed} failed')}" if failed else ""))
            for line in self._below():
                print(f"error: {visible(line)}", file=sys.stderr)
            return
        print_json(
            {
                "passed": len(results) - failed,
                "failed": failed,
                "tests": [{"file": f.path, **r.to_json()} for f in self.files for r in f.results],
                "coverage": [{"spec": f.path, **f.coverage.to_json()} for f in self.files if f.coverage],
                "mutation": [{"spec": f.path, **f.mutation.to_json()} for f in self.files if f.mutation],
                "below": self._below(),
            }
        )

    def _below(self) -> list[str]:
        """What is less than `--fail-under` asks for, and what could not be measured."""
        lines = []
        for file in self.files:
            least = 0.0 if self.fail_under is None else self.fail_under
            if file.coverage is not None and file.coverage.percent < least:
                lines.append(
                    f"the coverage of `{file.path}` is {file.coverage.percent:.1f}%, below {least:g}%"
                )
            if self.mutate and file.results and file.mutation is None:
                lines.append(
                    f"the mutants of `{file.path}` are skipped, because a test fails: make it pass first"
                )
            score = file.mutation.score if file.mutation is not None else None
            if score is not None and score < least:
                lines.append(f"of the mutants of `{file.path}` {score:.1f}% are killed, below {least:g}%")
        return lines

    def _good(self) -> bool:
        return not self._below() and all(result.passed for file in self.files for result in file.results)


def _own(bound: dict[str, Any], spec: Spec) -> dict[str, Any]:
    """Of the functions that `--extern` names, those that this spec declares: others may be another's."""
    return {name: function for name, function in bound.items() if name in spec.externs}


def _watch(job: _Job) -> int:
    """Run, wait for a change, run again; Ctrl-C ends it."""
    from rewardkit.testing.watch import snapshot, wait

    code = codes.OK
    try:
        while True:
            before = snapshot(job.watched)
            try:
                code = job.run()
            except SpecError as error:
                code = codes.WRONG_SPEC
                print_diagnostics(error.diagnostics, "full")
            except RewardError as error:
                code = codes.USAGE
                print(f"error: {visible(str(error))}", file=sys.stderr)
                if not job.watched:
                    return code
            # what was found on the way is watched from here on
            before |= {path: state for path, state in snapshot(job.watched).items() if path not in before}
            print("waiting for changes; Ctrl-C ends", flush=True)
            wait(before)
            print()
    except KeyboardInterrupt:
        return code


def _warnings(file: _File) -> str:
    """How many warnings a spec has, which say nothing of its tests."""
    count = len(file.diagnostics)
    if not count:
        return ""
    what, them = ("1 warning", "it") if count == 1 else (f"{count} warnings", "them")
    return f" ({what}: `rewardkit check {file.path}` shows {them})"


def _show(result: TestResult) -> None:
    mark = ok("pass") if result.passed else bad("FAIL")
    rows = f" ({'; '.join(map(str, result.rows))})" if result.rows and result.passed else ""
    print(f"  {mark}  {result.name}{rows}")
    if result.error is not None:
        print(f"        {visible(result.error)}")
    for failure in result.failures:
        print("\n".join("    " + line for line in render_full(failure).splitlines()))


def _show_measures(file: _File) -> None:
    own = file.spec.source
    if file.coverage is not None:
        seen, possible = file.coverage.seen, file.coverage.possible
        print(f"coverage of {file.path}: {file.coverage.percent:.1f}% ({seen} of {possible})")
        for branch, way in file.coverage.missing:
            print(f"  never {way}: {branch} at {_at(branch.span, own)}")
    report = file.mutation
    if report is not None:
        killed, survived = report.count("killed"), report.count("survived")
        score = "none to kill" if report.score is None else f"{report.score:.1f}% killed"
        print(
            f"mutants of {file.path}: {score} ({killed} of {killed + survived}); "
            f"{report.count('refused')} refused by the checker, {report.count('equal')} that change nothing, "
            f"{report.count('repeated')} that repeat another"
        )
        for mutant in report.survivors:
            print(f"  survived: {mutant.what} at {_at(mutant.span, own)}")
            for mark, lines in zip("-+", mutant.lines(), strict=True):
                print("".join(f"    {mark} {line.strip()}\n" for line in lines if line.strip()), end="")
        if len(report.outcomes) < report.total:
            print(f"  stopped after {len(report.outcomes)} of {report.total} mutants")


def _at(span: Any, own: Any) -> str:
    """A place, with its file where that is another one."""
    line, column = span.source.position(span.start)
    return f"{line}:{column}" if span.source is own else f"{span.source.name}:{line}:{column}"
