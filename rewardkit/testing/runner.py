"""Running the `test` blocks of a spec: samples are scored as rows, then each `expect` is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.checker.spec import ExpectSpec, SampleSpec, Spec, TestSpec, Value
from rewardkit.compiler import compile_expects
from rewardkit.diagnostics import Diagnostic, Label, RewardError
from rewardkit.normalizers.apply import advantage
from rewardkit.runtime.cache import Cache
from rewardkit.runtime.calls import Caller
from rewardkit.runtime.columns import Column, take, values_of
from rewardkit.runtime.engine import Engine, Table
from rewardkit.runtime.pool import shared_pool
from rewardkit.runtime.reward import Reward
from rewardkit.runtime.rows import Rows
from rewardkit.runtime.scores import Scores


@dataclass(frozen=True)
class TestResult:
    """How one test ended. `failures` are diagnostics at the expectations that do not hold."""

    __test__ = False  # not a pytest class

    name: str
    line: int
    failures: tuple[Diagnostic, ...]
    error: str | None
    seconds: float

    @property
    def passed(self) -> bool:
        return not self.failures and self.error is None


def select_tests(spec: Spec, wanted: str | None) -> tuple[TestSpec, ...]:
    """The tests whose name contains `wanted`, upper and lower case alike; all by default."""
    if wanted is None:
        return spec.tests
    return tuple(test for test in spec.tests if wanted.casefold() in test.name.casefold())


def run_tests(
    spec: Spec,
    tests: Sequence[TestSpec],
    params: Mapping[str, Any] | None = None,
    on_done: Callable[[TestResult], None] | None = None,
) -> list[TestResult]:
    """Run tests in file order; what goes wrong in one is that test's own result."""
    reward = Reward(spec, params)
    results = []
    for test in tests:
        began = time.perf_counter()
        failures: tuple[Diagnostic, ...] = ()
        error = None
        try:
            failures = run_test(reward, test)
        except RewardError as problem:
            error = str(problem).strip()
        line = spec.source.position(test.span.start)[0]
        results.append(TestResult(test.name, line, failures, error, time.perf_counter() - began))
        if on_done:
            on_done(results[-1])
    return results


def run_test(reward: Reward, test: TestSpec) -> tuple[Diagnostic, ...]:
    """The expectations of a test that do not hold.

    Raises:
        RewardError: the test cannot run.
    """
    if test.later:
        raise RewardError(f"the test uses `{test.later[0]}`, which this version of rewardkit cannot run")
    values = _Samples(reward, test)
    columns = {f"{s}.{f}": values.column(s, f) for expect in test.expects for s, f in expect.reads}
    caller = Caller(shared_pool, Cache())
    return tuple(
        failure for expect in test.expects if (failure := _look(expect, columns, caller, values)) is not None
    )


class _Samples:
    """The scored samples of a test."""

    def __init__(self, reward: Reward, test: TestSpec) -> None:
        self.samples = {sample.name: i for i, sample in enumerate(test.samples)}
        self._reward = reward
        n = len(test.samples)
        rows = [_row(reward.spec, test, sample) for sample in test.samples]
        mapping = {name: name for name in reward.spec.inputs}
        groups = _groups(test)
        used: dict[str, NDArray[np.bool_]] = {}
        for expect in test.expects:
            for sample, field in expect.reads:
                if field in reward.spec.lets and field not in reward.spec.terms:
                    used.setdefault(field, np.zeros(n, np.bool_))[self.samples[sample]] = True
        self._evaluation = reward.evaluate(
            Rows(rows, mapping), group=groups, step=_step(test), params=_params(reward, test), uses=used
        )
        self.scores: Scores = reward.scores_of(self._evaluation)
        self._advantages = self._normalize(test) if _reads(test, "advantage") else None

    def _normalize(self, test: TestSpec) -> NDArray[np.float64]:
        """The advantages of the samples that stand in groups; those outside have none."""
        inside = np.array([sample.group is not None for sample in test.samples])
        varying = _params(self._reward, test)
        if any(
            len(set(np.asarray(v).tolist())) > 1 for k, v in varying.items() if k in self._weight_params()
        ):
            raise RewardError("samples of a test with advantages cannot change params that the weights read")
        out = np.full(len(inside), np.nan)
        out[inside] = advantage(rows_of(self.scores, inside))
        return out

    def _weight_params(self) -> set[str]:
        steps = self._reward.plan.steps
        found: set[str] = set()
        stack = [number for _, number in self._reward.plan.weights]
        while stack:
            step = steps[stack.pop()]
            stack.extend(step.args)
            if step.op == "param":
                found.add(step.data)
        return found

    def column(self, sample: str, field: str) -> Column:
        """One value as a column of one row."""
        row = self.samples[sample]
        if field == "advantage":
            assert self._advantages is not None
            return _number(self._advantages[row])
        if field == "reward":
            return _number(self.scores.total[row])
        plan = self._reward.plan
        number = plan.terms[field] if field in plan.terms else plan.lets[field]
        found = take(self._evaluation.engine.columns[number], np.array([row]))
        missing = found.null | ~found.done | self.scores.skipped[row]
        return Column(found.data, missing, np.zeros(1, np.bool_), np.ones(1, np.bool_))

    def faults(self, expect: ExpectSpec) -> tuple[str, ...]:
        """Notes on what failed in the samples that the expectation reads."""
        rows = {self.samples[sample]: sample for sample, _ in expect.reads}
        return tuple(
            f"in `{rows[f['row']]}`, {f['function'] or f['name']} failed: {f['reason']}"
            for f in self.scores.faults.iter_rows(named=True)
            if f["row"] in rows
        )


def rows_of(scores: Scores, keep: NDArray[np.bool_]) -> Scores:
    """The scores of some rows only."""
    return replace(
        scores,
        matrix=scores.matrix[keep],
        total=scores.total[keep],
        skipped=scores.skipped[keep],
        masked=scores.masked[keep],
        groups=None if scores.groups is None else scores.groups[keep],
        scale=None if scores.scale is None else scores.scale[keep],
        gates={name: gate[keep] for name, gate in scores.gates.items()},
        frame=scores.frame.filter(keep),
    )


def _number(value: float) -> Column:
    """One number as a column; NaN is null."""
    missing = np.isnan([value])
    return Column(np.array([value]), missing, np.zeros(1, np.bool_), np.ones(1, np.bool_))


def _row(spec: Spec, test: TestSpec, sample: SampleSpec) -> dict[str, Any]:
    """A sample as a row: what it gives, and `null` for the inputs it may leave out."""
    given = test.values[sample.name]
    row: dict[str, Any] = {name: given.get(name) for name in spec.inputs}
    for side in ("prompt", "completion"):
        text, messages = given.get(f"{side}.text"), given.get(f"{side}.messages")
        if messages is not None:
            import json

            row[side] = json.loads(messages)
        else:
            row[side] = text if text is not None else ""
    reasoning = given.get("completion.reasoning")
    if reasoning is not None and isinstance(row["completion"], str):
        row["completion"] = [
            {"role": "assistant", "content": row["completion"], "reasoning_content": reasoning}
        ]
    if "completion.tokens" in given:
        row["completion_tokens"] = given["completion.tokens"]
    row["finished"] = given.get("completion.finished", True)
    return row


def _groups(test: TestSpec) -> list[int]:
    """Group numbers; a sample outside a group is alone."""
    alone = sum(1 for s in test.samples if s.group is not None)
    return [s.group if s.group is not None else alone + i for i, s in enumerate(test.samples)]


def _step(test: TestSpec) -> float:
    """The one step of a test's samples, which the checker has seen to."""
    return next((float(values["step"]) for values in test.values.values() if "step" in values), 0.0)


def _params(reward: Reward, test: TestSpec) -> dict[str, NDArray[Any]]:
    """Params that some sample sets, one value per sample."""
    out = {}
    for name in reward.spec.params:
        if any(name in values for values in test.values.values()):
            column = [test.values[s.name].get(name, reward.params[name]) for s in test.samples]
            out[name] = np.array(column, dtype=object if isinstance(column[0], str) else None)
    return out


def _reads(test: TestSpec, field: str) -> bool:
    return any(name == field for expect in test.expects for _, name in expect.reads)


def _look(
    expect: ExpectSpec, columns: Mapping[str, Column], caller: Caller, values: _Samples
) -> Diagnostic | None:
    """A diagnostic where the expectation does not hold, with the value of each part of it."""
    parts = list(_parts(expect.condition))
    plan = compile_expects([expect.condition, *parts])
    engine = Engine(plan, Table(1, columns, {}, 0), caller)
    engine.run({number: np.ones(1, np.bool_) for number in plan.expects})
    found = [values_of(engine.columns[number])[0] for number in plan.expects]
    shown = {
        _text(part): value
        for part, value in zip(parts, found[1:], strict=True)
        if part.op != "constant" and part.span != expect.condition.span
    }
    if _holds(expect, found[0], parts, found[1:]):
        return None
    notes = tuple(f"{text} is {_show(value)}" for text, value in shown.items())
    return Diagnostic(
        "RK0810",
        "error",
        "this does not hold",
        Label(expect.condition.span, f"within {expect.tolerance}" if expect.tolerance is not None else ""),
        notes=notes + values.faults(expect),
    )


def _holds(expect: ExpectSpec, plain: Any, parts: list[Value], found: list[Any]) -> bool:
    if expect.tolerance is None:
        return plain is True
    # the condition is one comparison, made false where a side is null
    comparison = expect.condition.args[0]
    left, right = (found[_position(parts, side)] for side in comparison.args)
    if left is None or right is None:
        return False
    close = abs(left - right) <= expect.tolerance
    return close if comparison.op == "eq" else not close


def _position(parts: list[Value], value: Value) -> int:
    return next(i for i, part in enumerate(parts) if part is value)


def _parts(condition: Value) -> list[Value]:
    """The sub-expressions worth showing, outermost last; with the operands of a comparison always."""
    out: list[Value] = []

    def visit(value: Value, operand: bool) -> None:
        compares = value.op in ("eq", "ne", "lt", "le", "gt", "ge")
        for arg in value.args:
            visit(arg, compares)
        if operand or value.op not in ("constant", "alias", "coalesce"):
            out.append(value)

    visit(condition, False)
    return out


def _text(value: Value) -> str:
    return "`" + " ".join(value.span.text.split()) + "`"


def _show(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    text = repr(value)
    return text if len(text) <= 200 else text[:199] + "…"
