"""`rewardkit prove`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from rewardkit.checker import check, read_source
from rewardkit.cli import codes
from rewardkit.cli.options import specs_in
from rewardkit.cli.show import Format, ProgressLine, bad, ok, print_diagnostics, print_json
from rewardkit.diagnostics import RewardError, SpecError, visible
from rewardkit.prover import Verdict, Witness, prove


def run(
    paths: Annotated[list[str], typer.Argument(metavar="SPEC…", help="`.rwd` files, or folders of them")],
    select: Annotated[
        str | None, typer.Option("-k", metavar="TEXT", help="only claims that contain this")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="exit 4 where a claim is not decided")] = False,
    effort: Annotated[float, typer.Option(min=0.01, max=1000, help="search so many times as long")] = 1.0,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Prove the claims of specs, or show a case that breaks them. A spec without claims breaks none."""
    from rewardkit.prover.findings import findings

    reports: list[dict[str, Any]] = []
    worst, tried, total = codes.OK, 0, 0
    progress = ProgressLine()
    for path in specs_in(paths):
        spec, diagnostics = check(read_source(path))
        if spec is None:
            raise SpecError(diagnostics)
        total += len(spec.claims)
        claims = [c for c in spec.claims if select is None or select.casefold() in c.text.casefold()]
        if claims and form is Format.full:
            print_diagnostics(diagnostics, "full")
            print(visible(str(path)))
        for number, claim in enumerate(claims):
            progress(claim.text, number, len(claims))
            verdict = prove(spec, claim, effort=effort)
            progress.clear()
            tried += 1
            worst = _worse(worst, verdict, strict)
            if form is Format.json:
                reports.append(
                    {"file": visible(str(path)), **report(spec.source.position(claim.span.start)[0], verdict)}
                )
                continue
            _show(verdict)
            sys.stdout.flush()
            print_diagnostics(findings(spec, [verdict]), "full")
    if form is Format.json:
        print_json(reports)
    if not tried:
        if select is not None:
            raise RewardError(f"no claim contains `{select}`{'' if total else '; there are none'}")
        print("note: there are no claims", file=sys.stderr)
    return worst


def _worse(worst: int, verdict: Verdict, strict: bool) -> int:
    if verdict.answer == "refuted" or worst == codes.WRONG_SPEC:
        return codes.WRONG_SPEC
    return codes.UNDECIDED if strict and verdict.answer == "undecided" else worst


def _show(verdict: Verdict) -> None:
    words = {"proved": ok("proved"), "refuted": bad("REFUTED"), "undecided": "not decided"}
    margin = f", {verdict.margin}" if verdict.margin else ""
    print(f"  {words[verdict.answer]}  {verdict.claim.text}  ({verdict.seconds:.2f} s{margin})")


def report(line: int, verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON."""
    return {
        "claim": verdict.claim.text,
        "line": line,
        "verdict": verdict.answer,
        "reason": verdict.reason or None,
        "vacuous": verdict.vacuous,
        "margin": verdict.margin,
        "seconds": round(verdict.seconds, 6),
        "witness": None if verdict.witness is None else _witness(verdict.witness),
    }


def _witness(witness: Witness) -> dict[str, Any]:
    return {
        "rows": [
            {"name": r.name, "given": dict(r.given), "mocks": dict(r.mocks), "values": dict(r.values)}
            for r in witness.rows
        ],
        "step": witness.step,
        "test": witness.test or None,
        "notes": list(witness.notes),
    }
