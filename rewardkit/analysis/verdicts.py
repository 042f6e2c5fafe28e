"""What a change does to the claims of two specs: those that were proved and are so no longer."""

from __future__ import annotations

from rewardkit.analysis.differences import Change
from rewardkit.checker.spec import Spec
from rewardkit.language.sketch import one_line

#: how a verdict reads
_SHOWN = {"proved": "proved", "refuted": "refuted", "undecided": "not decided"}


def verdict_changes(a: Spec, b: Spec) -> tuple[Change, ...]:
    """Claims of `b` whose verdict differs from the one in `a`, and new ones that are not proved."""
    before, after = _verdicts(a) if b.claims else {}, _verdicts(b)
    return tuple(
        Change("claim", claim, "verdict", before.get(claim), answer)
        for claim, answer in after.items()
        if answer != before.get(claim, "proved")
    )


def _verdicts(spec: Spec) -> dict[str, str]:
    if not spec.claims:
        return {}
    from rewardkit.prover import prove_all

    return {
        one_line(verdict.claim.span.text).removeprefix("prove "): _SHOWN[verdict.answer]
        for verdict in prove_all(spec)
    }
