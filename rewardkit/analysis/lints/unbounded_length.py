"""A term of the reward that grows without end with the length."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import reads, weighted
from rewardkit.checker.spec import Spec


def find(spec: Spec) -> Iterator[Finding]:
    for term, _, _, _ in weighted(spec):
        seen = reads(term.value)
        low, high = term.interval.lo, term.interval.hi
        if not seen.lengths or (low is not None and high is not None) or term.value.data.range is not None:
            continue
        if seen.endless:
            continue  # an input without a range may be what has no end
        what = f"`{seen.length}`"
        ends = f"no lowest value with {what}" if low is None else f"no highest value with {what}"
        yield Finding(
            f"`{term.name}` has {ends}",
            term.value.args[0].span,
            "take a share of a budget and hold it: `clamp(completion.tokens / budget, 0, 1)`; or declare the "
            "range of the term",
        )


LINT = Lint("RK1005", "unbounded-length", find)
