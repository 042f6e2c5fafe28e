"""Functions that only tests have: one per executor, and one per way to fail. What they are called with is
counted by the runtime (`Reward.counts`) and by the reference evaluator."""

from typing import Any

import pytest

from rewardkit import library
from rewardkit.types.function import Function, Parameter
from rewardkit.types.interval import between
from rewardkit.types.types import BOOL, INT, REAL, TEXT


def _flaky(x: int) -> int:
    if x % 3 == 0:
        raise ValueError(f"{x} is a multiple of 3")
    return x


def _function(
    name: str, parameter: Any, result: Any, executor: Any, implementation: Any, **more: Any
) -> Function:
    parameters = (Parameter("x", parameter),)
    return Function(f"probe.{name}", parameters, result, name, executor, implementation, **more)


PROBES = (
    _function("flaky", INT, INT, "inline", _flaky, faults=True),
    _function("half", INT, INT.nullable, "inline", lambda x: None if x % 2 else x // 2),
    _function("even", INT, BOOL, "inline", lambda x: x % 2 == 0),
    _function("shout", TEXT, TEXT, "inline", str.upper),
    _function("third", REAL, REAL, "inline", lambda x: x / 3),
    _function("length", TEXT, INT, "batch", lambda tasks: [len(text) for (text,) in tasks]),
    _function("read", TEXT, INT, "worker", "builtins:int", faults=True, deadline=20.0),
    _function("unit", REAL, REAL, "inline", lambda x: x, range=between(0, 1), faults=True),
    _function(
        "wrong", INT, INT, "inline", lambda x: "text" if x == 1 else None if x == 2 else x, faults=True
    ),
    _function("huge", INT, INT, "inline", lambda x: x * 10**30, faults=True),
    _function("vast", INT, REAL, "inline", lambda x: x * 10**400, faults=True),
    _function("stuck", TEXT, INT, "worker", "builtins:eval", faults=True, deadline=0.5),
)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the probes functions of the language for one test."""
    known = {**library.functions(), **{probe.name: probe for probe in PROBES}}
    monkeypatch.setattr(library, "functions", lambda: known)
