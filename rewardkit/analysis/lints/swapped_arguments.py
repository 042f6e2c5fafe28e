"""A verifier given the gold answer where it wants what the model wrote."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.analysis.lints.values import reads, replaced, walk
from rewardkit.checker.spec import Spec, Value
from rewardkit.checker.wording import text_of
from rewardkit.diagnostics import Edit


def find(spec: Spec) -> Iterator[Finding]:
    roots = [*spec.lets.values(), *(term.value for term in spec.terms.values())]
    for value in walk(*roots):
        if value.op != "call" or "gold" not in value.data.order or len(value.args) != 2:
            continue
        given = dict(zip(value.data.order, value.args, strict=True))
        gold = given.pop("gold")
        (found,) = given.values()
        if _from_row(found) and _from_model(gold):
            name = value.data.function.name
            swap = Edit(found.span, gold.span.text), Edit(gold.span, found.span.text)
            yield Finding(
                f"`{name}` wants what the model wrote first, and the gold answer second",
                value.span,
                f"write `{name}({text_of(gold)}, {text_of(found)})`",
                fix=replaced(value, *swap, title="exchange the two"),
            )


def _from_row(value: Value) -> bool:
    seen = reads(value)
    return bool(seen.gold) and not seen.form and not seen.lengths


def _from_model(value: Value) -> bool:
    seen = reads(value)
    return bool(seen.form) and not seen.gold


LINT = Lint("RK1020", "swapped-arguments", find)
