"""A negative weight on a penalty: the penalty pays."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import weighted
from rewardkit.checker.spec import Spec
from rewardkit.diagnostics import Edit, Fix, Label
from rewardkit.language.sketch import brief


def find(spec: Spec) -> Iterator[Finding]:
    for term, weight, sign, _ in weighted(spec):
        low, high = term.interval.lo, term.interval.hi
        if sign >= 0 or high is None or high > 0 or low == 0:
            continue
        written = weight.span.text
        positive = written.removeprefix("-").lstrip()
        fix = Fix(f"write `{brief(positive)}`", (Edit(weight.span, positive),))
        yield Finding(
            f"`{term.name}` is never positive, so a negative weight makes it pay",
            weight.span,
            "write a positive weight: the term has its sign already",
            labels=(Label(term.span, f"in {term.interval}"),),
            fix=fix if written.startswith("-") else None,
        )


LINT = Lint("RK1014", "double-negative", find)
