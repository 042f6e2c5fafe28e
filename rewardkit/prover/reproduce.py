"""Candidates before the evaluator: a witness is only what the spec, as it runs, really does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from rewardkit.checker.builtins import MEASURES
from rewardkit.checker.spec import ClaimSpec, Spec, Value
from rewardkit.checker.wording import text_of
from rewardkit.diagnostics import RewardError
from rewardkit.prover.candidate import RowCandidate
from rewardkit.prover.near import COMPARISONS, UNREAD, above, may_be
from rewardkit.prover.writing import plain
from rewardkit.runtime.columns import column_of, values_of
from rewardkit.runtime.engine import CallMock, Given
from rewardkit.runtime.reward import Evaluation, Reward
from rewardkit.runtime.rows import Rows
from rewardkit.types.interval import FULL, Interval
from rewardkit.types.types import Type
from rewardkit.types.values import make_result


@dataclass(frozen=True, eq=False)
class Replayed:
    """A candidate as evaluated: what the claim is about, and every term, of each row."""

    subject: tuple[Any, ...]
    other: tuple[Any, ...]
    score: tuple[Any, ...]
    values: tuple[dict[str, Any], ...]
    reached: tuple[frozenset[int], ...]  # of each row: the `id` of every value given that was looked at
    broken: bool
    parts: Mapping[str, Any] = field(default_factory=dict)  # of a condition: what it compares, by its text


class Replayer:
    """A spec compiled once for all candidates of one claim."""

    def __init__(self, spec: Spec, claim: ClaimSpec) -> None:
        self.claim = claim
        parts = {"prove subject": claim.subject, "prove other": claim.other, "prove score": claim.score}
        self._parts = {name: value for name, value in parts.items() if value is not None}
        self._scores = spec.has_reward
        if not spec.has_reward and spec.terms:
            one = Value(
                "constant", (), next(iter(spec.terms.values())).value.type, claim.span, data=Fraction(1)
            )
            spec = replace(spec, weights=tuple((name, one) for name in spec.terms))
        self.spec = replace(spec, lets={**spec.lets, **self._parts})
        self.reward = Reward(self.spec) if self.spec.has_reward else None
        steps = self.reward.plan.steps if self.reward is not None else ()
        functions = (step.data.function for step in steps if step.op == "call")
        plain = ("len", *MEASURES)
        self._calls = {f.name for f in functions if f.executor != "scalar" and f.name not in plain}

    def replay(self, rows: Sequence[RowCandidate], *, strictly: bool) -> Replayed | None:
        """What becomes of the rows; `None` where the claim does not speak of them or they cannot be run.

        `strictly` wants a breach that is no rounding, as the curves of a model may be off.
        """
        if self.reward is None:
            return None
        for row in rows:
            self._complete(row)
        moved = self.claim.form == "direction"
        groups = [1 if moved and i == 1 else 0 for i in range(len(rows))]
        try:
            runs = self._runs(rows, groups)
        except (RewardError, ValueError, OverflowError):
            return None
        found: dict[str, list[Any]] = {}
        for name in self._parts:
            number = self.reward.plan.lets[name]
            found[name] = [values_of(run.engine.columns[number])[i] for run, i in runs]
        totals = [self._totals(run)[i] for run, i in runs]
        if any(run.skipped[i] or self._fails(run, i) for run, i in runs):
            return None
        subject, other, score = (
            tuple(found.get(name, ())) for name in ("prove subject", "prove other", "prove score")
        )
        if self.claim.scope == "reward" or self._reads_total():
            if any(total is None for total in totals[: 2 if len(rows) > 1 else 1]):
                return None
            if self.claim.scope == "reward":
                score = tuple(totals)
        broken = breaks(self.claim, subject, other, score, strictly=strictly)
        if broken and strictly and self.claim.form == "condition":
            broken = not may_be(self.claim.subject, True, lambda part: self._read(part, *runs[0]))
        values = tuple(self._values(run, i, total) for (run, i), total in zip(runs, totals, strict=True))
        reached = tuple(self._reached(run, i, row) for (run, i), row in zip(runs, rows, strict=True))
        parts = self._compared(*runs[0]) if broken and self.claim.form == "condition" else {}
        return Replayed(subject, other, score, values, reached, broken, parts)

    def _complete(self, row: RowCandidate) -> None:
        """Give a row what the claim does not read, and the spec does."""
        assert self.reward is not None
        for name in sorted(self.reward.plan.columns - row.columns.keys()):
            if name in self.spec.inputs:
                declared = self.spec.inputs[name]
                row.columns[name] = any_value(declared.type, declared.range)
            elif name == "completion.tokens":
                row.columns[name] = 0
            elif name.endswith(".text") and name.replace("text", "messages") not in row.columns:
                row.columns[name] = ""
            elif name.endswith(".messages"):
                row.columns.setdefault(name.replace("messages", "text"), "")

    def _reads_total(self) -> bool:
        return any(_reads(value, "reward") for value in self._parts.values())

    def _runs(self, rows: Sequence[RowCandidate], groups: list[int]) -> list[tuple[Evaluation, int]]:
        """Each row's evaluation; rows of different steps are evaluated one by one."""
        if len({row.step for row in rows}) > 1:
            return [(self._evaluate([row], [0]), 0) for row in rows]
        run = self._evaluate(rows, groups)
        return [(run, i) for i in range(len(rows))]

    def _evaluate(self, rows: Sequence[RowCandidate], groups: list[int]) -> Evaluation:
        assert self.reward is not None
        n = len(rows)
        table = Rows([row_of(self.spec, row) for row in rows], {name: name for name in self.spec.inputs})
        params = {}
        for name in self.spec.params:
            column = [row.params.get(name, self.reward.params[name]) for row in rows]
            params[name] = np.array(column, dtype=object if isinstance(column[0], str) else None)
        every = np.ones(n, np.bool_)
        return self.reward.evaluate(
            table,
            group=groups,
            step=rows[0].step,
            params=params,
            uses=dict.fromkeys(self._parts, every),
            given=self._given(rows),
            # what the claim does not read is not computed
            mocks=[CallMock(name, every, None) for name in sorted(self._calls)],
        )

    def _given(self, rows: Sequence[RowCandidate]) -> dict[int, Given]:
        assert self.reward is not None
        known: dict[int, tuple[Value, dict[int, Any]]] = {}
        for i, row in enumerate(rows):
            for value, result in (*row.results, *row.computed):
                number = self.reward.plan.numbers.get(id(value))
                if number is not None:
                    known.setdefault(number, (value, {}))[1].setdefault(i, result)
        out = {}
        for number, (value, by_row) in known.items():
            mask = np.array([i in by_row for i in range(len(rows))])
            column = column_of([by_row.get(i) for i in range(len(rows))], value.type)
            out[number] = Given(mask, column, strict=value.op == "call")
        return out

    def _compared(self, run: Evaluation, row: int) -> dict[str, Any]:
        """What the condition is made of, down to names and the sides of comparisons."""
        found: dict[str, Any] = {}
        stack = [self.claim.subject]
        while stack and len(found) < 6:
            part = stack.pop()
            if part.op in ("alias", "not", "and", "or", "coalesce", *COMPARISONS):
                stack.extend(reversed(part.args))
            elif part.op not in ("constant", "column", "param", "step"):
                value = self._read(part, run, row)
                if value is not UNREAD and (value is None or isinstance(value, bool | int | float | str)):
                    found.setdefault(part.path or text_of(part.span, 40), value)
        return found

    def _read(self, value: Value, run: Evaluation, row: int) -> Any:
        """What a part of the claim came to; `UNREAD` where nothing asked for it."""
        assert self.reward is not None
        number = self.reward.plan.numbers.get(id(value))
        wanted = run.engine.wanted[number] if number is not None else None
        if number is None or wanted is None or not wanted[row]:
            return UNREAD
        return values_of(run.engine.columns[number])[row]

    def _totals(self, run: Evaluation) -> list[float | None]:
        assert self.reward is not None
        total = self.reward.scores_of(run).total
        return [None if np.isnan(x) else float(x) for x in total]

    def _fails(self, run: Evaluation, row: int) -> bool:
        return any(fault.row == row for fault in run.engine.faults())

    def _values(self, run: Evaluation, row: int, total: float | None) -> dict[str, Any]:
        assert self.reward is not None
        found: dict[str, Any] = {}
        for name, number in self.reward.plan.terms.items():
            found[name] = values_of(run.engine.columns[number])[row]
        if self._scores:
            found["reward"] = total
        return found

    def _reached(self, run: Evaluation, row: int, made: RowCandidate) -> frozenset[int]:
        assert self.reward is not None
        wanted, found = run.engine.wanted, set[int]()
        for value, result in made.results:
            number = self.reward.plan.numbers.get(id(value))
            mask = wanted[number] if number is not None and number < len(wanted) else None
            # what is given null is null without that anyone looks at it
            silent = result is None and value.op == "call" and value.data.function.result.optional
            if silent or (mask is not None and mask[row]):
                found.add(id(value))
        return frozenset(found)


@dataclass(frozen=True, eq=False)
class GroupReplayed:
    """A group as evaluated, with the two rows that break the claim, the better first."""

    rows: tuple[RowCandidate, ...]
    values: tuple[dict[str, Any], ...]
    reached: tuple[frozenset[int], ...]
    better: int
    worse: int


class GroupReplayer(Replayer):
    """For claims of advantages: the rows are one group, and the whole batch."""

    def replay_group(self, rows: Sequence[RowCandidate]) -> GroupReplayed | None:
        """The group, where it breaks the claim; else `None`."""
        from rewardkit.normalizers import advantage

        if self.reward is None:
            return None
        for row in rows:
            self._complete(row)
        try:
            run = self._evaluate(rows, [0] * len(rows))
            scores = self.reward.scores_of(run)
            found = advantage(scores)
        except (RewardError, ValueError, OverflowError):
            return None
        if run.skipped.any() or run.engine.faults() or np.isnan(scores.total).any():
            return None
        lets = self.reward.plan.lets
        truth = {
            name: [value is True for value in values_of(run.engine.columns[lets[name]])]
            for name in ("prove subject", "prove other")
        }
        better = [i for i, holds in enumerate(truth["prove subject"]) if holds]
        worse = [i for i, holds in enumerate(truth["prove other"]) if holds]
        if not better or not worse:
            return None
        low = min(better, key=lambda i: found[i])
        high = max(worse, key=lambda i: found[i])
        if found[low] > found[high]:
            return None
        values = tuple(
            {**self._values(run, i, float(scores.total[i])), "advantage": float(found[i])}
            for i in range(len(rows))
        )
        reached = tuple(self._reached(run, i, row) for i, row in enumerate(rows))
        return GroupReplayed(tuple(rows), values, reached, low, high)


def breaks(
    claim: ClaimSpec,
    subject: Sequence[Any],
    other: Sequence[Any],
    score: Sequence[Any],
    *,
    strictly: bool = False,
) -> bool:
    """Whether evaluated rows break the claim; with `strictly`, by more than rounding."""
    if claim.form == "condition":
        return subject[0] is False
    if claim.form == "range":
        return subject[0] is not None and _outside(claim, subject[0], strictly)
    if claim.form == "outranks":
        if subject[0] is not True or other[1] is not True or None in score[:2]:
            return False
        return _above(score[1], score[0], strictly) or (not strictly and score[1] >= score[0])
    if claim.form == "direction":
        x, y = other[0], other[1]
        if x is None or y is None:
            return False
        before, after = subject[0], subject[1]
        if claim.direction == "constant":
            return bool(x != y) and _differs(before, after, strictly)
        if before is None or after is None or not x < y:
            return False
        high, low = (before, after) if claim.direction == "increasing" else (after, before)
        return _above(high, low, strictly)
    return False


def _above(a: float, b: float, strictly: bool) -> bool:
    return above(a, b) if strictly else a > b


def _differs(a: Any, b: Any, strictly: bool) -> bool:
    if not strictly or not isinstance(a, int | float) or not isinstance(b, int | float):
        return bool(a != b)
    return _above(a, b, True) or _above(b, a, True)


def _outside(claim: ClaimSpec, value: float, strictly: bool) -> bool:
    assert claim.range is not None
    lo, hi = claim.range.lo, claim.range.hi
    if not strictly:  # as an `expect` compares
        above = lo is None or value > float(lo) or (value == float(lo) and not claim.range.lo_open)
        below = hi is None or value < float(hi) or (value == float(hi) and not claim.range.hi_open)
        return not (above and below)
    return (lo is not None and _above(float(lo), value, True)) or (
        hi is not None and _above(value, float(hi), True)
    )


def row_of(spec: Spec, made: RowCandidate) -> dict[str, Any]:
    """A candidate as a row of data."""
    columns = made.columns
    row: dict[str, Any] = {name: plain(columns.get(name)) for name in spec.inputs}
    for side, role in (("prompt", "user"), ("completion", "assistant")):
        messages, text = columns.get(f"{side}.messages"), columns.get(f"{side}.text")
        row[side] = text if text is not None else ""
        if messages is not None and text is None:
            row[side] = [plain(message) for message in messages] or [{"role": role, "content": ""}]
    reasoning = columns.get("completion.reasoning")
    if reasoning is not None and isinstance(row["completion"], str):
        row["completion"] = [
            {"role": "assistant", "content": row["completion"], "reasoning_content": reasoning}
        ]
    if columns.get("completion.tokens") is not None:
        row["completion_tokens"] = columns["completion.tokens"]
    finished = columns.get("completion.finished")
    row["finished"] = True if finished is None else finished
    return row


def any_value(type_: Type, interval: Interval | None) -> Any:
    """A simple value of a type, inside its range."""
    if type_.optional:
        return None
    if type_.is_number:
        held = interval or FULL
        ends = [end for end in (held.lo, held.hi) if end is not None]
        middle = [sum(ends, Fraction(0)) / len(ends)] if ends else []
        near = [end + step for end in ends for step in (1, -1)]
        wishes = [Fraction(0), Fraction(1), *ends, *near, *middle]
        found = next(
            (w for w in wishes if held.contains(w) and (type_.kind == "real" or w.denominator == 1)), 0
        )
        return int(found) if type_.kind == "int" else float(found)
    simple: dict[str, Any] = {
        "bool": False,
        "text": "",
        "list": (),
        "json": "null",
        "result": make_result(1, 1),
    }
    return simple.get(type_.kind)


def _reads(value: Value, let: str) -> bool:
    stack, seen = [value], set[int]()
    while stack:
        part = stack.pop()
        if part.op == "let" and part.data == let:
            return True
        if id(part) not in seen:
            seen.add(id(part))
            stack.extend(part.args)
    return False
