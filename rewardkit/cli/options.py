"""Options that several verbs share, and how their values are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rewardkit.diagnostics import RewardError, SpecError

if TYPE_CHECKING:
    from rewardkit.checker import Spec
    from rewardkit.runtime import Reward
    from rewardkit.runtime.backends import Backends


SpecPath = Annotated[str, typer.Argument(metavar="SPEC", help="a `.rwd` file")]
RowsPath = Annotated[
    str,
    typer.Argument(metavar="ROWS", help="a .jsonl, .parquet or .csv file, or - for JSONL on standard input"),
]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="NAME=COLUMN", help="read COLUMN as NAME; may be given several times"),
]
Group = Annotated[str | None, typer.Option(help="the column whose value tells a row's group")]
GroupSize = Annotated[int | None, typer.Option(help="rows per group, for consecutive rows")]
BatchSize = Annotated[
    int | None, typer.Option(help="rows per batch, for specs that aggregate over the batch")
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PARAM=VALUE", help="a param's value; may be given several times"),
]
ExternNames = Annotated[
    list[str] | None,
    typer.Option(
        "--extern",
        metavar="NAME=MODULE:FUNCTION",
        help="the Python function behind an `extern` of the spec; may be given several times",
    ),
]
BackendsPath = Annotated[
    str | None,
    typer.Option(
        "--backends",
        metavar="FILE",
        help="a .toml file whose tables [sandbox], [judge], [model] and [cache] name what heavy calls need",
    ),
]
SandboxName = Annotated[
    Literal["auto", "docker", "bubblewrap", "unsafe"] | None,
    typer.Option(
        "--sandbox",
        help="where programs run [default: auto: docker, else bubblewrap]; unsafe is this machine itself",
    ),
]
CachePath = Annotated[
    str | None,
    typer.Option("--cache", metavar="FILE", help="keep results of heavy calls in FILE, for later runs too"),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="worker processes for heavy verifiers [default: one per core]")
]
Step = Annotated[int, typer.Option(min=0, help="the training step")]
TokenizerName = Annotated[
    str | None, typer.Option(help="a Hugging Face tokenizer that counts `completion.tokens`")
]


def pairs(values: list[str], option: str) -> dict[str, str]:
    """`["answer=solution"]` as a mapping.

    Raises:
        RewardError: a value is not `NAME=VALUE`, or a name comes twice.
    """
    found: dict[str, str] = {}
    for value in values:
        name, equals, right = value.partition("=")
        if not equals or not name or not right:
            raise RewardError(f"{option} wants `NAME=VALUE`, not `{value}`")
        if name in found:
            raise RewardError(f"{option} gives `{name}` twice")
        found[name] = right
    return found


def params(values: list[str], spec: Spec) -> dict[str, Any]:
    """`--set budget=8192` as values of the spec's params."""
    given: dict[str, Any] = {}
    for name, text in pairs(values, "--set").items():
        param = spec.params.get(name)
        kind = param.type.kind if param else "text"
        if kind == "bool":
            if text not in ("true", "false"):
                raise RewardError(f"the param `{name}` is true or false, not `{text}`")
            given[name] = text == "true"
        elif kind in ("int", "real"):
            given[name] = _number(name, text)
        else:
            given[name] = text
    return given


def _number(name: str, text: str) -> int | float:
    try:
        if len(text) <= 40 and text.isascii() and "_" not in text:
            return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        pass
    raise RewardError(f"the param `{name}` is a number, not `{text}`")


def externs(values: list[str] | None) -> dict[str, Callable[..., Any]]:
    """`--extern score=mine:score` as functions; modules are looked for in the current folder first."""
    if not values:
        return {}
    from rewardkit.runtime.host import import_extern

    here = Path()
    return {name: import_extern(name, where, here) for name, where in pairs(values, "--extern").items()}


def load_backends(
    path: str | None = None, sandbox: str | None = None, cache: str | None = None, workers: int | None = None
) -> Backends:
    """The backends of a verb: those of the file of `--backends`, but for what other options name."""
    if path is None and sandbox is None and cache is None:
        from rewardkit.runtime.backends import Backends

        return Backends(workers=workers)
    from rewardkit.runtime.brought import BackendTables, CacheTable, bring, read_backends

    tables, base = (BackendTables(), Path()) if path is None else read_backends(path)
    if sandbox is not None:
        known = tables.sandbox.model_dump() if tables.sandbox is not None else {}
        tables = BackendTables.model_validate({**dict(tables), "sandbox": {**known, "engine": sandbox}})
    if cache is not None:
        tables = tables.model_copy(update={"cache": CacheTable(path=str(Path(cache).resolve()))})
    return bring(tables, base, workers=workers)


def load_reward(
    path: str,
    sets: list[str] | None,
    tokenizer: str | None,
    bound: list[str] | None = None,
    backends: Backends | None = None,
) -> Reward:
    """The compiled spec of a verb, with the params, the tokenizer and the externs that its options name."""
    from rewardkit.checker import check, read_source
    from rewardkit.runtime import Reward

    spec, diagnostics = check(read_source(path))
    if spec is None:
        raise SpecError(diagnostics)
    return Reward(
        spec,
        params(sets or [], spec),
        tokenizer=load_tokenizer(tokenizer),
        externs=externs(bound),
        backends=backends,
    )


def load_tokenizer(name: str | None) -> Any:
    """The Hugging Face tokenizer that `--tokenizer` names.

    Raises:
        RewardError: transformers is not installed, or the tokenizer cannot be loaded.
    """
    if name is None:
        return None
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise RewardError("--tokenizer needs transformers: `pip install 'rewardkit[train]'`") from None
    try:
        return AutoTokenizer.from_pretrained(name)
    except Exception as error:
        raise RewardError(f"cannot load the tokenizer `{name}`: {str(error).splitlines()[0]}") from None


def specs_in(paths: list[str]) -> list[Path]:
    """The `.rwd` files named, and those below the folders named.

    Raises:
        RewardError: an empty path, or a folder without any.
    """
    found: list[Path] = []
    for path in paths:
        if not path:
            raise RewardError("an empty path names no spec")
        if not os.path.isdir(path):
            found.append(Path(path))
            continue
        below = sorted(
            p for p in Path(path).rglob("*.rwd") if p.is_file() and not _hidden(p.relative_to(path))
        )
        if not below:
            raise RewardError(f"there is no `.rwd` file below `{path}`")
        found.extend(below)
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
