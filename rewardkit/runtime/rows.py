"""Rows in any form, by column; and their groups."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rewardkit.runtime.errors import RowsError
from rewardkit.runtime.typed import described, missing

#: the columns of a row that a spec reads without declaring them
ROW_COLUMNS = ("prompt", "completion", "completion_ids", "completion_tokens", "finished")


class Rows:
    """N rows by column, from a list of dicts, columns, polars, pandas, Arrow or a Hugging Face dataset.

    `mapping` renames: `{"answer": "solution"}` reads the column `solution` where `answer` is asked for.
    `first` is the number of the first of them where they are part of a file; errors count from there.
    """

    def __init__(self, rows: Any, mapping: Mapping[str, str] | None = None, first: int = 0) -> None:
        self.first = first
        self._mapping = dict(mapping or {})
        for name, column in self._mapping.items():
            if not isinstance(name, str) or not isinstance(column, str):
                raise RowsError(f"a mapping goes from names to names, not from {name!r} to {column!r}")
        self._dicts: Sequence[Mapping[str, Any]] | None = None
        self._columns: dict[str, Any] = {}
        self._others: dict[str, Any] = {}  # what was given under a name and is no column
        self._padded = False
        if isinstance(rows, list | tuple):
            self._dicts = rows
            for i, row in enumerate(rows):
                if not isinstance(row, Mapping):
                    raise RowsError(f": expected an object with columns, found {described(row)}", i)
        else:
            if isinstance(rows, Mapping):
                # a trainer's state or a callback beside the columns: missed only if it is read
                self._others = {name: item for name, item in rows.items() if not _is_column(item)}
                rows = {name: item for name, item in rows.items() if name not in self._others}
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

    def maps(self, name: str) -> bool:
        """Whether the mapping says what to read as `name`."""
        return name in self._mapping

    def check_mapping(self, known: Iterable[str]) -> None:
        """Raise where the mapping renames what nothing reads: it would change nothing, silently."""
        names = list(known)
        for name in self._mapping:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                raise RowsError(
                    f"nothing reads `{name}`, which the mapping names"
                    + (f"; did you mean `{near[0]}`?" if near else f"; what is read is {_listed(names)}")
                )

    def has(self, name: str) -> bool:
        return self._find(name) is not None

    def ids(self, name: str) -> list[Any]:
        """The column that tells a row's group, by its own name or a path."""
        found = self._find(name)
        if found is None and not self.n:
            return []
        if found is None:
            known = f"the columns are {_listed(self.names)}" if self.names else "there are no columns"
            raise RowsError(f"there is no column `{name}` to group by; {known}")
        return list(found)

    def get(self, name: str) -> list[Any] | pl.Series:
        """A column by its own name, or a path into nested ones (`extra_info.answer`)."""
        found = self._find(name)
        if found is None and self._dicts is not None and not self.n:
            return []
        if found is None:
            wanted = self._mapping.get(name, name)
            if wanted in self._others:
                shown = described(self._others[wanted])
                raise RowsError(f"the column `{wanted}` is {shown}; give one value per row, as a list")
            known = f"the columns are {_listed(self.names)}" if self.names else "there are no columns"
            advice = f"; map one: `--map {name}=…` or `mapping={{'{name}': …}}`"
            raise RowsError(f"there is no column `{wanted}`; {known}" + ("" if self.maps(name) else advice))
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


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:12]) + (", …" if len(names) > 12 else "")


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
        return {name: _as_list(name, column) for name, column in rows.items()}
    module = type(rows).__module__.partition(".")[0]
    if module == "datasets":
        return {name: list(rows[name]) for name in rows.column_names}
    if module in ("pandas", "pyarrow"):
        frame = pl.from_pandas(rows) if module == "pandas" else pl.from_arrow(rows)
        assert isinstance(frame, pl.DataFrame)
        return {name: frame.get_column(name) for name in frame.columns}
    raise RowsError(
        f"cannot read rows from {described(rows)}; give a list of dicts, a dict of columns, or a polars, "
        "pandas, Arrow or Hugging Face table"
    )


def _is_column(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str | bytes | Mapping)


def _as_list(name: str, column: Any) -> list[Any] | pl.Series:
    if isinstance(column, pl.Series | list):
        return column
    if name == "completion_ids" and getattr(column, "ndim", 1) > 1:
        raise RowsError(
            "`completion_ids` is a padded array, whose padding cannot be told from tokens; give one list of "
            "ids per row, or the counts as `completion_tokens`"
        )
    values: list[Any] = column.tolist() if hasattr(column, "tolist") else list(column)
    return values


def _common_length(columns: Mapping[str, Any]) -> int:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"`{name}` has {n}" for name, n in lengths.items())
        raise RowsError(f"the columns have different lengths: {shown}")
    return next(iter(lengths.values()), 0)


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
        raise RowsError(
            f"`group` is a group size or one id per row, not {described(group)}; give a column's values"
        )
    ids = (
        group.to_list()
        if isinstance(group, pl.Series)
        else (group.tolist() if hasattr(group, "tolist") else list(group))
    )
    if len(ids) != n:
        raise RowsError(f"`group` has {len(ids)} ids for {n} rows")
    return number_groups(ids, {})


def _key(identity: Any) -> Any:
    """What a group is looked up by. Large whole numbers can be chosen so that their hashes are equal, texts
    cannot: with many such ids, each would be compared with all that came before it."""
    return (format(identity, "x"),) if isinstance(identity, int) and identity.bit_length() > 60 else identity


def number_groups(ids: Sequence[Any], numbers: dict[Any, int]) -> NDArray[np.int64]:
    """The number of each row's group in order of first appearance; `numbers` are known, and added to."""
    out = np.empty(len(ids), np.int64)
    for i, identity in enumerate(ids):
        if missing(identity):
            raise RowsError(" has no group id", i)
        if not isinstance(identity, str | int | float) or isinstance(identity, bool):
            raise RowsError(f": a group id is a text or a number, not {described(identity)}", i)
        out[i] = numbers.setdefault(_key(identity), len(numbers))
    return out
