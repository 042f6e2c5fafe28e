"""The samples of a test, scored as the rows of one batch."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.checker.spec import ExpectSpec, SampleSpec, Spec, TestSpec
from rewardkit.diagnostics import RewardError
from rewardkit.normalizers.apply import advantage
from rewardkit.runtime.columns import Column, take
from rewardkit.runtime.reward import Evaluation, Reward
from rewardkit.runtime.rows import Rows
from rewardkit.runtime.scores import Scores
from rewardkit.testing.mocks import call_mocks, given_steps, refuse_impure


class Samples:
    """The scored samples of a test.

    Raises:
        RewardError: they cannot be scored, or reach a call that a test may not make.
    """

    def __init__(self, reward: Reward, test: TestSpec, outside: bool = False) -> None:
        self.samples = {sample.name: i for i, sample in enumerate(test.samples)}
        self._reward = reward
        n = len(test.samples)
        rows = [_row(reward.spec, test, sample) for sample in test.samples]
        mapping = {name: name for name in reward.spec.inputs}
        used: dict[str, NDArray[np.bool_]] = {}
        for expect in test.expects:
            for sample, field in expect.reads:
                if field in reward.spec.lets and field not in reward.spec.terms:
                    used.setdefault(field, np.zeros(n, np.bool_))[self.samples[sample]] = True
        self.evaluation: Evaluation = reward.evaluate(
            Rows(rows, mapping),
            group=_groups(test),
            step=_step(test),
            params=_params(reward, test),
            uses=used,
            given=given_steps(test, reward.plan, reward.spec.lets, self.samples),
            mocks=call_mocks(test, n, self.samples),
            allow=refuse_impure(self.samples, reward.externs, outside),
        )
        self.scores: Scores = reward.scores_of(self.evaluation)
        reads_advantage = any(field == "advantage" for e in test.expects for _, field in e.reads)
        self._advantages = self._normalize(test) if reads_advantage else None

    def columns(self, test: TestSpec) -> dict[str, Column]:
        """What the expectations read, under the names they read it by."""
        return {f"{s}.{f}": self.column(s, f) for expect in test.expects for s, f in expect.reads}

    def column(self, sample: str, field: str) -> Column:
        """One value as a column of one row."""
        row = self.samples[sample]
        if field == "advantage":
            assert self._advantages is not None
            return _number(self._advantages[row])
        if field == "reward":
            return _number(self.scores.total[row])
        plan = self._reward.plan
        if field not in plan.terms and field not in plan.lets:
            return _truth({"skipped": self.scores.skipped, "masked": self.scores.masked}[field][row])
        number = plan.terms[field] if field in plan.terms else plan.lets[field]
        found = take(self.evaluation.engine.columns[number], np.array([row]))
        missing = found.null | ~found.done | self.scores.skipped[row]
        return Column(found.data, missing, np.zeros(1, np.bool_), np.ones(1, np.bool_))

    def notes(self, expect: ExpectSpec) -> tuple[str, ...]:
        """What failed in the samples that an expectation reads, and which of them are skipped."""
        rows = {self.samples[sample]: sample for sample, _ in expect.reads}
        skipped = [f"`{sample}` is skipped" for row, sample in rows.items() if self.scores.skipped[row]]
        failed = [
            f"in `{rows[f['row']]}`, {f['function'] or f['name']} failed: {f['reason']}"
            for f in self.scores.faults.iter_rows(named=True)
            if f["row"] in rows
        ]
        return (*skipped, *failed)

    def _normalize(self, test: TestSpec) -> NDArray[np.float64]:
        """The advantages of the samples that stand in groups; those outside have none."""
        inside = np.array([sample.group is not None for sample in test.samples])
        varying = _params(self._reward, test)
        if any(
            len(set(np.asarray(v).tolist())) > 1 for k, v in varying.items() if k in self._weight_params()
        ):
            raise RewardError("samples of a test with advantages cannot change params that the weights read")
        out = np.full(len(inside), np.nan)
        out[inside] = advantage(_rows_of(self.scores, inside), lengths=_tokens(test, inside))
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


def _tokens(test: TestSpec, inside: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """The tokens of the samples in groups, for a normalizer that counts them; `None` where one has none."""
    samples = [s for s, keep in zip(test.samples, inside, strict=True) if keep]
    given = [test.values[s.name].get("completion.tokens") for s in samples]
    return None if None in given else np.array(given, dtype=np.float64)


def _rows_of(scores: Scores, keep: NDArray[np.bool_]) -> Scores:
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


def _truth(value: np.bool_) -> Column:
    """One condition as a column."""
    none = np.zeros(1, np.bool_)
    return Column(np.array([value]), none, none, np.ones(1, np.bool_))


def _row(spec: Spec, test: TestSpec, sample: SampleSpec) -> dict[str, Any]:
    """A sample as a row: what it gives, and `null` for the inputs it may leave out."""
    given = test.values[sample.name]
    row: dict[str, Any] = {name: given.get(name) for name in spec.inputs}
    for side in ("prompt", "completion"):
        text, messages = given.get(f"{side}.text"), given.get(f"{side}.messages")
        if messages is not None:
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
