"""Claims of a file and what they come to. Claims are numbered as they stand in the file, from 0."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rewardkit.checker import Spec
from rewardkit.diagnostics import Diagnostic, Edit, Fix, Span
from rewardkit.prover import Verdict, prove
from rewardkit.prover.findings import findings

_ANSWERS = {"proved": "proved", "refuted": "refuted", "undecided": "not decided"}


@dataclass(frozen=True)
class Claim:
    """What a claim came to: `answer` in a word or two, all there is to say about it, what is wrong."""

    span: Span
    answer: str
    text: str
    diagnostic: Diagnostic | None = None


def decide(spec: Spec, number: int) -> Claim:
    """The verdict on one claim of a checked spec. All claims are decided in one thread: z3 wants that."""
    verdict = prove(spec, spec.claims[number])
    found = findings(spec, [verdict], tests=False)
    diagnostic = replace(found[0], fix=_as_test(spec, verdict)) if found else None
    answer = _ANSWERS[verdict.answer] + (", but of no row" if verdict.vacuous else "")
    return Claim(verdict.claim.span, answer, _text(verdict, answer, diagnostic), diagnostic)


def _text(verdict: Verdict, answer: str, diagnostic: Diagnostic | None) -> str:
    """A claim, its verdict, and what there is to see: reason, margin, witness."""
    lines = [f"{answer}: {verdict.claim.text}"]
    if verdict.margin:
        lines.append(f"margin: {verdict.margin}")
    if diagnostic is not None:
        lines += [diagnostic.message, *([diagnostic.primary.text] if diagnostic.primary.text else [])]
        lines += diagnostic.notes
        lines += [f"help: {diagnostic.help}"] if diagnostic.help else []
    if verdict.witness is not None and verdict.witness.test:
        lines += ["", verdict.witness.test]
    return "\n".join(lines)


def _as_test(spec: Spec, verdict: Verdict) -> Fix | None:
    """The witness as a test at the end of the file; it fails until the spec is mended."""
    if verdict.witness is None or not verdict.witness.test:
        return None
    end = len(spec.source.text)
    gap = "\n" if spec.source.text.endswith("\n") else "\n\n"
    edit = Edit(Span(spec.source, end, end), f"{gap}{verdict.witness.test.strip()}\n")
    return Fix("add the case that breaks the claim as a test", (edit,))
