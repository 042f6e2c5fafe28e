"""Deciding one claim: a proof with reals, then with whole numbers, then a witness."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import z3

from rewardkit.checker.spec import ClaimSpec, Spec
from rewardkit.prover.apart import apart
from rewardkit.prover.encode import Encoder
from rewardkit.prover.limits import TooLarge
from rewardkit.prover.queries import Question, ask
from rewardkit.prover.solve import Effort, Solver, alone
from rewardkit.prover.verdict import Verdict

if TYPE_CHECKING:
    from rewardkit.prover.candidate import RowCandidate
    from rewardkit.prover.reproduce import Replayed

#: round distances of a better row from a worse, the largest first
_MARGINS = ("10", "5", "2", "1", "0.5", "0.2", "0.1", "0.05", "0.01", "0.001")


BY_CLOCK = "the time for it was over, and not the search: another machine, or a larger effort, may decide it"


USED_UP = "the claims before it used up the search: `rewardkit prove` looks at each claim in full"


def decide(spec: Spec, claim: ClaimSpec, effort: Effort, whole: Effort | None = None) -> Verdict:
    """The verdict on a claim; the same on every machine, unless its reason is the clock.

    What it costs is taken from a `whole`, of which it gets no more than is left.
    """
    began, given = time.perf_counter(), effort.steps
    with alone():
        verdict = apart(lambda: _bounded(spec, claim, effort), effort)
    if whole is not None:
        whole.steps -= given - effort.steps
    if verdict.answer == "undecided" and whole is not None and _used_up(whole):
        verdict = replace(verdict, reason=USED_UP)
    elif verdict.answer == "undecided" and effort.by_clock:
        verdict = replace(verdict, reason=BY_CLOCK)
    return replace(verdict, seconds=time.perf_counter() - began)


def _used_up(whole: Effort) -> bool:
    return whole.steps <= 0 or time.monotonic() >= whole.until


def _bounded(spec: Spec, claim: ClaimSpec, effort: Effort) -> Verdict:
    try:
        return _decide(spec, claim, effort)
    except TooLarge as problem:
        return Verdict(claim, "undecided", str(problem))
    except RecursionError:
        return Verdict(claim, "undecided", "it is nested too deeply")
    except (z3.Z3Exception, MemoryError):  # terms that no memory was left for
        return Verdict(claim, "undecided", "it takes too much memory")


def _decide(spec: Spec, claim: ClaimSpec, effort: Effort) -> Verdict:
    if claim.form == "advantage":
        from rewardkit.prover.groups import decide_group

        return decide_group(spec, claim, effort)
    return settle(spec, claim, effort)[0]


def settle(spec: Spec, claim: ClaimSpec, effort: Effort) -> tuple[Verdict, tuple[RowCandidate, ...] | None]:
    """The verdict on a claim of one or two rows, and the rows that refute it.

    Raises:
        TooLarge: the claim has too many parts.
    """
    loose = ask(spec, claim, Encoder(spec, relaxed=True), closed=False)
    solver = Solver(loose, effort)
    found = solver.check(loose.broken)
    if found == "unsat":
        return _proved(claim, loose, solver), None
    exact = ask(spec, claim, Encoder(spec, relaxed=False), closed=False)
    solver = Solver(exact, effort)
    found = solver.check(exact.broken)
    if found == "unsat":
        return _proved(claim, exact, solver), None
    return _refute(spec, claim, exact, found, effort)


def _proved(claim: ClaimSpec, question: Question, solver: Solver) -> Verdict:
    """A proof, with what it is worth: whether it speaks of any row, and how far `outranks` is from a tie."""
    solver.limit(1 / 8)
    vacuous = solver.check() == "unsat"
    margin = None
    if claim.form == "outranks" and question.gap is not None and not vacuous:
        steps = (step for step in _MARGINS if solver.check(question.gap > f"-{step}") == "unsat")
        margin = next((f"by at least {step}" for step in steps), None)
    return Verdict(claim, "proved", vacuous=vacuous, margin=margin)


def _refute(
    spec: Spec, claim: ClaimSpec, exact: Question, found: str, effort: Effort
) -> tuple[Verdict, tuple[RowCandidate, ...] | None]:
    """A witness, for which the evaluator is needed; else why there is none."""
    from rewardkit.prover import witness
    from rewardkit.prover.block import witness_of

    outcomes = []
    for others in (0, 1) if exact.encoder.aggregates else (0,):
        question = ask(spec, claim, Encoder(spec, relaxed=False), closed=True, others=others)
        result = witness.find(spec, claim, question, effort)
        if not isinstance(result, str):
            rows, replayed = result
            made = witness_of(spec, claim, rows, replayed)
            return Verdict(claim, "refuted", witness=made, margin=_missed(claim, replayed)), rows
        outcomes.append(result)
    if not exact.encoder.exact or found == "unknown" or "spurious" in outcomes:
        from rewardkit.prover.search import search

        drawn = search(spec, claim, exact, effort)
        if drawn is not None:
            return Verdict(claim, "refuted", witness=witness_of(spec, claim, *drawn)), drawn[0]
    return Verdict(claim, "undecided", _reason(found, outcomes, exact)), None


def _missed(claim: ClaimSpec, replayed: Replayed) -> str | None:
    """By how much the rows of a witness are the wrong way round."""
    if claim.form != "outranks":
        return None
    by = replayed.score[1] - replayed.score[0]
    return f"fails by {by:.6g}" if by > 0 else "fails by a tie"


def _reason(found: str, outcomes: list[str], question: Question) -> str:
    if "spurious" in outcomes:
        return "a possible counterexample could not be reproduced"
    if found == "sat" and "unknown" in outcomes:
        return "a counterexample was not found within the limit of the search"
    if not question.encoder.exact:
        return "it depends on a curve, such as `exp` or `cos`, of which only bounds are known"
    if found == "sat" and question.encoder.aggregates:
        return "it depends on what the other rows of a group are"
    if found == "sat":
        return "only a call that fails could break it"
    return "the limit of the search was reached: it may multiply or divide too many free values"
