"""A length compared with lengths of other prompts."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import reads, walk, weighted
from rewardkit.checker.spec import Spec
from rewardkit.checker.wording import text_of

_COMPARED = ("min", "max", "mean", "std", "rank")


def find(spec: Spec) -> Iterator[Finding]:
    for value in walk(*(term.value for term, *_ in weighted(spec))):
        if value.op != "aggregate" or value.data.scope != "batch" or value.data.function not in _COMPARED:
            continue
        if not reads(value).lengths:
            continue
        yield Finding(
            f"this compares `{reads(value).length}` between prompts",
            value.span,
            f"compare completions of one prompt: `{text_of(value, 60).replace('over batch', 'over group')}`",
            notes=("a hard prompt has long answers, and which prompts share a batch is chance",),
        )


LINT = Lint("RK1017", "batch-for-group", find)
