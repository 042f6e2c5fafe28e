"""Rows in any form to columns, each value held to its declared type and range."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.checker.builtins import COLUMNS
from rewardkit.checker.spec import InputSpec, Spec
from rewardkit.runtime.columns import Column, Mask, dtype_of
from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.operations import real
from rewardkit.types.interval import Interval
from rewardkit.types.messages import content_text, read_message, read_structured
from rewardkit.types.types import TEXT, Type
from rewardkit.types.values import Message

#: the columns of a row that a spec reads without declaring them
ROW_COLUMNS = ("prompt", "completion", "completion_ids", "completion_tokens", "finished")

Tokenizer = Callable[[list[str]], list[int]]


class Rows:
    """N rows by column, from a list of dicts, columns, polars, pandas, Arrow or a Hugging Face dataset.

    `mapping` renames: `{"answer": "solution"}` reads the column `solution` where `answer` is asked for.
    """

    def __init__(self, rows: Any, mapping: Mapping[str, str] | None = None) -> None:
        self._mapping = dict(mapping or {})
        self._dicts: Sequence[Mapping[str, Any]] | None = None
        self._columns: dict[str, Any] = {}
        self._padded = False
        if isinstance(rows, list | tuple):
            self._dicts = rows
            for i, row in enumerate(rows):
                if not isinstance(row, Mapping):
                    raise RowsError(f"row {i}: expected an object with columns, found {_name(row)}")
        else:
            self._columns = _by_column(rows)
            columns = self._columns.values()
            self._padded = not isinstance(rows, Mapping) or any(isinstance(c, pl.Series) for c in columns)
        self.n = len(self._dicts) if self._dicts is not None else _common_length(self._columns)

    @property
    def names(self) -> list[str]:
        """The columns there are (of a list of dicts, those of any row)."""
        if self._dicts is None:
            return list(self._columns)
        return list(dict.fromkeys(name for row in self._dicts for name in row))

    def has(self, name: str) -> bool:
        return self._find(name) is not None

    def get(self, name: str) -> list[Any] | pl.Series:
        """A column by its own name, or a path into nested ones (`extra_info.answer`)."""
        found = self._find(name)
        if found is None and self._dicts is not None and not self.n:
            return []
        if found is None:
            wanted = self._mapping.get(name, name)
            known = ", ".join(f"`{column}`" for column in self.names[:12]) or "none"
            raise RowsError(
                f"there is no column `{wanted}`; the columns are {known}"
                + ("" if name in self._mapping else f"; rename one with `--map {name}=…`")
            )
        return found

    def cells(self, name: str) -> list[Any]:
        """A column of structured values as Python values.

        A table gives every object the keys of all of them: those that are null were not there.
        """
        found = self.get(name)
        values = found.to_list() if isinstance(found, pl.Series) else found
        return [_unpadded(value) for value in values] if self._padded else values

    def _find(self, name: str) -> list[Any] | pl.Series | None:
        name = self._mapping.get(name, name)
        whole = self._column(name)
        if whole is not None or "." not in name:
            return whole
        head, *path = name.split(".")
        base = self._column(head)
        if base is None:
            return None
        values: list[Any] = base.to_list() if isinstance(base, pl.Series) else list(base)
        found = False
        for key in path:
            found = any(isinstance(v, Mapping) and key in v for v in values)
            values = [v.get(key) if isinstance(v, Mapping) else None for v in values]
        return values if found else None

    def _column(self, name: str) -> list[Any] | pl.Series | None:
        if self._dicts is None:
            column: list[Any] | pl.Series | None = self._columns.get(name)
            return column
        if not any(name in row for row in self._dicts):
            return None
        return [row.get(name) for row in self._dicts]


def _unpadded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _unpadded(item) for key, item in value.items() if item is not None}
    return [_unpadded(item) for item in value] if isinstance(value, list) else value


def _by_column(rows: Any) -> dict[str, Any]:
    """The columns of a mapping, or of any table that polars can take."""
    if isinstance(rows, pl.LazyFrame):
        rows = rows.collect()
    if isinstance(rows, pl.DataFrame):
        return {name: rows.get_column(name) for name in rows.columns}
    if isinstance(rows, Mapping):
        return {name: _plain_column(name, column) for name, column in rows.items()}
    module = type(rows).__module__.partition(".")[0]
    if module == "datasets":
        return {name: list(rows[name]) for name in rows.column_names}
    if module in ("pandas", "pyarrow"):
        frame = pl.from_pandas(rows) if module == "pandas" else pl.from_arrow(rows)
        assert isinstance(frame, pl.DataFrame)
        return {name: frame.get_column(name) for name in frame.columns}
    raise RowsError(
        f"cannot read rows from {_name(rows)}; give a list of dicts, a dict of columns, or a polars, "
        "pandas, Arrow or Hugging Face table"
    )


def _plain_column(name: str, column: Any) -> Any:
    if isinstance(column, pl.Series | list):
        return column
    if isinstance(column, str | bytes) or not hasattr(column, "__len__"):
        raise RowsError(f"the column `{name}` is {_name(column)}; give one value per row, as a list")
    return column.tolist() if hasattr(column, "tolist") else list(column)


def _common_length(columns: Mapping[str, Any]) -> int:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"`{name}` has {n}" for name, n in lengths.items())
        raise RowsError(f"the columns have different lengths: {shown}")
    return next(iter(lengths.values()), 0)


# --- the columns a plan reads --------------------------------------------------------------------


def read_columns(
    spec: Spec, needed: frozenset[str], rows: Rows, tokenizer: Tokenizer | None
) -> dict[str, Column]:
    """Every needed column, checked. Raises `RowsError` that names the row and the column."""
    columns = {}
    for name in sorted(needed):
        if name in spec.inputs:
            columns[name] = _input(spec.inputs[name], rows)
        else:
            columns[name] = _BUILT_IN[name](rows, tokenizer)
    return columns


def _input(spec: InputSpec, rows: Rows) -> Column:
    # an input may be mapped by its own name, or by the column that it comes from
    name = spec.name if spec.name in rows._mapping else spec.column
    if spec.type.optional and not rows.has(name):
        values: list[Any] | pl.Series = [None] * rows.n if not rows.names or rows.n == 0 else rows.get(name)
    elif spec.type.kind in ("bool", "int", "real", "text"):
        values = rows.get(name)
    else:
        values = rows.cells(name)
    return typed_column(name, values, spec.type, spec.range)


def typed_column(name: str, values: list[Any] | pl.Series, type_: Type, interval: Interval | None) -> Column:
    """A column of a declared type. NaN is null; an infinity, a wrong type or range is an error."""
    if type_.kind == "text" and isinstance(values, pl.Series) and values.dtype == pl.String:
        null = values.is_null().to_numpy()
        return _checked(name, values, null, type_, interval)
    values = values.to_list() if isinstance(values, pl.Series) else values
    n = len(values)
    null = np.zeros(n, np.bool_)
    plain = _plain(values, type_)
    if plain is not None:
        return _checked(name, plain, null, type_, interval)
    if type_.kind == "text":
        for i, value in enumerate(values):
            if _missing(value):
                null[i] = True
            elif not isinstance(value, str):
                raise _wrong(name, i, "a text", value, _text_help(name, value))
        if null.any():
            values = [None if missing else value for value, missing in zip(values, null, strict=True)]
        try:
            return _checked(name, pl.Series(values, dtype=pl.String), null, type_, interval)
        except UnicodeEncodeError:
            row = next(i for i, v in enumerate(values) if v is not None and _has_surrogate(v))
            raise RowsError(f"row {row}, column `{name}`: the text holds half of a surrogate pair") from None
    data: NDArray[Any] = (
        np.zeros(n, dtype_of(type_)) if dtype_of(type_) is not object else np.empty(n, object)
    )
    read = _READERS.get(type_.kind)
    for i, value in enumerate(values):
        if _missing(value):
            null[i] = True
        elif read is not None:
            data[i] = read(name, i, value, type_)
        else:
            item, problem = read_structured(value.tolist() if isinstance(value, np.ndarray) else value, type_)
            if problem is not None:
                raise RowsError(f"row {i}, column `{name}`: not `{type_.required}`: {problem}")
            data[i] = item
    return _checked(name, data, null, type_, interval)


def _plain(values: list[Any], type_: Type) -> NDArray[Any] | pl.Series | None:
    """All values at once where each plainly has the type; `None` sends them through one by one."""
    found = set(map(type, values))
    try:
        if type_.kind == "text" and found == {str}:
            return pl.Series(values, dtype=pl.String)
        if type_.kind == "bool" and found == {bool}:
            return np.array(values, np.bool_)
        if type_.kind == "int" and found == {int}:
            return np.array(values, np.int64)
        if type_.kind == "real" and found and found <= {int, float}:
            data = np.array(values, np.float64)
            return data if np.isfinite(data).all() else None
    except (OverflowError, UnicodeEncodeError):
        return None
    return None


def _missing(value: Any) -> bool:
    """`None`, NaN, and what pandas has for them."""
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return True
    return type(value).__name__ in ("NAType", "NaTType")


def _checked(name: str, data: Any, null: Mask, type_: Type, interval: Interval | None) -> Column:
    n = len(null)
    if null.any() and not type_.optional:
        row = int(np.flatnonzero(null)[0])
        raise RowsError(
            f"row {row}, column `{name}`: there is no value, and `{name}` is `{type_}`; "
            f"declare `{name}: {type_}?` and say what null means"
        )
    if interval is not None:
        for row in np.flatnonzero(~null & _outside(data, interval)).tolist():
            raise RowsError(f"row {row}, column `{name}`: {data[row]} is outside its range {interval}")
    return Column(data, null, np.zeros(n, np.bool_), np.ones(n, np.bool_))


def _outside(data: NDArray[Any], interval: Interval) -> Mask:
    # the ends of a range of ints are whole, and a large int does not survive as a float
    number: Callable[[Fraction], Any] = int if data.dtype == np.int64 else real
    outside = np.zeros(len(data), np.bool_)
    if interval.lo is not None:
        lo = number(interval.lo)
        outside |= (data <= lo) if interval.lo_open else (data < lo)
    if interval.hi is not None:
        hi = number(interval.hi)
        outside |= (data >= hi) if interval.hi_open else (data > hi)
    return outside


def _read_bool(name: str, row: int, value: Any, type_: Type) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise _wrong(name, row, "true or false", value)


def _read_int(name: str, row: int, value: Any, type_: Type) -> int:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise _wrong(name, row, "a whole number", value)
    if isinstance(value, float | np.floating) and math.isinf(value):
        raise RowsError(f"row {row}, column `{name}`: an infinity is no number")
    if value != int(value):
        raise _wrong(name, row, "a whole number", value, f"declare `{name}: real`")
    if not -(2**63) <= int(value) < 2**63:
        raise RowsError(f"row {row}, column `{name}`: {value} does not fit in 64 bits")
    return int(value)


def _read_real(name: str, row: int, value: Any, type_: Type) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise _wrong(name, row, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise RowsError(f"row {row}, column `{name}`: an infinity is no number")
    return number


_READERS: dict[str, Callable[[str, int, Any, Type], Any]] = {
    "bool": _read_bool,
    "int": _read_int,
    "real": _read_real,
}


def _wrong(name: str, row: int, wanted: str, value: Any, help_: str = "") -> RowsError:
    return RowsError(
        f"row {row}, column `{name}`: expected {wanted}, found {_name(value)}"
        + (f"; {help_}" if help_ else "")
    )


def _text_help(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f"declare `{name}: bool`"
    if isinstance(value, int | float):
        return f"declare `{name}: {'int' if isinstance(value, int) else 'real'}`, or write the column as text"
    return f"declare `{name}: json`" if isinstance(value, dict | list) else ""


def _name(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, bool | int | float):
        return f"{value!r}"
    return {dict: "an object", list: "a list", type(None): "null"}.get(
        type(value), f"a {type(value).__name__}"
    )


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


# --- prompt and completion -------------------------------------------------------------------------


def _messages(column: str, role: str) -> Callable[[Rows, Tokenizer | None], Column]:
    def read(rows: Rows, _: Tokenizer | None) -> Column:
        out = np.empty(rows.n, object)
        for i, value in enumerate(rows.cells(column)):
            out[i] = _conversation(column, i, value, role)
        return _full(out)

    return read


def _conversation(column: str, row: int, value: Any, role: str) -> tuple[Message, ...]:
    if isinstance(value, str):
        return (Message(role, value),)
    if not isinstance(value, list | tuple):
        raise _wrong(column, row, "a text or a list of messages", value)
    try:
        return tuple(read_message(_without_nulls(message)) for message in value)
    except ValueError as error:
        raise RowsError(f"row {row}, column `{column}`: {error}") from None


def _without_nulls(message: Any) -> Any:
    """A table gives every message the keys of all: those that are null were not there."""
    if isinstance(message, Mapping):
        return {key: item for key, item in message.items() if item is not None}
    return message


def _text(column: str, role: str) -> Callable[[Rows, Tokenizer | None], Column]:
    """The last message of the role that matters: the assistant's of a completion, the user's of a prompt."""

    def read(rows: Rows, _: Tokenizer | None) -> Column:
        values = rows.get(column)
        if isinstance(values, pl.Series) and values.dtype == pl.String and not values.null_count():
            return _full(values)
        plain = _plain(rows.cells(column), TEXT)
        if isinstance(plain, pl.Series):
            return _full(plain)
        texts = []
        for i, value in enumerate(rows.cells(column)):
            messages = _conversation(column, i, value, role)
            texts.append(next((m.text for m in reversed(messages) if m.role == role), ""))
        try:
            return _full(pl.Series(texts, dtype=pl.String))
        except UnicodeEncodeError:
            row = next(i for i, text in enumerate(texts) if _has_surrogate(text))
            raise RowsError(
                f"row {row}, column `{column}`: the text holds half of a surrogate pair"
            ) from None

    return read


def _tokens(rows: Rows, tokenizer: Tokenizer | None) -> Column:
    """What the policy generated: given as counts or ids, else counted by the tokenizer the run names."""
    if rows.has("completion_tokens"):
        column = typed_column(
            "completion_tokens", rows.get("completion_tokens"), COLUMNS["completion.tokens"], None
        )
        return _not_negative("completion_tokens", column)
    if rows.has("completion_ids"):
        lengths = []
        for i, ids in enumerate(rows.get("completion_ids")):
            if not hasattr(ids, "__len__") or isinstance(ids, str):
                raise _wrong("completion_ids", i, "a list of token ids", ids)
            lengths.append(len(ids))
        return _full(np.array(lengths, np.int64))
    if tokenizer is None:
        raise RowsError(
            "the spec reads `completion.tokens`, and tokens are never guessed from text; give a column "
            "`completion_tokens` or `completion_ids`, or name a tokenizer with `--tokenizer`"
        )
    texts = _text("completion", "assistant")(rows, None).data
    assert isinstance(texts, pl.Series)
    return _full(np.array(tokenizer(texts.to_list()), np.int64))


def _not_negative(name: str, column: Column) -> Column:
    for row in np.flatnonzero(np.asarray(column.data) < 0):
        raise RowsError(f"row {row}, column `{name}`: a count cannot be negative")
    return column


def _finished(rows: Rows, _: Tokenizer | None) -> Column:
    if not rows.has("finished"):
        return _full(np.ones(rows.n, np.bool_))
    return typed_column("finished", rows.get("finished"), COLUMNS["completion.finished"], None)


def _reasoning(rows: Rows, _: Tokenizer | None) -> Column:
    """The reasoning field of the last assistant message; never cut from tags."""
    out = np.empty(rows.n, object)
    for i, value in enumerate(rows.cells("completion")):
        if isinstance(value, str):
            continue
        if not isinstance(value, list | tuple):
            raise _wrong("completion", i, "a text or a list of messages", value)
        for message in reversed(value):
            if isinstance(message, Mapping) and message.get("role", "assistant") == "assistant":
                found = message.get("reasoning_content", message.get("reasoning"))
                out[i] = None if found is None else content_text(found)
                break
    column = _full(out)
    column.null = np.fromiter((x is None for x in out), np.bool_, rows.n)
    return column


def _full(data: Any) -> Column:
    n = len(data)
    return Column(data, np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.ones(n, np.bool_))


_BUILT_IN: dict[str, Callable[[Rows, Tokenizer | None], Column]] = {
    "completion.text": _text("completion", "assistant"),
    "completion.messages": _messages("completion", "assistant"),
    "completion.tokens": _tokens,
    "completion.finished": _finished,
    "completion.reasoning": _reasoning,
    "prompt.text": _text("prompt", "user"),
    "prompt.messages": _messages("prompt", "user"),
}


# --- groups ----------------------------------------------------------------------------------------


def read_groups(group: Any, n: int) -> NDArray[np.int64] | None:
    """Dense group numbers from a size of consecutive rows or from one id per row.

    Raises:
        RowsError: a size that does not divide the rows, ids of another length, a row without an id.
    """
    if group is None:
        return None
    if isinstance(group, int | np.integer) and not isinstance(group, bool):
        if group < 1:
            raise RowsError(f"a group has at least 1 row, and the group size is {group}")
        if n % int(group):
            raise RowsError(
                f"{n} rows cannot be split into groups of {group}: a group is cut; give whole groups, "
                "or group ids"
            )
        return np.arange(n, dtype=np.int64) // int(group)
    if isinstance(group, str | bytes) or not hasattr(group, "__len__"):
        raise RowsError(f"`group` is a group size or one id per row, not {_name(group)}")
    ids = (
        group.to_list()
        if isinstance(group, pl.Series)
        else (group.tolist() if hasattr(group, "tolist") else list(group))
    )
    if len(ids) != n:
        raise RowsError(f"`group` has {len(ids)} ids for {n} rows")
    numbers: dict[Any, int] = {}
    out = np.empty(n, np.int64)
    for i, identity in enumerate(ids):
        if identity is None or (isinstance(identity, float) and math.isnan(identity)):
            raise RowsError(f"row {i} has no group id")
        try:
            out[i] = numbers.setdefault(identity, len(numbers))
        except TypeError:
            raise RowsError(f"row {i}: a group id is a text or a number, not {_name(identity)}") from None
    return out
