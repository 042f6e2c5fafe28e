"""`rewardkit check`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardkit.analysis.fixes import Fixed, findings, fixed
from rewardkit.analysis.lints import lint
from rewardkit.checker import Spec, check, read_source
from rewardkit.cli import codes
from rewardkit.cli.files import difference, replace_file
from rewardkit.cli.options import specs_in
from rewardkit.cli.show import DiagnosticFormat, ok, print_diagnostics, print_json
from rewardkit.diagnostics import Diagnostic, Source, to_json

if TYPE_CHECKING:
    from rewardkit.prover import Verdict


def run(
    paths: Annotated[list[str], typer.Argument(metavar="SPEC…", help="`.rwd` files, or folders of them")],
    strict: Annotated[bool, typer.Option("--strict", help="exit 4 where a claim is not decided")] = False,
    no_lint: Annotated[bool, typer.Option("--no-lint", help="show errors and warnings only")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="write the fixes that keep what a spec means")] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe-fixes", help="write every fix, those that are a guess too")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="show what --fix would change, and write nothing")
    ] = False,
    form: Annotated[DiagnosticFormat, typer.Option("--format", help="how to print")] = DiagnosticFormat.full,
) -> int:
    """Check specs: syntax, names, types, units, ranges, nulls, levels and claims."""
    reports: list[dict[str, Any]] = []
    found: list[Diagnostic] = []
    worst = codes.OK
    for path in specs_in(paths):
        source = read_source(path)
        changed: Fixed | None = None
        if fix or unsafe or diff:
            changed = fixed(source, unsafe=unsafe, look=_checked if no_lint else findings)
            source = _changed(source, changed, diff, form)
        spec, diagnostics = check(source)
        verdicts: tuple[Verdict, ...] = ()
        if spec is not None and spec.claims:
            from rewardkit.prover import prove_all
            from rewardkit.prover.findings import findings as of_claims

            verdicts = prove_all(spec)
            diagnostics += of_claims(spec, verdicts)
        code = _code(spec, diagnostics, strict)
        worst = codes.WRONG_SPEC if codes.WRONG_SPEC in (worst, code) else max(worst, code)
        if not no_lint:
            diagnostics += lint(spec or source)
        if form is DiagnosticFormat.json:
            reports.append(_report(source.name, spec, diagnostics, verdicts, changed))
            continue
        if form is not DiagnosticFormat.full:
            found.extend(diagnostics)
            continue
        print_diagnostics(diagnostics, "full")
        errors = sum(d.is_error for d in diagnostics)
        if spec is not None and not errors:
            print(f"{source.name}: {ok('ok')}, {summary(spec, verdicts)}")
        else:
            print(f"{source.name}: {errors} error{'s' if errors != 1 else ''}")
    if form is DiagnosticFormat.json:
        print_json(reports)
    elif form is not DiagnosticFormat.full:
        print_diagnostics(found, form)
    return worst


def _checked(source: Source) -> tuple[Diagnostic, ...]:
    return check(source)[1]


def _changed(source: Source, changed: Fixed, diff: bool, form: DiagnosticFormat) -> Source:
    """The file as it is from here on: written, unless only the difference is wanted."""
    if form is DiagnosticFormat.full:
        for refused in changed.refused:
            print(f"{source.name}: left out {refused}", file=sys.stderr)
        if changed.guesses == 1:
            advice = "1 fix left out that is a guess; --unsafe-fixes writes it"
            print(f"{source.name}: {advice}", file=sys.stderr)
        elif changed.guesses:
            advice = f"{changed.guesses} fixes left out that are a guess; --unsafe-fixes writes them"
            print(f"{source.name}: {advice}", file=sys.stderr)
    if changed.text == source.text:
        return source
    if diff:
        if form is DiagnosticFormat.full:
            print(difference(source.name, source.text, changed.text, "fixed"), end="")
        return source
    assert source.path is not None
    replace_file(source.path, changed.text)
    if form is DiagnosticFormat.full:
        for done in changed.done:
            print(f"{source.name}: fixed {done}", file=sys.stderr)
    return Source(source.name, changed.text, source.path)


def _code(spec: Spec | None, diagnostics: tuple[Diagnostic, ...], strict: bool) -> int:
    if spec is None or any(d.is_error for d in diagnostics):
        return codes.WRONG_SPEC
    undecided = any(d.code == "RK0305" for d in diagnostics)
    return codes.UNDECIDED if strict and undecided else codes.OK


def summary(spec: Spec, verdicts: tuple[Verdict, ...] = ()) -> str:
    """`2 terms, reward in [0, 1.2], 6 tests, 2 claims proved`."""
    parts = [_count(len(spec.terms), "term")]
    if spec.has_reward:
        parts.append(f"reward in {spec.reward_interval}")
    else:
        parts.append("no reward")
    parts.append(_count(len(spec.tests), "test"))
    proved = sum(verdict.answer == "proved" for verdict in verdicts)
    if verdicts:
        of = "" if proved == len(verdicts) else f" of {len(verdicts)}"
        parts.append(f"{proved}{of} claim{'s' if len(verdicts) != 1 else ''} proved")
    return ", ".join(parts)


def _count(n: int, word: str) -> str:
    return f"{n} {word}{'s' if n != 1 else ''}"


def _report(
    name: str,
    spec: Spec | None,
    diagnostics: tuple[Diagnostic, ...],
    verdicts: tuple[Verdict, ...],
    changed: Fixed | None,
) -> dict[str, Any]:
    report: dict[str, Any] = {
        "file": name,
        "ok": spec is not None and not any(d.is_error for d in diagnostics),
        "diagnostics": [to_json(d) for d in diagnostics],
    }
    if changed is not None:
        report["fixed"] = list(changed.done)
        report["refused"] = list(changed.refused)
        report["guesses"] = changed.guesses
    if spec is not None:
        weighed = {name for name, _ in spec.weights}
        report["terms"] = [
            {"name": name, "range": str(term.interval), "weighed": name in weighed}
            for name, term in spec.terms.items()
        ]
        report["reward"] = str(spec.reward_interval) if spec.has_reward else None
        report["tests"] = [test.name for test in spec.tests]
        report["claims"] = [{"claim": v.claim.text, "verdict": v.answer} for v in verdicts]
    return report
