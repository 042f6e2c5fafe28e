"""What every run begins with, whatever it then does: its spec and its rows. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rewardkit.processes import usable_cores
from rewardkit.runtime import Reward, load
from rewardkit.runtime.brought import bring
from rewardkit.runtime.host import import_extern
from rewardkit.runtime.rows import ROW_COLUMNS

from .data import Rows, check_columns, read_rows
from .errors import ConfigError
from .folders import place
from .launch import local
from .result import Scorer

if TYPE_CHECKING:
    from .config import RunConfig
    from .context.config import ContextRun

    Inputs: TypeAlias = RunConfig | ContextRun


def load_scorer(config: Inputs, base: Path) -> Scorer:
    """The spec of a run, checked and compiled. Raises what `rewardkit.load` raises."""
    if config.reward is None:
        raise ConfigError("a run needs a table [reward] with a `spec`, or a scorer")
    params: dict[str, Any] = dict(config.reward.set)
    externs = {name: import_extern(name, where, base) for name, where in config.reward.externs.items()}
    workers = None
    if config.workers is None and local() > 1:  # processes of one machine share its cores
        workers = max(1, usable_cores() // local())
    backends = bring(config, base, workers=workers)
    return load(base / config.reward.spec, externs=externs, backends=backends, **params)


def load_rows(config: Inputs, base: Path, scorer: Scorer, file: str | None = None) -> Rows:
    """The data under the names that the spec knows, held to what the spec says of it.

    `file` is another one of the same columns, instead of `data.rows`.
    """
    path = place(base, config.data.rows if file is None else file)
    rows = read_rows(path)
    rows = replace(rows, columns=_named(rows, config))
    if isinstance(scorer, Reward):
        check_columns(scorer, rows, path)
    return rows


def _named(rows: Rows, config: Inputs) -> dict[str, Sequence[Any]]:
    """The dataset's columns, and those that the spec knows under other names; `prompt` is one of them."""
    mapped = {name: rows.column(column) for name, column in config.data.map.items()}
    # what the policy makes is not the file's
    columns = {name: values for name, values in rows.columns.items() if name not in ROW_COLUMNS}
    return {**columns, **mapped, "prompt": rows.column(config.data.prompt)}
