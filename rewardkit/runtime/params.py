"""The params of a spec, as a run gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from rewardkit.checker.spec import ParamSpec, Spec
from rewardkit.diagnostics import RewardError
from rewardkit.runtime.operations import real


def bind_params(spec: Spec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every param's value: what the run gives, held to its type and range, else the spec's own.

    Raises:
        RewardError: an unknown param, a wrong type, a value outside the range.
    """
    for name in given:
        if name not in spec.params:
            known = ", ".join(f"`{param}`" for param in spec.params) or "none"
            raise RewardError(f"the spec has no param `{name}`; its params are {known}")
    values = {}
    for name, param in spec.params.items():
        values[name] = _param(param, given[name]) if name in given else _plain(param.default, param)
    return values


def _param(param: ParamSpec, value: Any) -> Any:
    type_ = param.type
    if type_.kind in ("bool", "text"):
        if not isinstance(value, bool if type_.kind == "bool" else str):
            raise RewardError(f"the param `{param.name}` is `{type_}`, and the run gives {value!r}")
        return value
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | Fraction | np.number):
            raise ValueError
        exact = Fraction(value) if isinstance(value, Fraction) else Fraction(str(value))
    except (ValueError, OverflowError):
        raise RewardError(f"the param `{param.name}` is `{type_}`, and the run gives {value!r}") from None
    if type_.kind == "int" and exact.denominator != 1:
        raise RewardError(f"the param `{param.name}` is a whole number, and the run gives {value!r}")
    if param.range is not None and not param.range.contains(exact):
        raise RewardError(f"the param `{param.name}` must lie in {param.range}, and the run gives {value!r}")
    if not (-(2**63) <= exact < 2**63 if type_.kind == "int" else math.isfinite(real(exact))):
        raise RewardError(f"the param `{param.name}` does not fit in 64 bits")
    return _plain(exact, param)


def _plain(value: Any, param: ParamSpec) -> Any:
    if isinstance(value, Fraction):
        return int(value) if param.type.kind == "int" else float(value)
    return value
