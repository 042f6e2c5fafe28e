"""Claims to verdicts and witnesses. z3 is imported when a claim is decided, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rewardkit.checker.spec import Spec
from rewardkit.prover.verdict import Answer, Verdict, Witness, WitnessRow

if TYPE_CHECKING:
    from rewardkit.checker.spec import ClaimSpec, Value
    from rewardkit.runtime.reward import Reward

__all__ = [
    "Answer",
    "Verdict",
    "Witness",
    "WitnessRow",
    "holds",
    "prove",
    "prove_all",
]


def prove(spec: Spec, claim: ClaimSpec, *, effort: float = 1.0) -> Verdict:
    """The verdict on one claim of a spec.

    Args:
        spec: a checked spec.
        claim: one of `spec.claims`.
        effort: how long to search, as a multiple of the usual limit. The limit counts steps and no
            seconds, so the verdict is the same on every machine.
    """
    from rewardkit.prover.decide import decide
    from rewardkit.prover.solve import for_claim

    return decide(spec, claim, for_claim(effort))


def prove_all(
    spec: Spec | Reward, *, effort: float = 1.0, on_done: Callable[[Verdict], None] | None = None
) -> tuple[Verdict, ...]:
    """The verdicts on all claims of a spec, or of a loaded reward, in file order.

    All claims together may cost what some claims may that no search ends; what is left over when that is
    used up is undecided, and `prove` looks at each claim in full.
    """
    from rewardkit.prover.decide import decide
    from rewardkit.prover.solve import for_claim, for_file

    if not isinstance(spec, Spec):  # a reward is known by its spec, so that proving alone needs no engine
        spec = spec.spec
    verdicts = []
    whole = for_file(effort)
    for claim in spec.claims:
        verdicts.append(decide(spec, claim, for_claim(effort, whole), whole))
        if on_done is not None:
            on_done(verdicts[-1])
    return tuple(verdicts)


def holds(spec: Spec, condition: Value, *, effort: float = 1.0) -> Verdict:
    """Whether a condition (a gate, say) holds on every row that is not skipped, as if it were claimed."""
    from rewardkit.checker.spec import ClaimSpec

    return prove(spec, ClaimSpec("condition", condition, condition.span), effort=effort)
