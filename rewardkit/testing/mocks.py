"""Mocks at run time: steps and calls that a test fixes, and the calls that it may not make."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from rewardkit.checker.spec import MockSpec, TestSpec, Value
from rewardkit.compiler import Plan, compile_expects
from rewardkit.diagnostics import RewardError
from rewardkit.runtime.backends import Backends
from rewardkit.runtime.calls import Caller
from rewardkit.runtime.columns import column_of, values_of
from rewardkit.runtime.engine import CallMock, Engine, Given, Table
from rewardkit.runtime.results import Request
from rewardkit.types.function import Function
from rewardkit.types.interval import show
from rewardkit.types.types import UNITS

_DOES = {
    "exec": "runs a program",
    "model": "runs a model",
    "net": "asks an endpoint",
    "host": "is an extern that this run does not bind",
}


def mocked_lets(tests: Sequence[TestSpec]) -> frozenset[str]:
    """The lets that some test fixes: they need a step of their own."""
    return frozenset(mock.let for test in tests for mock in test.mocks if mock.let is not None)


def given_steps(
    test: TestSpec, plan: Plan, lets: Mapping[str, Value], rows: Mapping[str, int]
) -> dict[int, Given]:
    """The steps that the mocks of lets fix; `rows` says where each sample stands."""
    found: dict[int, Given] = {}
    for name in {mock.let: None for mock in test.mocks if mock.let is not None}:
        mask = np.zeros(len(rows), np.bool_)
        values: list[object] = [None] * len(rows)
        for mock in test.mocks:
            if mock.let == name and mock.sample is not None:
                mask[rows[mock.sample]] = True
                values[rows[mock.sample]] = _plain(mock)
        found[plan.lets[name]] = Given(mask, column_of(values, lets[name].type))
    return found


def call_mocks(test: TestSpec, n: int, rows: Mapping[str, int] | None = None) -> list[CallMock]:
    """The calls that are answered on N rows; without `rows`, those of every sample only."""
    found = []
    for mock in test.mocks:
        if mock.function is None or (mock.sample is not None and rows is None):
            continue
        mask = np.ones(n, np.bool_)
        if mock.sample is not None and rows is not None:
            mask = np.arange(n) == rows[mock.sample]
        found.append(CallMock(mock.function, mask, _plain(mock)))
    return found


def _plain(mock: MockSpec) -> object:
    """The value of a mock.

    Raises:
        RewardError: the function that makes it refuses its arguments.
    """
    value = mock.value
    if value.op == "constant":
        return value.data
    plan = compile_expects([value])
    engine = Engine(plan, Table(1, {}, {}, 0), Caller(Backends()))
    engine.run({plan.expects[0]: np.ones(1, np.bool_)})
    for fault in engine.faults():
        raise RewardError(f"the value of `mock {mock.path}` cannot be made: {fault.reason}")
    found: object = values_of(engine.columns[plan.expects[0]])[0]
    return found


def refuse_impure(
    samples: Collection[str], bound: Collection[str], outside: bool = False
) -> Callable[[Request], None]:
    """Refuses calls whose result is not the spec's alone: a test must give the same answer everywhere.

    Externs that are `bound` may be called; calls of programs, judges and models where the run reaches
    `outside` by its own wish.
    """

    def allow(request: Request) -> None:
        function = request.function
        # what the host binds to an extern it brings along for this run
        if function.purity == "pure" or (function.purity == "host" and function.name in bound):
            return
        if outside and function.purity != "host":
            return
        example = f"`mock {function.name} = {_example(function)}`"
        if request.engine.around is None and samples:
            sample = list(samples)[int(np.flatnonzero(request.rows)[0])]
            example += f", or for one sample, `mock {sample}.{function.name} = …`"
        raise RewardError(
            f"`{request.step.owner}` reaches `{function.name}`, which {_DOES[function.purity]}, and a test "
            f"calls nothing outside: say what it gives, {example}"
        )

    return allow


def _example(function: Function) -> str:
    """A value that a mock of the function may have."""
    type_ = function.result.required
    if type_.is_number:
        lo, hi = function.range.lo, function.range.hi
        number = lo if lo is not None else hi
        return ("1" if number is None else show(number)) + (UNITS[type_.unit] if type_.unit else "")
    made = "code.result(passed: 1, total: 1)"
    return {"bool": "true", "text": '"…"', "list": '"""[…]"""', "result": made}.get(type_.kind, "…")
