"""A loaded spec as a reward function: rows in, scores out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.checker import Spec, check, read_source
from rewardkit.compiler import Plan, compile_spec
from rewardkit.diagnostics import RewardError, Source, SpecError
from rewardkit.language import tree as t
from rewardkit.runtime.backends import Backends
from rewardkit.runtime.calls import Caller
from rewardkit.runtime.columns import Column, series_of, values_of
from rewardkit.runtime.engine import CallMock, Engine, Fault, Given, Table
from rewardkit.runtime.errors import FaultLimitError, RowsError
from rewardkit.runtime.host import Externs, bind, unbound
from rewardkit.runtime.operations import hold
from rewardkit.runtime.params import bind_params
from rewardkit.runtime.results import Request
from rewardkit.runtime.row_columns import Tokenizer, read_columns
from rewardkit.runtime.rows import ROW_COLUMNS, Rows, read_groups
from rewardkit.runtime.scores import Scores
from rewardkit.types.function import Function

#: a share of faulted rows is looked at from this many rows on, and at the end
FAULT_ROWS = 200

Progress = Callable[[str, int, int], None]


def load(
    path: str | Path,
    *,
    tokenizer: Any = None,
    workers: int | None = None,
    externs: Externs | None = None,
    backends: Backends | None = None,
    **params: Any,
) -> Reward:
    """Check and compile a spec once; call the result to score rows.

    Args:
        path: the `.rwd` file.
        tokenizer: counts `completion.tokens` where rows bring neither counts nor ids: a Hugging Face
            tokenizer, or a function from texts to counts.
        workers: worker processes for heavy verifiers; one per usable core by default, shared.
        externs: the Python function behind each `extern` of the spec, by its name. It gets plain values
            (texts, numbers, lists, dicts), and is called once per distinct arguments of a batch.
        backends: what carries out heavy calls: a sandbox for programs, a judge, a reward model, a cache.
        params: values for the spec's params, in plain numbers (`budget=8192`).

    Raises:
        SpecError: the spec is wrong; its text shows every diagnostic.
        RewardError: the file cannot be read, or a param is unknown or outside its range.
    """
    options = {"tokenizer": tokenizer, "workers": workers, "externs": externs, "backends": backends}
    return from_source(read_source(path), **options, **params)


def loads(text: str, *, name: str = "<text>", **options: Any) -> Reward:
    """Like `load`, from the text of a spec."""
    return from_source(Source(name, text), **options)


def from_source(
    source: Source,
    *,
    tokenizer: Any = None,
    workers: int | None = None,
    externs: Externs | None = None,
    backends: Backends | None = None,
    **params: Any,
) -> Reward:
    spec, diagnostics = check(source)
    if spec is None:
        raise SpecError(diagnostics)
    return Reward(spec, params, tokenizer=tokenizer, workers=workers, externs=externs, backends=backends)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A plan that has run: the column of every step, before it is summed up as scores."""

    engine: Engine
    skipped: NDArray[np.bool_]
    groups: NDArray[np.int64] | None
    step: float


class Reward:
    """A compiled spec. Calling it scores rows; it can be called from any thread.

    `counts` tells how many calls of each function were made so far, after guards, distinct arguments
    and the cache.
    """

    def __init__(
        self,
        spec: Spec,
        params: Mapping[str, Any] | None = None,
        *,
        tokenizer: Any = None,
        workers: int | None = None,
        externs: Externs | None = None,
        backends: Backends | None = None,
    ) -> None:
        self.spec = spec
        self.externs = bind(spec, externs or {})
        self.given = frozenset(params or {})  # the params that the run gives
        self.params = bind_params(spec, params or {})
        self.plan: Plan = compile_spec(spec)
        self.counts: dict[str, int] = {}
        self.tokenizer = _counter(tokenizer)
        if backends is not None and not isinstance(backends, Backends):
            raise TypeError(
                f"`backends` is a `Backends(…)`, or `Backends.read(path)`, not {repr(backends)[:60]}"
            )
        self.backends = Backends(workers=workers) if backends is None else backends

    # --- what is known of it ---------------------------------------------------------------------

    @property
    def terms(self) -> tuple[str, ...]:
        """The weighted terms, in the order of `reward`."""
        return tuple(name for name, _ in self.spec.weights)

    def weights(self, step: float = 0) -> NDArray[np.float64]:
        """(K,) the weight of each term at a step; NaN where it cannot be computed."""
        only = replace(self.spec, lets={}, terms={}, skips=(), masks=(), advantage=None)
        plan = compile_spec(only)
        engine = Engine(plan, Table(1, {}, self.params, step, None), Caller(self.backends))
        engine.run({number: np.ones(1, np.bool_) for _, number in plan.weights})
        return _weights(plan, engine)

    @property
    def needs_group(self) -> bool:
        """Whether some value looks at a row's group."""
        return "group" in self.plan.scopes

    @property
    def fingerprint(self) -> str:
        """A hash of the spec's meaning: its statements without tests and claims, and its params."""
        statements = [s for s in self.spec.module.statements if not isinstance(s, t.Test | t.Prove)]
        used = [[s for s in m.statements if isinstance(s, t.Def | t.Use)] for m in self.spec.libraries]
        text = repr((statements, *used, sorted((k, str(v)) for k, v in self.params.items())))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    # --- scoring -----------------------------------------------------------------------------------

    def __call__(
        self,
        rows: Any = None,
        *,
        group: Any = None,
        step: float = 0,
        keep: Iterable[str] = (),
        mapping: Mapping[str, str] | None = None,
        max_faults: float | None = None,
        progress: Progress | None = None,
        **columns: Any,
    ) -> Scores:
        """Score N rows.

        Args:
            rows: a list of dicts, a dict of columns, or a polars, pandas, Arrow or Hugging Face table;
                or leave it out and give the columns by name (`prompt=…, completion=…, answer=…`).
            group: rows per prompt, for consecutive rows, or one id per row.
            step: the training step, for weights and gates that depend on it.
            keep: lets to keep in `scores.frame`.
            mapping: `{"answer": "solution"}` reads the column `solution` as `answer`.
            max_faults: raise when more than this share of rows fails (never by default).
            progress: called with a function's name, calls done and calls to do.

        Raises:
            RowsError: a column is missing, or a value has a wrong type or range.
            RewardError: the spec cannot run, or an engine behind a call is dead.
            FaultLimitError: too many faults.
        """
        if max_faults is not None and not 0 <= max_faults <= 1:
            raise RewardError(f"`max_faults` is a share of rows, from 0 to 1, not {max_faults!r}")
        if rows is not None and columns:
            raise RowsError("give rows or columns by name, not both")
        table_rows = Rows(columns if rows is None else rows, mapping)
        kept = (keep,) if isinstance(keep, str) else tuple(keep)
        return self.score(table_rows, group, step, kept, max_faults, progress)

    def __repr__(self) -> str:
        return f"Reward({self.spec.source.name!r}, terms={list(self.terms)}, params={self.params})"

    def score(
        self,
        rows: Rows,
        group: Any = None,
        step: float = 0,
        keep: tuple[str, ...] = (),
        max_faults: float | None = None,
        progress: Progress | None = None,
        params: Mapping[str, Any] | None = None,
        uses: Mapping[str, NDArray[np.bool_]] | None = None,
    ) -> Scores:
        """`__call__` over rows already wrapped; see `evaluate` for `params` and `uses`."""
        for name in keep:
            if name not in self.plan.lets:
                known = ", ".join(f"`{let}`" for let in self.plan.lets) or "none"
                raise RewardError(f"there is no let `{name}` to keep; the lets are {known}")
        self._can_score()
        evaluation = self.evaluate(rows, group, step, progress, params, uses)
        return self.scores_of(evaluation, keep, max_faults)

    def evaluate(
        self,
        rows: Rows,
        group: Any = None,
        step: float = 0,
        progress: Progress | None = None,
        params: Mapping[str, Any] | None = None,
        uses: Mapping[str, NDArray[np.bool_]] | None = None,
        given: Mapping[int, Given] | None = None,
        mocks: Sequence[CallMock] = (),
        allow: Callable[[Request], None] | None = None,
    ) -> Evaluation:
        """Run the plan and keep every step's column, as `explain` and tests need them.

        `params` may hold one value per row; `uses` names lets that are wanted for their own sake,
        and on which rows; `given` are steps (`plan.numbers` finds them) and `mocks` functions that
        are not computed there; `allow` sees each call before it is made.
        """
        self._can_run()
        _same_process()
        if not isinstance(step, int | float | np.number) or not 0 <= step < 2**63 or step != int(step):
            raise RewardError(f"`step` is a whole number of 64 bits, 0 or more, not {step!r}")
        rows.check_mapping((*self.spec.inputs, *ROW_COLUMNS))
        n = rows.n
        groups = read_groups(group, n)
        if self.needs_group and groups is None:
            raise RowsError(
                "the spec aggregates over groups: say what a group is with `group=…` or `--group`"
            )
        try:
            columns = read_columns(self.spec, self.plan.columns, rows, self.tokenizer)
            self._same_per_prompt(columns, groups)
        except RowsError as error:
            raise error.after(rows.first) from None
        caller = Caller(self.backends, progress, self.externs, allow, counts=self.counts)
        table = Table(n, columns, {**self.params, **(params or {})}, step, groups, first=rows.first)
        engine = Engine(self.plan, table, caller, given or {}, mocks)
        none = np.zeros(n, np.bool_)
        skipped = none if self.plan.skip is None else engine.leave_out(self.plan.skip)
        alive = ~skipped
        wanted = dict.fromkeys(self.plan.terms.values(), alive)
        wanted |= {number: alive for _, number in self.plan.weights}
        for root in (self.plan.mask, self.plan.scale, *self.plan.options.values()):
            if root is not None:
                wanted[root] = alive
        for name, mask in (uses or {}).items():
            number = self.plan.lets[name]
            wanted[number] = wanted.get(number, none) | (alive & mask)
        if self.plan.skip is not None:
            wanted[self.plan.skip] = ~none  # nothing is left to compute, but what failed there counts
        engine.run(wanted)
        return Evaluation(engine, skipped, groups, step)

    def _can_run(self) -> None:
        if not self.spec.has_reward:
            raise RewardError(f"`{self.spec.source.name}` has no `reward`: it cannot score rows")

    def _can_score(self) -> None:
        """Before the first of perhaps many rows: every function that some row may reach is there."""
        for function in _called(self.plan):
            if function.executor == "host" and function.name not in self.externs:
                raise unbound(function.name)
            self.backends.require(function)

    def _same_per_prompt(self, columns: Mapping[str, Column], groups: NDArray[np.int64] | None) -> None:
        """`per prompt` inputs and `prompt.*` are the same within a group; checked where groups are given."""
        if groups is None:
            return
        for name, column in columns.items():
            spec = self.spec.inputs.get(name)
            if not (name.startswith("prompt.") or (spec is not None and spec.per_prompt)):
                continue
            first: dict[int, Any] = {}
            for row, (number, value) in enumerate(zip(groups.tolist(), values_of(column), strict=True)):
                if first.setdefault(number, value) != value:
                    raise RowsError(f": `{name}` is not the same as in the rows of its group before it", row)

    def scores_of(
        self, evaluation: Evaluation, keep: tuple[str, ...] = (), max_faults: float | None = None
    ) -> Scores:
        """Sum up a plan that has run."""
        engine, skipped = evaluation.engine, evaluation.skipped
        alive = ~skipped
        terms = {name: numbers(engine.columns[number], alive) for name, number in self.plan.terms.items()}
        matrix = np.stack([terms[name] for name in self.terms], axis=1)
        total, broken = self._total(engine, matrix, alive)
        faults = engine.faults() + broken
        lets = {name: engine.columns[self.plan.lets[name]] for name in keep}
        scores = Scores(
            terms=self.terms,
            matrix=matrix,
            weights=_weights(self.plan, engine),
            total=total,
            skipped=skipped,
            masked=_truth(engine, self.plan.mask, alive),
            groups=evaluation.groups,
            scale=numbers(engine.columns[self.plan.scale], alive) if self.plan.scale is not None else None,
            gates={name: numbers(engine.columns[number], alive) for name, number in self.plan.gates.items()},
            frame=self._frame(total, terms, lets, alive),
            faults=_fault_frame(faults),
            timings={**engine.caller.timings, **engine.timings},
            term_seconds=self._term_seconds(engine),
            step=evaluation.step,
            fingerprint=self.fingerprint,
            normalizer=self.spec.advantage.name if self.spec.advantage else None,
            options=self._options(engine),
        )
        if max_faults is not None:
            check_faults(scores, max_faults)
        return scores

    def _term_seconds(self, engine: Engine) -> dict[str, float]:
        """Time in calls, each counted under the first term that reads it."""
        seen: set[int] = set()
        seconds = {}
        for name, root in self.plan.terms.items():
            seconds[name] = 0.0
            stack = [root]
            while stack:
                number = stack.pop()
                if number not in seen:
                    seen.add(number)
                    seconds[name] += engine.seconds.get(number, 0.0)
                    stack.extend(self.plan.steps[number].args)
        return seconds

    def _options(self, engine: Engine) -> dict[str, Any]:
        options = {}
        for name, number in self.plan.options.items():
            values = values_of(engine.columns[number])
            if values:
                options[name] = values[0]
        return options

    def _total(
        self, engine: Engine, matrix: NDArray[np.float64], alive: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], list[Fault]]:
        """The weighted sum of each row's terms, and where it fails; a term without a value is left out."""
        weights = np.stack(
            [numbers(engine.columns[number], alive) for _, number in self.plan.weights], axis=1
        )
        missing = np.isnan(matrix).all(axis=1) | np.isnan(weights).any(axis=1)
        total = np.zeros(len(matrix))
        with np.errstate(all="ignore"):
            # left to right over the terms, so that the bits do not depend on how numpy blocks a sum
            for k in range(matrix.shape[1]):
                total = total + np.where(np.isnan(matrix[:, k]), 0.0, weights[:, k] * matrix[:, k])
        total = np.where(missing, 0.0, total)
        broken = {"the number is too large": ~np.isfinite(total)}
        if self.spec.reward_range is not None:
            held, outside = hold(np.nan_to_num(total), self.spec.reward_range)
            total, broken["outside its range"] = held, outside & ~missing
        faults = []
        for reason, rows in broken.items():
            missing = missing | rows
            faults += [Fault(int(row), "reward", "", reason, 0.0) for row in np.flatnonzero(rows)]
        return np.where(missing, np.nan, total), faults

    def _frame(
        self,
        total: NDArray[np.float64],
        terms: Mapping[str, NDArray[np.float64]],
        lets: Mapping[str, Column],
        alive: NDArray[np.bool_],
    ) -> pl.DataFrame:
        columns = {"reward": pl.Series(total).fill_nan(None)}
        columns |= {name: pl.Series(values).fill_nan(None) for name, values in terms.items()}
        for name, column in lets.items():
            hidden = Column(column.data, column.null | ~column.done | ~alive, column.fault, column.done)
            columns[name] = kept_series(hidden, self.spec.lets[name].type)
        return pl.DataFrame(columns)


#: the process that scored first
_scoring: int | None = None


def _same_process() -> None:
    """polars' threads are not there in a forked child: it would wait for them for ever."""
    global _scoring
    _scoring = _scoring or os.getpid()
    if _scoring != os.getpid():
        raise RewardError(
            "a reward that has scored rows cannot score in a forked child; start processes with `spawn`, or "
            "`forkserver`, or fork before the first rows are scored"
        )


def _called(plan: Plan) -> Iterator[Function]:
    """The functions that a plan calls, in folds too."""
    for step in plan.steps:
        if step.op == "call":
            yield step.data.function
        elif step.op == "fold":
            yield from _called(step.data.body)


def _weights(plan: Plan, engine: Engine) -> NDArray[np.float64]:
    """The weight of each term: the same on every row, unless a test gives params per sample."""
    out = []
    for _, number in plan.weights:
        column = engine.columns[number]
        known = np.asarray(column.data, np.float64)[column.done & ~column.null]
        out.append(known[0] if len(known) else np.nan)
    return np.array(out)


def _counter(tokenizer: Any) -> Tokenizer | None:
    """A function from texts to token counts."""
    if tokenizer is None:
        return None
    if hasattr(tokenizer, "encode"):

        def count(texts: list[str]) -> list[int]:
            return [len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]

        return count
    if callable(tokenizer):
        return tokenizer  # type: ignore[no-any-return]
    raise RewardError("`tokenizer` is a Hugging Face tokenizer or a function from texts to counts")


def numbers(column: Column, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The column as float64, NaN where it has no value."""
    data = np.asarray(column.data)
    data = np.zeros(len(data)) if data.dtype == object else data.astype(np.float64)
    # + 0.0 takes the sign off a zero
    return np.where(column.null | ~column.done | ~alive, np.nan, data + 0.0)


def _truth(engine: Engine, root: int | None, alive: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if root is None:
        return np.zeros(engine.table.n, np.bool_)
    column = engine.columns[root]
    return np.asarray(column.data, np.bool_) & ~column.null & column.done & alive


def kept_series(column: Column, type_: Any) -> pl.Series:
    """A kept let for the frame; structured values as their JSON text."""
    if type_.kind in ("bool", "int", "real"):
        return series_of(column, type_)
    values = values_of(column)
    if type_.kind == "text":
        return pl.Series(values, dtype=pl.String)
    return pl.Series([None if v is None else json_text(v) for v in values], dtype=pl.String)


def json_text(value: Any) -> str:
    """A structured value as JSON text; a text stays itself."""
    import dataclasses
    import json

    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            shown = (f.name for f in dataclasses.fields(item) if f.name != "written")
            return {name: plain(getattr(item, name)) for name in shown}
        return [plain(x) for x in item] if isinstance(item, tuple) else item

    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)


def _fault_frame(faults: list[Fault]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "row": [f.row for f in faults],
            "name": [f.name for f in faults],
            "function": [f.function for f in faults],
            "reason": [f.reason for f in faults],
            "seconds": [f.seconds for f in faults],
        },
        schema={
            "row": pl.Int64,
            "name": pl.String,
            "function": pl.String,
            "reason": pl.String,
            "seconds": pl.Float64,
        },
    )


def check_faults(scores: Scores, max_faults: float) -> None:
    """Raise where more than this share of rows has a fault."""
    n = len(scores)
    failed = scores.faults.get_column("row").n_unique() if n else 0
    if n and failed > max_faults * n:
        first = scores.faults.row(0, named=True)
        raise FaultLimitError(
            f"{failed} of {n} rows failed, more than the {max_faults:.0%} of `max_faults`; the first: row "
            f"{first['row']}, `{first['name']}`, {first['function']}: {first['reason']}"
        )
