"""What the prover answers: verdicts, witnesses, and the question that was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rewardkit.checker.spec import ClaimSpec

Answer = Literal["proved", "refuted", "undecided"]


@dataclass(frozen=True)
class WitnessRow:
    """One row of a counterexample: what it is given, what its calls return, and what comes of it."""

    name: str
    given: Mapping[str, Any]  # path -> value, as a sample of a test gives it
    mocks: Mapping[str, Any]  # let or function -> what it returns
    values: Mapping[str, float | bool | None]  # terms, `reward` and `advantage`, as evaluated


@dataclass(frozen=True)
class Witness:
    """A counterexample that the evaluator has reproduced.

    `params` and `step` are the same for all rows. `test` is a test block that states the claim for
    these rows, so it fails until the spec is mended. `notes` say what the block cannot.
    """

    rows: tuple[WitnessRow, ...]
    params: Mapping[str, Any]
    step: int
    test: str
    notes: tuple[str, ...] = ()
    grouped: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds. `reason` says why it is undecided, or what a refutation comes to."""

    claim: ClaimSpec
    answer: Answer
    reason: str = ""
    witness: Witness | None = None
    margin: str | None = None  # how far the claim is from failing, or by how much it fails
    vacuous: bool = False  # proved because no row is as the claim says
    seconds: float = 0.0
