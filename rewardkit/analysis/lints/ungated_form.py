"""A length or format term that counts for wrong answers too, and weighs as much as being right."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import reads, tells_right, term_parts, weighted, width
from rewardkit.checker.spec import Spec, TermSpec
from rewardkit.diagnostics import Label
from rewardkit.types.interval import show
from rewardkit.types.types import BOOL


def find(spec: Spec) -> Iterator[Finding]:
    surface: list[tuple[TermSpec, Fraction | None]] = []
    right = Fraction(0)
    for term, _, _, size in weighted(spec):
        reach = width(term.interval)
        swing = None if size is None or reach is None else size * reach
        seen = reads(term.value)
        if seen.surface_only:
            surface.append((term, swing))
        elif seen.gold and reads(term_parts(term)[0]).gold:
            if swing is None:
                return  # being right may be worth anything
            right += swing
    swings = [swing for _, swing in surface]
    total = None if None in swings else sum((s for s in swings if s is not None), Fraction(0))
    if not right or (total is not None and total < right) or total == 0:
        return
    largest = max(surface, key=lambda item: (item[1] is None, item[1] or 0))[0]
    others = tuple(Label(t.span, "so does this") for t, _ in surface if t is not largest)
    gate = _gate(spec)
    yield Finding(
        f"`{largest.name}` counts for wrong answers too, and can make up for being wrong",
        largest.span,
        f"let it count for right answers only, `term {largest.name} when {gate} = …`, or lower its weight",
        labels=others,
        notes=(
            f"what only looks at the completion moves the reward by {_up_to(total)}, what is right by "
            f"{show(right)}",
        ),
    )


def _up_to(total: Fraction | None) -> str:
    return "any amount" if total is None else f"up to {show(total)}"


def _gate(spec: Spec) -> str:
    """A named condition that tells right answers."""
    for name, value in spec.lets.items():
        if value.type == BOOL and tells_right(value):
            return name
    return "correct"


LINT = Lint("RK1001", "ungated-form", find)
