"""Claims that hold in the reward, and whether the advantage keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rewardkit.analysis.collapse import COMPARED
from rewardkit.analysis.findings import Finding
from rewardkit.checker.spec import AdvantageSpec, ClaimSpec, Spec
from rewardkit.prover import Answer, Verdict, prove

#: group sizes that claims are looked at for where the caller names none
CLAIM_SIZES = (2, 4, 8)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class InAdvantage:
    """A claim about the advantage in groups of one size, under one normalizer with the spec's options."""

    normalizer: str
    size: int
    answer: Answer
    reason: str
    test: str | None  # a test block with the group that breaks it

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__}


@dataclass(frozen=True)
class ClaimAnalysis:
    """An `outranks` claim; `advantages` is empty where it does not hold in the reward."""

    text: str
    in_reward: Answer
    advantages: tuple[InAdvantage, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "claim": self.text,
            "in_reward": self.in_reward,
            "in_advantage": [found.to_json() for found in self.advantages],
        }


def claims(
    spec: Spec,
    sizes: Sequence[int] = CLAIM_SIZES,
    normalizers: Sequence[str] = COMPARED,
    progress: Progress | None = None,
) -> tuple[ClaimAnalysis, ...]:
    """What becomes of each claim that one kind of row outranks another in the reward.

    Args:
        spec: whose claims are looked at, for all that its params may be.
        sizes: group sizes; those below 2 are left out.
        normalizers: names in the registry.
        progress: called with what is done, how much of it and how much there is.
    """
    wanted = [claim for claim in spec.claims if claim.form == "outranks" and claim.scope == "reward"]
    several = [size for size in sizes if size > 1]
    return tuple(_claim(spec, claim, several, normalizers, progress) for claim in wanted)


def _claim(
    spec: Spec, claim: ClaimSpec, sizes: Sequence[int], normalizers: Sequence[str], progress: Progress | None
) -> ClaimAnalysis:
    in_reward = prove(spec, claim).answer
    if in_reward != "proved":
        return ClaimAnalysis(claim.text, in_reward, ())
    found = []
    todo = [(name, size) for name in normalizers for size in sizes]
    for done, (name, size) in enumerate(todo):
        verdict = prove(_under(spec, name, claim), replace(claim, form="advantage", group_size=size))
        found.append(_in_advantage(name, size, verdict))
        if progress is not None:
            progress("claims in advantages", done + 1, len(todo))
    return ClaimAnalysis(claim.text, in_reward, tuple(found))


def _under(spec: Spec, normalizer: str, claim: ClaimSpec) -> Spec:
    """The spec with another normalizer; its options stay with its own."""
    own = spec.advantage
    if own is not None and own.name == normalizer:
        return spec
    scale = own.scale if own is not None else None
    return replace(spec, advantage=AdvantageSpec(normalizer, {}, scale, own.span if own else claim.span))


def _in_advantage(normalizer: str, size: int, verdict: Verdict) -> InAdvantage:
    test = verdict.witness.test if verdict.witness is not None else None
    return InAdvantage(normalizer, size, verdict.answer, verdict.reason, test)


def lost(found: Sequence[ClaimAnalysis], own: str | None) -> tuple[Finding, ...]:
    """Claims that a normalizer breaks: a warning where it is the spec's own, or the spec names none."""
    out = []
    for claim in found:
        broken: dict[str, list[int]] = {}
        for line in claim.advantages:
            if line.answer == "refuted":
                broken.setdefault(line.normalizer, []).append(line.size)
        for name, sizes in broken.items():
            groups = " and ".join(map(str, sizes))
            out.append(
                Finding(
                    "claim-lost",
                    "warning" if own in (name, None) else "note",
                    None,
                    f"`{claim.text}` holds in the reward, but not in the advantage under {name}, in groups "
                    f"of {groups}",
                    f"to have it checked, write `prove {claim.text} in advantage for groups of {sizes[0]}`",
                )
            )
    return tuple(out)
