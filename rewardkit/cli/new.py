"""`rewardkit new`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from rewardkit.cli import codes
from rewardkit.diagnostics import RewardError


class Template(StrEnum):
    """What a new folder starts from: a folder of `rewardkit/templates/`."""

    math = "math"
    tags = "tags"


def _items(template: Template) -> Iterable[Traversable]:
    return files("rewardkit").joinpath("templates", template.value).iterdir()


def run(
    folder: Annotated[Path, typer.Argument(help="the folder to make; must be new or empty")],
    template: Annotated[
        Template,
        typer.Option(help="math: a gold answer and brevity; tags: a label in tags, without repetition"),
    ] = Template.math,
) -> int:
    """Start a folder with a spec, its tests and a few rows."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RewardError(f"`{folder}` is already there and not empty; name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for item in sorted(_items(template), key=lambda f: f.name):
            if item.is_file():
                (folder / item.name).write_bytes(item.read_bytes())
    except OSError as error:
        raise RewardError(f"cannot write `{folder}`: {error.strerror or error}") from None
    spec, rows = folder / "reward.rwd", folder / "rows.jsonl"
    print(f"made {spec} and {rows}; next:")
    for command in (
        f"rewardkit check {spec}",
        f"rewardkit test {spec} --coverage --mutate",
        f"rewardkit score {spec} {rows} -o {folder / 'scores.jsonl'}",
        f"rewardkit explain {spec} {rows} --row 0",
        f"rewardkit analyze {spec} {rows} --group id",
    ):
        print(f"  {command}")
    return codes.OK
