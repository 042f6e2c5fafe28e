"""From a breach that z3 found to a witness: the rows that the evaluator finds broken too."""

from __future__ import annotations

from fractions import Fraction

from rewardkit.checker.spec import ClaimSpec, Spec
from rewardkit.prover.candidate import RowCandidate
from rewardkit.prover.models import nothing_fails, truthful
from rewardkit.prover.queries import Question
from rewardkit.prover.reproduce import Replayed, Replayer
from rewardkit.prover.solve import Effort, Solver
from rewardkit.prover.terms import number

#: margins by which a breach is asked for, the clearest first
_MARGINS = (Fraction(1, 10), Fraction(1, 1000), None)


def find(
    spec: Spec, claim: ClaimSpec, question: Question, effort: Effort
) -> tuple[tuple[RowCandidate, ...], Replayed] | str:
    """Rows that break the claim as the spec runs; else `"unsat"`, `"unknown"` or `"spurious"`."""
    replayer = Replayer(spec, claim)
    outcome = "unsat"
    margins = _MARGINS if question.gap is not None else (None,)
    calm = nothing_fails(question)
    # mocks give values and nulls: where only a failure breaks the claim, a null stands for it
    attempts = [(margin, calm) for margin in margins] + ([(None, True)] if calm is not True else [])
    for margin, assumed in attempts:
        solver = Solver(question, effort, 1 / 2)
        solver.add(question.broken)
        solver.add(assumed)
        if margin is not None:
            solver.add(question.gap >= number(margin, question.encoder.context))
        found = solver.check()
        if found != "sat":
            outcome = outcome if found == "unsat" or outcome == "spurious" else found
            continue
        outcome = "spurious"
        for rows in truthful(spec, question, solver, fixed=claim.form == "direction"):
            replayed = replayer.replay(rows, strictly=not question.encoder.exact)
            if replayed is not None and replayed.broken:
                return rows, replayed
    return outcome
