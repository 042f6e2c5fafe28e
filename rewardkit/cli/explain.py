"""`rewardkit explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from rewardkit.cli import codes
from rewardkit.cli.options import load_reward, pairs
from rewardkit.cli.show import Format, print_json


def run(
    spec_path: Annotated[str, typer.Argument(metavar="SPEC", help="a `.rwd` file")],
    rows_path: Annotated[str, typer.Argument(metavar="ROWS", help="a .jsonl, .parquet or .csv file, or -")],
    row: Annotated[int, typer.Option(min=0, help="which row, from 0")] = 0,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="NAME=COLUMN", help="read COLUMN as NAME; may be given several times"),
    ] = None,
    group: Annotated[str | None, typer.Option(help="the column whose value tells a row's group")] = None,
    group_size: Annotated[int | None, typer.Option(help="rows per group, for consecutive rows")] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="rows per batch, for specs that aggregate over the batch")
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAM=VALUE", help="a param's value; may be given several times"),
    ] = None,
    step: Annotated[int, typer.Option(min=0, help="the training step")] = 0,
    tokenizer: Annotated[
        str | None, typer.Option(help="a Hugging Face tokenizer that counts `completion.tokens`")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Show how one row got its reward: terms, weights, gates, and the values below them."""
    from rewardkit.analysis import explain, render
    from rewardkit.runtime import RowsError
    from rewardkit.runtime.batches import take_rows
    from rewardkit.runtime.files import read_rows

    reward = load_reward(spec_path, sets, tokenizer)
    rows, ids, position = take_rows(
        read_rows(rows_path, reward.spec),
        row,
        mapping=pairs(maps or [], "--map"),
        group=group,
        group_size=group_size,
        batch_size=batch_size,
        scopes=reward.plan.scopes,
    )
    if ids is None and reward.needs_group:
        raise RowsError("the spec aggregates over groups: say what a group is with --group or --group-size")
    evaluation = reward.evaluate(rows, ids, step)
    tree = explain(reward, reward.scores_of(evaluation), evaluation, position)
    if form is Format.json:
        print_json({"row": row, **tree.to_json()})
    else:
        print(render(tree))
    return codes.OK
