"""Everything that is to be known of a reward before it trains a policy, from its spec and from rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardkit.analysis.claims import CLAIM_SIZES, ClaimAnalysis, Progress, claims, lost
from rewardkit.analysis.collapse import COMPARED, SIZES, Collapse, collapse
from rewardkit.analysis.findings import Finding
from rewardkit.analysis.idle import Gate, gates, of_gates, of_weights
from rewardkit.analysis.observed import Observed, observed
from rewardkit.analysis.ranges import TermRange, dominated, ends, reward_range, term_ranges
from rewardkit.analysis.sample import Sample
from rewardkit.analysis.shares import Shares, TermStats, amplified, constant_in_groups, shares, term_stats
from rewardkit.diagnostics import RewardError
from rewardkit.normalizers import NORMALIZERS
from rewardkit.runtime.reward import Reward
from rewardkit.types.interval import Interval


@dataclass(frozen=True)
class OnRows:
    """What rows add. `shares` and `merges` need groups of two rows at least, else `without` says why not."""

    rows: int
    skipped: int
    faulted: int
    faults: Mapping[str, int]
    terms: tuple[TermStats, ...]
    shares: Shares | None
    merges: Observed | None
    without: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "skipped": self.skipped,
            "faulted": self.faulted,
            "faults": dict(self.faults),
            "terms": [term.to_json() for term in self.terms],
            "shares": None if self.shares is None else self.shares.to_json(),
            "merges": None if self.merges is None else self.merges.to_json(),
            "without": self.without,
        }


@dataclass(frozen=True)
class Analysis:
    """The whole of it; `render` shows it and `to_json` gives every number."""

    spec: str
    normalizer: str | None
    step: float
    params: Mapping[str, Any]
    terms: tuple[TermRange, ...]
    reward: Interval
    gates: tuple[Gate, ...]
    collapse: Collapse
    claims: tuple[ClaimAnalysis, ...]
    rows: OnRows | None
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "spec": self.spec,
            "normalizer": self.normalizer,
            "step": self.step,
            "params": dict(self.params),
            "terms": [term.to_json() for term in self.terms],
            "reward_range": ends(self.reward),
            "gates": [gate.to_json() for gate in self.gates],
            "distinct_advantages": self.collapse.to_json(),
            "claims": [claim.to_json() for claim in self.claims],
            "rows": None if self.rows is None else self.rows.to_json(),
            "findings": [finding.to_json() for finding in self.findings],
        }


def analyze(
    reward: Reward,
    sample: Sample | None = None,
    *,
    sizes: Sequence[int] | None = None,
    step: float = 0,
    normalizers: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Analyze a spec, and the rows that `collect` scored under it.

    Args:
        reward: the spec with this run's params.
        sample: scored rows; what needs them is left out otherwise.
        sizes: group sizes to count distinct advantages and to look at claims for (2 to 8; 2, 4 and 8).
        step: the training step, for weights and gates that depend on it.
        normalizers: names in the registry; those of `COMPARED` and the spec's own.
        progress: called with what is done, how much of it and how much there is.

    Raises:
        RewardError: the spec has no `reward`.
    """
    if not reward.spec.has_reward:
        raise RewardError(f"`{reward.spec.source.name}` has no `reward`: there is nothing to analyze")
    given = {name: reward.params[name] for name in reward.given}
    weights = reward.weights(step)
    for name, weight in zip(reward.terms, weights.tolist(), strict=True):
        if not math.isfinite(weight):
            raise RewardError(f"the weight of `{name}` cannot be computed at step {step:g}")
    terms = term_ranges(reward, weights.tolist(), given)
    of_spec = gates(reward, given)
    found = [*of_gates(of_spec), *of_weights(reward, terms), *dominated(terms)]
    advantage = reward.spec.advantage
    own = advantage.name if advantage else None
    if normalizers is None:
        extra = own is not None and own in NORMALIZERS and own not in COMPARED
        normalizers = (*COMPARED, str(own)) if extra else COMPARED
    of_claims = claims(reward.spec, CLAIM_SIZES if sizes is None else sizes, normalizers, progress)
    found += lost(of_claims, own)
    on_rows = None
    if sample is not None:
        on_rows = _on_rows(reward, sample, own, normalizers)
        if on_rows.shares is not None:
            found += amplified(on_rows.shares, on_rows.terms)
            known = {f.term for f in found if f.severity == "warning"}
            found += [f for f in constant_in_groups(on_rows.terms) if f.term not in known]
    return Analysis(
        reward.spec.source.name,
        own,
        step,
        reward.params,
        terms,
        reward_range(reward, terms, given),
        of_spec,
        collapse(reward, SIZES if sizes is None else sizes, step, normalizers),
        of_claims,
        on_rows,
        tuple(sorted(found, key=lambda f: f.severity != "warning")),
    )


def _on_rows(reward: Reward, sample: Sample, own: str | None, normalizers: Sequence[str]) -> OnRows:
    without = None
    if sample.groups is None:
        without = "give --group or --group-size: what a term does to an advantage is seen within groups only"
    elif len(sample.labels) == len(sample.groups):
        without = "every group has one row: what a term does to an advantage is seen in larger groups only"
    return OnRows(
        sample.rows,
        sample.skipped,
        sample.faulted,
        sample.faults,
        term_stats(sample, reward.terms),
        shares(sample, reward.terms, own, normalizers) if without is None else None,
        observed(sample, normalizers) if without is None else None,
        without,
    )
