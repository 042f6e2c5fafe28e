"""The columns that every row has: `prompt`, `completion`, and what the policy's side tells of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.checker.builtins import COLUMNS
from rewardkit.checker.spec import InputSpec, Spec
from rewardkit.diagnostics import RewardError
from rewardkit.runtime.columns import Column
from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.rows import Rows
from rewardkit.runtime.typed import has_surrogate, plain_column, typed_column, wrong
from rewardkit.types.messages import content_text, read_message
from rewardkit.types.types import TEXT
from rewardkit.types.values import Message, storable

Tokenizer = Callable[[list[str]], list[int]]

#: columns that may be taken for `finished`, and are not
_LIKE_FINISHED = ("completion_finished", "is_finished", "truncated", "is_truncated")


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
    name = spec.name if rows.maps(spec.name) else spec.column
    if spec.type.optional and not rows.has(name):
        values: list[Any] | pl.Series = [None] * rows.n if not rows.names or rows.n == 0 else rows.get(name)
    elif spec.type.kind in ("bool", "int", "real", "text"):
        values = rows.get(name)
    else:
        values = rows.cells(name)
    return typed_column(name, values, spec.type, spec.range, spec.name)


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
        raise wrong(column, row, "a text or a list of messages", value)
    try:
        return tuple(read_message(_without_nulls(message)) for message in value)
    except ValueError as error:
        raise RowsError(f", column `{column}`: {error}", row) from None


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
        plain = plain_column(rows.cells(column), TEXT)
        if isinstance(plain, pl.Series):
            return _full(plain)
        texts = []
        for i, value in enumerate(rows.cells(column)):
            messages = _conversation(column, i, value, role)
            texts.append(next((m.text for m in reversed(messages) if m.role == role), ""))
        try:
            return _full(pl.Series(texts, dtype=pl.String))
        except UnicodeEncodeError:
            row = next(i for i, text in enumerate(texts) if has_surrogate(text))
            raise RowsError(f", column `{column}`: the text holds half of a surrogate pair", row) from None

    return read


def _tokens(rows: Rows, tokenizer: Tokenizer | None) -> Column:
    """What the policy generated: given as counts or ids, else counted by the tokenizer the run names."""
    if rows.has("completion_tokens"):
        column = typed_column(
            "completion_tokens", rows.get("completion_tokens"), COLUMNS["completion.tokens"]
        )
        return _not_negative("completion_tokens", column)
    if rows.has("completion_ids"):
        lengths = []
        for i, ids in enumerate(rows.get("completion_ids")):
            if not hasattr(ids, "__len__") or isinstance(ids, str):
                raise wrong("completion_ids", i, "a list of token ids", ids)
            lengths.append(len(ids))
        return _full(np.array(lengths, np.int64))
    if tokenizer is None:
        raise RowsError(
            "the spec reads `completion.tokens`, and tokens are never guessed from text; give a column "
            "`completion_tokens` or `completion_ids`, or name a tokenizer (`--tokenizer`, or `tokenizer=` "
            "of `rk.load`)"
        )
    texts = _text("completion", "assistant")(rows, None).data
    assert isinstance(texts, pl.Series)
    return _full(_counted(tokenizer, texts.to_list()))


def _counted(tokenizer: Tokenizer, texts: list[str]) -> NDArray[np.int64]:
    """What the tokenizer says, which is the host's code: held to one whole number per text."""
    try:
        counts = list(tokenizer(texts))
    except Exception as error:
        raise RewardError(f"the tokenizer failed: {type(error).__name__}: {error}") from error
    whole = all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 0 for n in counts)
    if len(counts) != len(texts) or not whole:
        raise RewardError(
            f"the tokenizer gave {len(counts)} counts for {len(texts)} texts"
            if len(counts) != len(texts)
            else "the tokenizer must give one whole number, 0 or more, per text"
        )
    return np.array(counts, np.int64)


def _not_negative(name: str, column: Column) -> Column:
    for row in np.flatnonzero(np.asarray(column.data) < 0):
        raise RowsError(f", column `{name}`: a count cannot be negative", int(row))
    return column


def _finished(rows: Rows, _: Tokenizer | None) -> Column:
    if not rows.has("finished"):
        near = next((name for name in _LIKE_FINISHED if rows.has(name)), None)
        if near is not None:
            raise RowsError(
                f"the spec reads `completion.finished`, and there is a column `{near}` but no `finished`; "
                "`finished` is true where generation ended by itself, and true everywhere by default"
            )
        return _full(np.ones(rows.n, np.bool_))
    return typed_column("finished", rows.get("finished"), COLUMNS["completion.finished"])


def _reasoning(rows: Rows, _: Tokenizer | None) -> Column:
    """The reasoning field of the last assistant message; never cut from tags."""
    out = np.empty(rows.n, object)
    for i, value in enumerate(rows.cells("completion")):
        if isinstance(value, str):
            continue
        if not isinstance(value, list | tuple):
            raise wrong("completion", i, "a text or a list of messages", value)
        for message in reversed(value):
            if isinstance(message, Mapping) and message.get("role", "assistant") == "assistant":
                found = message.get("reasoning_content", message.get("reasoning"))
                out[i] = _reasoning_text(i, found)
                break
    column = _full(out)
    column.null = np.fromiter((x is None for x in out), np.bool_, rows.n)
    return column


def _reasoning_text(row: int, value: Any) -> str | None:
    try:
        return None if value is None else storable(content_text(value))
    except ValueError as error:
        raise RowsError(f", column `completion`: in the reasoning: {error}", row) from None


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
