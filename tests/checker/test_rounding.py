"""Where floats could cross 0 or leave a range although exact numbers do not: `Value.faults` says so."""

from __future__ import annotations

import pytest
from checking import checked

INPUTS = """
input x: real in [0.3000000000000001, 1]
input s: real in [0, 1]
input k: int in [1, 9]
input a: real in [0, inf)
input any: real
"""

#: the checker lets these pass, and a run may fail
MAY_FAIL = [
    "1 / (x - 0.1 - 0.2)",
    "log(x - 0.1 - 0.2)",
    "sqrt(x - 0.1 - 0.2)",
    "1 / floor(10 * x / 3)",
    "round(s * 9223372036854775807)",
    "1 / ((1e16 + s) - (1e16 - 1))",
]
#: these never do
SAFE = [
    "1 / k",
    "1 / (k + 1)",
    "1 / (10 - k)",
    "1 / (1 + s)",
    "1 / (1 + min(a, 10))",
    "1 / (2 - s)",
    "1 / max(any, 0.5)",
    "1 / max(s - 5, 0.5)",
    "1 / (if any > 1 then any else 1)",
    "1 / (count() over group)",
    "1 / (mean(k) over group)",
    "1 / (1 + s * s)",
    "1 / -k",
    "1 / min(-x, 5)",
    "1 / (3 * x)",
    "log(1 + s)",
    "log(x)",
    "sqrt(s)",
    "sqrt(max(s, x) - s)",
    "sqrt(abs(s - x))",
    "1 / exp(s)",
    "x - 0.1 - 0.2",
]


@pytest.mark.parametrize("expression", MAY_FAIL)
def test_may_fail(expression: str) -> None:
    assert checked(f"{INPUTS}let v = {expression}").lets["v"].faults


@pytest.mark.parametrize("expression", SAFE)
def test_safe(expression: str) -> None:
    assert not checked(f"{INPUTS}let v = {expression}").lets["v"].faults


def test_a_term_that_rounding_takes_out_of_its_range() -> None:
    spec = checked(
        f"{INPUTS}term t in [0, 1] = (s + 1e16) - 1e16\nterm u in [0, 1] = 1 - clamp(s * 1e9, 0, 1)"
    )
    assert spec.terms["t"].value.faults and not spec.terms["u"].value.faults
