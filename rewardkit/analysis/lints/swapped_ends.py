"""Two params named after a lowest and a highest value, the wrong way round."""

from __future__ import annotations

from collections.abc import Iterator

from rewardkit.analysis.lints.lint import Finding, Lint
from rewardkit.checker.spec import Spec
from rewardkit.diagnostics import Label
from rewardkit.types.interval import show

_PAIRS = (("min", "max"), ("lowest", "highest"), ("lo", "hi"), ("lower", "upper"))


def find(spec: Spec) -> Iterator[Finding]:
    for name, low in spec.params.items():
        words = name.split("_")
        for lowest, highest in _PAIRS:
            if words.count(lowest) != 1:
                continue
            high = spec.params.get("_".join(highest if word == lowest else word for word in words))
            if high is None or low.type != high.type or not low.type.is_number or low.default <= high.default:
                continue
            yield Finding(
                f"`{name}` is {show(low.default)}, above `{high.name}`, which is {show(high.default)}",
                low.span,
                "exchange the values, or name the ends after where they stand: `at_start`, `at_end`",
                labels=(Label(high.span, f"is {show(high.default)}"),),
            )


LINT = Lint("RK1016", "swapped-ends", find)
