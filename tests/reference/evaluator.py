"""What a spec means, one row at a time in plain Python: the compiled plan must agree with it.

It walks the checked spec and shares nothing with the plan or the runtime. Library functions are called
directly (their own tests hold them to references); operators, aggregates, folds, guards, nulls and faults
are all here. `None` is null, `FAULT` a failure.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl

from rewardkit.checker.spec import Spec, Value
from rewardkit.types.function import Function
from rewardkit.types.messages import content_text, read_message, read_structured
from rewardkit.types.types import Type
from rewardkit.types.values import Call, Message, RunResult


class _Fault:
    def __repr__(self) -> str:
        return "FAULT"


FAULT = _Fault()
Row = Mapping[str, Any]
Items = dict[int, Any]  # the item of each fold around an expression


@dataclass
class Scored:
    """What the reference makes of some rows; lists have one value per row."""

    terms: dict[str, list[Any]]  # number, None or FAULT
    gates: dict[str, list[Any]]
    totals: list[float | None]
    skipped: list[bool]
    masked: list[bool]
    weights: list[float | None]
    scale: list[float | None] | None
    faulted: set[int]  # rows on which something that was reached failed
    calls: set[tuple[str, str, Any, Any]] = field(
        default_factory=set
    )  # function, executor, constants, arguments


def score(
    spec: Spec,
    rows: Sequence[Row],
    group: int | Sequence[Any] | None = None,
    params: Mapping[str, Any] | None = None,
    step: int = 0,
) -> Scored:
    """Score rows; `group` is a size of consecutive rows or one id per row."""
    return _Evaluator(spec, rows, group, params or {}, step).score()


class _Evaluator:
    def __init__(
        self, spec: Spec, rows: Sequence[Row], group: Any, params: Mapping[str, Any], step: int
    ) -> None:
        self.spec, self.n, self.step = spec, len(rows), step
        self.rows = [_Cells(spec, row) for row in rows]
        ids = [i // group for i in range(self.n)] if isinstance(group, int) else group
        self.groups = [0] * self.n if ids is None else list(ids)
        self.params = {name: params.get(name, param.default) for name, param in spec.params.items()}
        self.alive = [True] * self.n
        self.faulted: set[int] = set()
        self.calls: set[Any] = set()
        self.known: dict[Any, Any] = {}  # lets, terms, aggregates and calls, once each

    def score(self) -> Scored:
        spec = self.spec
        self.alive = [not self.holds(spec.skips, row) for row in range(self.n)]
        terms = {name: self.everywhere(term.value) for name, term in spec.terms.items()}
        gates = {n: self.everywhere(t.value.args[1]) for n, t in spec.terms.items() if t.value.data.gated}
        weights = [self.everywhere(weight) for _, weight in spec.weights]
        return Scored(
            terms,
            gates,
            [self.total(row, terms, weights) for row in range(self.n)],
            [not alive for alive in self.alive],
            [alive and self.holds(spec.masks, row) for row, alive in enumerate(self.alive)],
            [next((x for x in weight if isinstance(x, int | float)), None) for weight in weights],
            self.everywhere(spec.advantage.scale) if spec.advantage and spec.advantage.scale else None,
            self.faulted,
            self.calls,
        )

    def everywhere(self, value: Value) -> list[Any]:
        return [self.value(value, row, {}) if self.alive[row] else None for row in range(self.n)]

    def holds(self, conditions: Iterable[Value], row: int) -> bool:
        """Whether one of them is true, in file order; one that fails is not."""
        return any(self.value(condition, row, {}) is True for condition in conditions)

    def total(self, row: int, terms: dict[str, list[Any]], weights: list[list[Any]]) -> float | None:
        if not self.alive[row] or any(weight[row] is FAULT for weight in weights):
            return None
        total, found = 0.0, False
        for (name, _), weight in zip(self.spec.weights, weights, strict=True):
            value = terms[name][row]
            if value is not None and value is not FAULT:
                total, found = total + float(weight[row]) * float(value), True
        if not found:
            return None
        held = self.hold(total, self.spec.reward_range, row)
        return None if held is FAULT else held

    # --- expressions -------------------------------------------------------------------------------

    def value(self, value: Value, row: int, items: Items) -> Any:
        """An expression's value on a row: `None` for null, `FAULT` where it failed."""
        if value.op in ("let", "term"):  # they see no items, and are computed once
            key = (id(value), row)
            if key not in self.known:
                self.known[key] = _as(value.type, getattr(self, value.op)(value, row))
            return self.known[key]
        if value.op in _LAZY:
            found = getattr(self, value.op.rstrip("_"), None) or getattr(self, value.op + "_")
            return _as(value.type, found(value, row, items))
        args = [self.value(arg, row, items) for arg in value.args]
        if FAULT in args:
            return FAULT
        if None in args:
            return None
        return _as(value.type, getattr(self, "op_" + value.op)(value, row, *args))

    def failure(self, row: int) -> Any:
        self.faulted.add(row)
        return FAULT

    def number(self, type_: Type, row: int, number: Any) -> Any:
        """A number of 64 bits, or the failure to be one."""
        if type_.kind == "int":
            return number if -(2**63) <= number < 2**63 else self.failure(row)
        return number if math.isfinite(number) else self.failure(row)

    def hold(self, number: Any, interval: Any, row: int) -> Any:
        """A number clipped to a range where rounding alone put it outside."""
        if not math.isfinite(number):
            return self.failure(row)
        if interval is None:
            return number
        for limit, beyond in ((interval.lo, -1), (interval.hi, 1)):
            if limit is None:
                continue
            if beyond * (Fraction(number) - limit) > Fraction(1, 10**9) * max(abs(limit), 1):
                return self.failure(row)
            if beyond * (Fraction(number) - Fraction(float(limit))) > 0:
                number = type(number)(limit)
        return number

    # --- names -------------------------------------------------------------------------------------

    def let(self, value: Value, row: int) -> Any:
        return self.value(value.args[0], row, {})

    def term(self, value: Value, row: int) -> Any:
        if value.data.gated:
            gate = self.value(value.args[1], row, {})
            if gate is None or gate is FAULT:
                return gate
            found = self.value(value.args[0 if gate else 2], row, {})
        else:
            found = self.value(value.args[0], row, {})
        if found is None or found is FAULT:
            return found
        return self.hold(_as(value.type, found), value.data.range, row)

    def op_constant(self, value: Value, row: int) -> Any:
        return _constant(value.data, value.type)

    def op_column(self, value: Value, row: int) -> Any:
        return self.rows[row][value.data]

    def op_param(self, value: Value, row: int) -> Any:
        return _constant(self.params[value.data], value.type)

    def op_step(self, value: Value, row: int) -> Any:
        return self.step

    # --- guards ------------------------------------------------------------------------------------

    def alias(self, value: Value, row: int, items: Items) -> Any:
        return self.value(value.args[0], row, items)

    def bind(self, value: Value, row: int, items: Items) -> Any:
        return self.value(value.args[0], row, items)

    def and_(self, value: Value, row: int, items: Items) -> Any:
        left = self.value(value.args[0], row, items)
        return self.value(value.args[1], row, items) if left is True else left

    def or_(self, value: Value, row: int, items: Items) -> Any:
        left = self.value(value.args[0], row, items)
        return self.value(value.args[1], row, items) if left is False else left

    def if_(self, value: Value, row: int, items: Items) -> Any:
        condition = self.value(value.args[0], row, items)
        if condition is None or condition is FAULT:
            return condition
        return self.value(value.args[1 if condition else 2], row, items)

    def coalesce(self, value: Value, row: int, items: Items) -> Any:
        left = self.value(value.args[0], row, items)
        return self.value(value.args[1], row, items) if left is None or left is FAULT else left

    def is_null(self, value: Value, row: int, items: Items) -> Any:
        found = self.value(value.args[0], row, items)
        return FAULT if found is FAULT else found is None

    def failed(self, value: Value, row: int, items: Items) -> Any:
        return self.value(value.args[0], row, items) is FAULT

    def element(self, value: Value, row: int, items: Items) -> Any:
        return items[value.data]

    # --- operators ---------------------------------------------------------------------------------

    def op_add(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _as(value.type, a), _as(value.type, b)
        return self.number(value.type, row, a + b)

    def op_sub(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _as(value.type, a), _as(value.type, b)
        return self.number(value.type, row, a - b)

    def op_mul(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _as(value.type, a), _as(value.type, b)
        return self.number(value.type, row, a * b)

    def op_div(self, value: Value, row: int, a: Any, b: Any) -> Any:
        # a denominator that rounds to 0 gives no finite number
        return self.number(value.type, row, float(a) / float(b) if b else math.inf)

    def op_neg(self, value: Value, row: int, a: Any) -> Any:
        return self.number(value.type, row, -a)

    def op_not(self, value: Value, row: int, a: Any) -> Any:
        return not a

    def op_eq(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _alike(a, b)
        return a == b

    def op_ne(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _alike(a, b)
        return a != b

    def op_lt(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _alike(a, b)
        return a < b

    def op_le(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _alike(a, b)
        return a <= b

    def op_gt(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _alike(a, b)
        return a > b

    def op_ge(self, value: Value, row: int, a: Any, b: Any) -> Any:
        a, b = _alike(a, b)
        return a >= b

    def op_field(self, value: Value, row: int, a: Any) -> Any:
        return getattr(a, value.data)

    def op_index(self, value: Value, row: int, xs: Any, i: int) -> Any:
        return xs[i] if -len(xs) <= i < len(xs) else None

    def op_list(self, value: Value, row: int, *parts: Any) -> Any:
        return parts

    # --- calls -------------------------------------------------------------------------------------

    def op_call(self, value: Value, row: int, *args: Any) -> Any:
        function, constants = value.data.function, value.data.constants
        if function.executor == "scalar":
            return self.scalar(value, row, args)
        wanted = {p.name: p.type for p in function.parameters}
        if function.infer is None:
            args = tuple(_as(wanted[name], arg) for name, arg in zip(value.data.order, args, strict=True))
        call = (function.name, function.executor, constants, args)
        self.calls.add(call)
        if call not in self.known:
            self.known[call] = _called(function, dict(constants), args)
        found = self.known[call]
        if found is FAULT or (found is None and not function.result.optional) or not _is(found, value.type):
            return self.failure(row)
        if found is None or not value.type.is_number:
            return tuple(found) if isinstance(found, list) else found
        held = self.number(value.type, row, found) if value.type.kind == "int" else self.real(found, row)
        return held if held is FAULT or function.infer else self.hold(held, function.range, row)

    def real(self, found: float, row: int) -> Any:
        try:
            return self.number(Type("real"), row, float(found))
        except OverflowError:
            return self.failure(row)

    def scalar(self, value: Value, row: int, args: tuple[Any, ...]) -> Any:
        """A function of numbers: of ints where the result is one for ints, else of reals."""
        function, whole = value.data.function, value.type.kind == "int"
        if not (whole and all(isinstance(arg, int) for arg in args)):
            args = tuple(float(arg) for arg in args)
        plain = _PLAIN.get(function.name)
        if plain is not None:
            found = plain(*args)
        else:
            with np.errstate(all="ignore"):
                arrays = (np.array([arg], np.float64) for arg in args)
                found = function.implementation(*arrays, **dict(value.data.constants))[0].item()
        return self.number(value.type, row, found)

    # --- aggregates and folds ------------------------------------------------------------------------

    def aggregate(self, value: Value, row: int, items: Items) -> Any:
        data = value.data
        others = [
            other
            for other in range(self.n)
            if self.alive[other] and (data.scope == "batch" or self.groups[other] == self.groups[row])
        ]
        key = (id(value), self.groups[row] if data.scope == "group" else None)
        if key not in self.known:
            self.known[key] = self.counted(value, others)
        values, failed = self.known[key]
        if data.function == "rank":
            mine = values.get(row)
            if mine is None:
                return FAULT if row in failed else None
            below = sum(other < mine for other in values.values())
            return 1 + below + (sum(other == mine for other in values.values()) - 1) / 2
        found = self.reduce(data.function, list(values.values()), value.type, row)
        return FAULT if found is None and failed else found

    def counted(self, value: Value, rows: list[int]) -> tuple[dict[int, Any], set[int]]:
        """The values that an aggregate counts, and the rows where `where` or the value failed."""
        data, values, failed = value.data, {}, set()
        for row in rows:
            where = self.value(value.args[-1], row, {}) if data.has_where else True
            found = None
            if where is True:
                found = self.value(value.args[0], row, {}) if data.has_value else 1
            if where is FAULT or found is FAULT:
                failed.add(row)
            elif found is not None:
                values[row] = found
        return values, failed

    def fold(self, value: Value, row: int, items: Items) -> Any:
        xs = self.value(value.args[0], row, items)
        if xs is None or xs is FAULT:
            return xs
        data, values, failed = value.data, [], False
        for x in xs:
            inside = {**items, data.number: x}
            where = self.value(value.args[2], row, inside) if data.has_where else True
            found = self.value(value.args[1], row, inside) if where is True else None
            failed |= where is FAULT or found is FAULT
            if found is not None:
                values.append(found)
        return FAULT if failed else self.reduce(data.function, values, value.type, row)

    def reduce(self, function: str, values: list[Any], type_: Type, row: int) -> Any:
        if function == "count":
            return sum(value is not False for value in values)
        if function in ("any", "all"):
            return (any if function == "any" else all)(values)
        values = [int(value) if isinstance(value, bool) else value for value in values]
        if function == "sum":
            return self.number(type_, row, _sum(values) if type_.kind == "real" else sum(values))
        if len(values) < (2 if function == "std" else 1):
            return None
        if function in ("min", "max"):
            return (min if function == "min" else max)(values)
        mean = self.number(Type("real"), row, _sum(values) / len(values))
        if mean is not FAULT:
            mean = min(max(mean, float(min(values))), float(max(values)))
        if function == "mean" or mean is FAULT:
            return mean
        squares = _sum([(float(value) - mean) * (float(value) - mean) for value in values])
        return self.number(type_, row, math.sqrt(squares / (len(values) - 1)))


_LAZY = ("alias", "bind", "and", "or", "if", "coalesce", "is_null", "failed", "element", "aggregate", "fold")


def _sum(values: list[Any]) -> float:
    """In order, as floats add."""
    total = 0.0
    for value in values:
        total += float(value)
    return total


def _as(type_: Type, value: Any) -> Any:
    """An int where a real is wanted as that real, a bool where an int is."""
    if isinstance(value, int) and type_.is_number:
        return float(value) if type_.kind == "real" else int(value)
    return value


def _alike(a: Any, b: Any) -> tuple[Any, Any]:
    return (float(a), float(b)) if isinstance(a, float) or isinstance(b, float) else (a, b)


def _constant(value: Any, type_: Type) -> Any:
    if isinstance(value, tuple):
        assert type_.item is not None
        return tuple(_constant(item, type_.item) for item in value)
    if isinstance(value, Fraction):
        return int(value) if type_.kind == "int" else float(value)
    return _as(type_, value)


# --- library functions -----------------------------------------------------------------------------

_PLAIN: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "clamp": lambda x, lo, hi: min(max(x, lo), hi),
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
}

_POLARS: dict[str, Any] = {"bool": pl.Boolean, "int": pl.Int64, "real": pl.Float64, "text": pl.String}
_PYTHON: dict[str, Any] = {"bool": bool, "int": int, "real": float | int, "text": str, "json": str,
                           "list": tuple | list, "call": Call, "message": Message,
                           "testcase": str, "result": RunResult}  # fmt: skip


def _called(function: Function, constants: dict[str, Any], args: tuple[Any, ...]) -> Any:
    implementation = function.implementation
    if function.executor == "columns":
        assert callable(implementation)
        types = [p.type.kind for p in function.parameters if p.name not in constants]
        frame = pl.DataFrame(
            {
                f"{i}": pl.Series([a], dtype=_POLARS[k])
                for i, (a, k) in enumerate(zip(args, types, strict=True))
            }
        )
        found = frame.select(implementation(*map(pl.col, frame.columns), **constants).alias("found"))
        return found["found"].to_list()[0]
    if isinstance(implementation, str):
        module, _, name = implementation.partition(":")
        implementation = getattr(import_module(module), name)
    try:
        if function.executor == "batch":
            return implementation([args], **constants)[0]
        return implementation(*args, **constants)
    except Exception:
        return FAULT


def _is(value: Any, type_: Type) -> bool:
    if value is None:
        return True
    if type_.kind == "list":
        return isinstance(value, tuple | list) and all(_is(item, type_.item or type_) for item in value)
    if isinstance(value, bool) and type_.kind != "bool":
        return False
    return isinstance(value, _PYTHON[type_.kind])


# --- rows ----------------------------------------------------------------------------------------------


class _Cells:
    """The columns of one row, read where they are asked for. Rows are taken to fit the spec."""

    def __init__(self, spec: Spec, row: Row) -> None:
        self.spec, self.row = spec, row

    def __getitem__(self, name: str) -> Any:
        if name in self.spec.inputs:
            given = self.spec.inputs[name]
            return _cell(_at(self.row, given.column), given.type)
        side, _, measure = name.partition(".")
        if measure == "tokens":
            ids = self.row.get("completion_ids")
            return self.row["completion_tokens"] if ids is None else len(ids)
        if measure == "finished":
            return self.row.get("finished", True)
        role = "assistant" if side == "completion" else "user"
        messages = self.row[side]
        if isinstance(messages, str):
            messages = [{"role": role, "content": messages}]
        mine = [message for message in messages if message.get("role", "assistant") == role]
        if measure == "messages":
            return tuple(read_message(message) for message in messages)
        if measure == "reasoning":
            last = mine[-1] if mine else {}
            found = last.get("reasoning_content", last.get("reasoning"))
            return None if found is None else content_text(found)
        return content_text(mine[-1].get("content")) if mine else ""


def _at(row: Row, path: str) -> Any:
    if path in row:
        return row[path]
    found: Any = row
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _cell(value: Any, type_: Type) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if type_.kind in ("bool", "text"):
        return value
    if type_.is_number:
        return int(value) if type_.kind == "int" else float(value)
    found, problem = read_structured(value, type_)
    assert problem is None, problem
    return found
