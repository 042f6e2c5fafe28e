"""`rows` blocks: a file is scored block by block, then each expectation is looked at over all its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rewardkit.checker.draft import below
from rewardkit.checker.paths import inside
from rewardkit.checker.spec import ExpectSpec, OverRows, RowsSpec, Spec, TestSpec, Value
from rewardkit.compiler import Plan, compile_expects
from rewardkit.diagnostics import Diagnostic
from rewardkit.runtime.aggregates import reduce_segments
from rewardkit.runtime.batches import blocks
from rewardkit.runtime.calls import Caller
from rewardkit.runtime.columns import Column, values_of
from rewardkit.runtime.engine import Engine, Table
from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.files import read_rows
from rewardkit.runtime.reward import Evaluation, Progress, Reward
from rewardkit.runtime.row_columns import read_columns
from rewardkit.runtime.rows import Rows, read_groups
from rewardkit.testing.assertions import failures
from rewardkit.testing.mocks import call_mocks, refuse_impure
from rewardkit.testing.values import shown
from rewardkit.types.types import BOOL

#: rows that a failure shows
_EXAMPLES = 3
#: the column that says which rows are one group
GROUP = "group"


@dataclass(frozen=True)
class RowsReport:
    """What a `rows` block came to. `faults` counts rows by what failed in them."""

    path: str
    rows: int
    skipped: int
    faulted: int
    faults: Mapping[str, int]
    failures: tuple[Diagnostic, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.path,
            "rows": self.rows,
            "skipped": self.skipped,
            "faulted": self.faulted,
            "faults": dict(self.faults),
        }

    def __str__(self) -> str:
        text = f"{self.rows:,} rows of `{self.path}`"
        if self.skipped:
            text += f", {self.skipped:,} skipped"
        if self.faulted:
            what, count = next(iter(self.faults.items()))
            text += f", {self.faulted:,} failed ({count:,} × {what})"
        return text


@dataclass
class _Gathered:
    """The values of one `agreement`, `mean` or `share` so far, of rows that are not skipped."""

    values: list[NDArray[Any]] = field(default_factory=list)
    rows: list[NDArray[np.int64]] = field(default_factory=list)  # where they stand in the file
    examples: dict[bool, list[str]] = field(default_factory=lambda: {True: [], False: []})


def run_rows(
    reward: Reward,
    test: TestSpec,
    block: RowsSpec,
    files: dict[Any, Any],
    progress: Progress | None = None,
    observe: Callable[[Evaluation], None] | None = None,
    outside: bool = False,
) -> RowsReport:
    """Score the rows of a file and look at what is expected of them.

    Rows are scored with the test's mocks of functions. A spec that aggregates over groups finds them in the
    column `group`, else by consecutive rows of one prompt; all rows are one batch.

    Args:
        files: rows of files read before, by path and time; this one's are added.
        observe: sees each evaluation, for coverage.
        outside: calls of programs, judges and models that no mock answers are made.

    Raises:
        RewardError: the file cannot be read or does not fit the spec, or a call may not be made.
    """
    spec = replace(reward.spec, inputs={**reward.spec.inputs, **block.inputs})
    data = _read(spec, block, files)
    whole = Rows(data)
    groups = _groups(whole, block) if reward.needs_group else None
    cuts = [(0, whole.n)] if "batch" in reward.plan.scopes else list(blocks(whole.n, groups, None))
    run = _Run(reward, spec, test, block, {over.name: _Gathered() for over in block.over}, outside)
    for start, stop in cuts:
        ids = groups[start:stop] if groups is not None else None
        run.add(Rows(_slice(data, start, stop)), start, ids, observe)
        if progress is not None:
            progress(block.path, stop, whole.n)
    return run.report(whole.n)


def _read(spec: Spec, block: RowsSpec, files: dict[Any, Any]) -> Any:
    path = inside(spec.source, block.path)
    try:
        if not path.is_file():
            what = "is a folder or a device, not a file" if path.exists() else "is not there"
            raise RowsError(f"`{block.path}` {what}: the test looks for its rows in `{path}`")
        stat = path.stat()
        # cells of CSV are read by the types of the inputs
        types = tuple(sorted((item.column, str(item.type)) for item in spec.inputs.values()))
        key = (path, stat.st_mtime_ns, stat.st_size, types)
        if key not in files:
            files[key] = read_rows(str(path), spec)
        return files[key]
    except OSError as error:
        raise RowsError(f"cannot read `{block.path}`: {error.strerror or error}") from None


def _groups(rows: Rows, block: RowsSpec) -> NDArray[np.int64]:
    if rows.has(GROUP):
        found = read_groups(list(rows.get(GROUP)), rows.n)
        assert found is not None
        return found
    if not rows.has("prompt"):
        raise RowsError(
            f"the spec aggregates over groups, and `{block.path}` has neither a column `{GROUP}` nor "
            f"`prompt`: add a column `{GROUP}` with one id per row"
        )
    prompts = list(rows.get("prompt"))
    return np.cumsum([0, *(a != b for a, b in pairwise(prompts))]).astype(np.int64)[: rows.n]


def _slice(data: Any, start: int, stop: int) -> Any:
    if isinstance(data, Mapping):
        return {name: column[start:stop] for name, column in data.items()}
    return data[start:stop]


class _Run:
    def __init__(
        self,
        reward: Reward,
        spec: Spec,
        test: TestSpec,
        block: RowsSpec,
        gathered: dict[str, _Gathered],
        outside: bool,
    ) -> None:
        self.outside = outside
        self.reward, self.spec, self.test, self.block, self.gathered = reward, spec, test, block, gathered
        self.skipped = 0
        self.reasons: Counter[str] = Counter()
        self.faulted = 0
        # of each function over rows: its value per row, then what an example shows of the row
        self.shown = {over.name: _to_show(over) for over in block.over}
        roots = [v for over in block.over for v in (_per_row(over), *self.shown[over.name])]
        self.plan: Plan = compile_expects(roots)
        self.caller = Caller(reward.backends, allow=refuse_impure((), ()))

    def add(
        self,
        rows: Rows,
        start: int,
        groups: NDArray[np.int64] | None,
        observe: Callable[[Evaluation], None] | None,
    ) -> None:
        """The next rows of the file."""
        n, reward = rows.n, self.reward
        lets = [name for name in self.plan.columns if name in reward.plan.lets]
        every = np.ones(n, np.bool_)
        evaluation = reward.evaluate(
            rows,
            groups,
            uses=dict.fromkeys(lets, every),
            mocks=call_mocks(self.test, n),
            allow=refuse_impure((), reward.externs, self.outside),
        )
        if observe is not None:
            observe(evaluation)
        scores = reward.scores_of(evaluation)
        alive = ~scores.skipped
        self.skipped += int(scores.skipped.sum())
        self.faulted += scores.faults.get_column("row").n_unique() if scores.faults.height else 0
        for fault in scores.faults.iter_rows(named=True):
            self.reasons[f"{fault['function'] or fault['name']}: {fault['reason']}"] += 1
        columns = self._columns(rows, evaluation, scores.total, alive)
        engine = Engine(self.plan, Table(n, columns, reward.params, 0), self.caller)
        engine.run(dict.fromkeys(self.plan.expects, alive))
        found = iter(engine.columns[number] for number in self.plan.expects)
        for over in self.block.over:
            self._gather(over, next(found), [next(found) for _ in self.shown[over.name]], alive, start)

    def _columns(
        self, rows: Rows, evaluation: Evaluation, total: NDArray[np.float64], alive: NDArray[np.bool_]
    ) -> dict[str, Column]:
        """What the expectations read of each row."""
        plan, steps = self.reward.plan, evaluation.engine.columns
        none, every = np.zeros(rows.n, np.bool_), np.ones(rows.n, np.bool_)
        columns, read = {}, set()
        for name in self.plan.columns:
            if name == "reward":
                columns[name] = Column(total, np.isnan(total), none, every)
            elif name in plan.terms or name in plan.lets:
                found = steps[plan.terms[name] if name in plan.terms else plan.lets[name]]
                columns[name] = Column(found.data, found.null | ~found.done | ~alive, none, every)
            else:
                read.add(name)
        return columns | read_columns(self.spec, frozenset(read), rows, self.reward.tokenizer)

    def _gather(
        self, over: OverRows, value: Column, parts: list[Column], alive: NDArray[np.bool_], start: int
    ) -> None:
        into = self.gathered[over.name]
        there = alive & ~value.null
        into.values.append(np.asarray(value.data)[there])
        into.rows.append(np.flatnonzero(there) + start)
        if over.function == "mean":
            return
        truth = np.asarray(value.data, np.bool_)
        for holds, found in into.examples.items():
            for row in np.flatnonzero(there & (truth == holds))[: _EXAMPLES - len(found)]:
                texts = (
                    f"`{_text(part)}` is {shown(values_of(column, np.array([row]))[0])}"
                    for part, column in zip(self.shown[over.name], parts, strict=True)
                )
                found.append(f"row {start + row}: {', '.join(texts)}")

    def report(self, n: int) -> RowsReport:
        """What holds over all rows."""
        found = {over.name: self._number(over) for over in self.block.over}
        report = RowsReport(
            self.block.path, n, self.skipped, self.faulted, dict(self.reasons.most_common(8)), ()
        )

        def notes(expect: ExpectSpec) -> tuple[str, ...]:
            read = {value.data for value in below([expect.condition]) if value.op == "column"}
            examples = [
                line
                for over in self.block.over
                if over.name in read
                for line in self._examples(over, expect.condition)
            ]
            return (*examples, str(report))

        return replace(
            report, failures=failures(self.block.expects, found, self.caller, notes, self.reward.params)
        )

    def _number(self, over: OverRows) -> Column:
        """The share or mean as a column of one row, null where there are no values."""
        values = np.concatenate(self.gathered[over.name].values or [np.zeros(0)])
        none, one = np.zeros(1, np.bool_), np.ones(1, np.bool_)
        mean, empty, overflow = reduce_segments("mean", values, np.zeros(len(values), np.int64), 1)
        return Column(np.asarray(mean, np.float64), empty | overflow, none, one)

    def _examples(self, over: OverRows, condition: Value) -> Iterator[str]:
        """Rows that show why a number is what it is."""
        into = self.gathered[over.name]
        if over.function != "mean":
            yield from into.examples[over.function == "share" and _wants_less(condition, over.name)]
        elif sum(map(len, into.values)):
            values, rows = np.concatenate(into.values), np.concatenate(into.rows)
            low, high = int(values.argmin()), int(values.argmax())
            if values[low] == values[high]:
                yield f"`{_text(over.args[0])}` is {shown(values[low].item())} on every row that has it"
                return
            yield (
                f"`{_text(over.args[0])}` is lowest in row {rows[low]}, {shown(values[low].item())}, "
                f"and highest in row {rows[high]}, {shown(values[high].item())}"
            )


def _per_row(over: OverRows) -> Value:
    """The value that a function over rows takes of each row: null counts as no agreement and as false."""
    if over.function == "mean":
        return over.args[0]
    condition = over.args[0] if over.function == "share" else Value("eq", over.args, BOOL, over.span)
    false = Value("constant", (), BOOL, over.span, data=False)
    return Value("coalesce", (condition, false), BOOL, over.span)


def _to_show(over: OverRows) -> list[Value]:
    """What an example shows of its row: the values that are compared, or those that a condition reads."""
    if over.function == "agreement":
        return list(over.args)
    return _leaves(over.args[0])[:4] if over.function == "share" else []


def _leaves(value: Value) -> list[Value]:
    """The columns and measures that a condition reads, each once, in the order they are written in."""
    found: dict[str, Value] = {}
    stack = [value]
    while stack:
        inner = stack.pop()
        if inner.path is not None and inner.op in ("column", "call"):
            found.setdefault(inner.path, inner)
        else:
            stack.extend(reversed(inner.args))
    return list(found.values())


def _text(value: Value) -> str:
    return " ".join(value.span.text.split())


def _wants_less(condition: Value, name: str) -> bool:
    """Whether a condition wants this number to be small."""
    for value in below([condition]):
        if value.op in ("lt", "le", "gt", "ge"):
            left, right = ([v.data for v in below([arg]) if v.op == "column"] for arg in value.args)
            if name in left or name in right:
                return (value.op in ("lt", "le")) == (name in left)
    return False
