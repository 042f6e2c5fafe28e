"""The tables of a file that name a run's backends: `[sandbox]`, `[judge]`, `[model]` and `[cache]`."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from pydantic import Field, create_model

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.backends import Backends
from rewardkit.runtime.cache import Cache
from rewardkit.runtime.configs import JudgeConfig, RewardModelConfig, Table, read_table
from rewardkit.sandbox import SandboxConfig

if TYPE_CHECKING:
    SandboxTable = Table
else:
    #: the fields of `SandboxConfig`
    SandboxTable = create_model(
        "SandboxTable",
        __base__=Table,
        **{
            field.name: (get_type_hints(SandboxConfig)[field.name], field.default)
            for field in fields(SandboxConfig)
            if field.default is not MISSING
        },
    )


class CacheTable(Table):
    """Results of heavy calls that stay on disk between runs."""

    path: str  #: a file; made where it is not there


class BackendTables(Table):
    """What a run brings along. Every table may be left out."""

    workers: Annotated[int, Field(ge=1, le=4096)] | None = None  #: processes for heavy verifiers
    sandbox: SandboxTable | None = None
    judge: JudgeConfig | None = None
    model: RewardModelConfig | None = None
    cache: CacheTable | None = None


def read_backends(path: str) -> tuple[BackendTables, Path]:
    """The tables of a TOML file, and the folder that its paths are relative to.

    Raises:
        RewardError: it cannot be read, is no TOML, or holds unknown keys or wrong values.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise RewardError(f"cannot read `{path}`: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise RewardError(f"`{path}` is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RewardError(f"`{path}` is not TOML: {error}") from None
    return read_table(BackendTables, tables, path, RewardError), Path(path).parent


def bring(tables: BackendTables, base: Path, **instead: Any) -> Backends:
    """The backends that the tables name; paths are relative to `base`, what is given `instead` counts more.

    Raises:
        RewardError: a table does not fit, or the cache cannot be opened.
    """
    found: dict[str, Any] = {"workers": tables.workers, "judge": tables.judge, "model": _model(tables, base)}
    if tables.sandbox is not None:
        try:
            found["sandbox"] = SandboxConfig(**tables.sandbox.model_dump())
        except ValueError as error:
            raise RewardError(f"[sandbox] {error}") from None
    if tables.cache is not None:
        found["cache"] = Cache(path=base / tables.cache.path)
    return Backends(**(found | {name: value for name, value in instead.items() if value is not None}))


def _model(tables: BackendTables, base: Path) -> RewardModelConfig | None:
    """A folder is looked for beside the file first; what is none there is a name on the hub, or absolute."""
    if tables.model is None or not (base / tables.model.path).is_dir():
        return tables.model
    return tables.model.model_copy(update={"path": str(base / tables.model.path)})
