"""Checking specs in tests."""

from __future__ import annotations

from rewardkit.checker import Spec, check
from rewardkit.diagnostics import Source, render_full


def checked(text: str) -> Spec:
    """The spec of a text without errors."""
    spec, found = check(Source("spec.rwd", text))
    assert spec is not None, "\n".join(render_full(d) for d in found)
    return spec


def codes(text: str) -> list[str]:
    """The codes of all findings, in file order."""
    return [d.code for d in check(Source("spec.rwd", text))[1]]


def messages(text: str) -> list[str]:
    return [d.message for d in check(Source("spec.rwd", text))[1]]
