"""`rewardkit explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from rewardkit.cli import codes
from rewardkit.cli.options import (
    BatchSize,
    ExternNames,
    Group,
    GroupSize,
    Maps,
    RowsPath,
    Sets,
    SpecPath,
    Step,
    TokenizerName,
    load_reward,
    pairs,
)
from rewardkit.cli.show import Format, print_json


def run(
    spec_path: SpecPath,
    rows_path: RowsPath,
    row: Annotated[int, typer.Option(min=0, help="which row, from 0")] = 0,
    maps: Maps = None,
    group: Group = None,
    group_size: GroupSize = None,
    batch_size: BatchSize = None,
    sets: Sets = None,
    bound: ExternNames = None,
    step: Step = 0,
    tokenizer: TokenizerName = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Show how one row got its reward: terms, weights, gates, and the values below them."""
    from rewardkit.analysis.explain import explain, render
    from rewardkit.runtime import RowsError
    from rewardkit.runtime.batches import take_rows
    from rewardkit.runtime.files import read_rows

    reward = load_reward(spec_path, sets, tokenizer, bound=bound)
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
