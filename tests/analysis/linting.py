"""Linting specs in tests."""

from __future__ import annotations

from rewardkit.analysis.lints import lint
from rewardkit.checker import check
from rewardkit.diagnostics import Diagnostic, Source, render_full


def linted(text: str) -> tuple[Diagnostic, ...]:
    """What the lints find in a spec that checks."""
    spec, found = check(Source("spec.rwd", text))
    assert spec is not None, "\n".join(render_full(d) for d in found)
    return lint(spec)


def names(text: str) -> set[str]:
    from rewardkit.analysis.lints import LINTS

    by_code = {each.code: each.name for each in LINTS.values()}
    return {by_code[d.code] for d in linted(text)}
