"""`rewardkit explain`."""

from __future__ import annotations

from typing import Annotated

import typer

from rewardkit.cli import codes
from rewardkit.cli.options import (
    BackendsPath,
    BatchSize,
    CachePath,
    ExternNames,
    Group,
    GroupSize,
    Maps,
    RowsPath,
    SandboxName,
    Sets,
    SpecPath,
    Step,
    TokenizerName,
    load_backends,
    load_reward,
    pairs,
)
from rewardkit.cli.show import Format, print_json


def run(
    spec_path: SpecPath,
    rows_path: RowsPath,
    row: Annotated[
        list[int] | None,
        typer.Option(min=0, help="which row, from 0; may be given several times [default: 0]"),
    ] = None,
    maps: Maps = None,
    group: Group = None,
    group_size: GroupSize = None,
    batch_size: BatchSize = None,
    sets: Sets = None,
    bound: ExternNames = None,
    step: Step = 0,
    tokenizer: TokenizerName = None,
    backends: BackendsPath = None,
    sandbox: SandboxName = None,
    cache: CachePath = None,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Show how a row got its reward: terms, weights, gates and what closed them, and the values below them.

    With --group or --group-size, also its advantage, beside its group's means and deviations. Whitening looks
    at a whole batch: give --batch-size to have it.
    """
    from rewardkit.analysis.explain import explain, render
    from rewardkit.runtime import RowsError
    from rewardkit.runtime.batches import take_rows
    from rewardkit.runtime.files import read_rows

    reward = load_reward(spec_path, sets, tokenizer, bound, load_backends(backends, sandbox, cache))
    data = read_rows(rows_path, reward.spec)
    wanted = [("group", group is not None or group_size is not None), ("batch", batch_size is not None)]
    scopes = reward.plan.scopes | {scope for scope, given in wanted if given}
    trees = {}
    for number in dict.fromkeys(row or [0]):
        rows, ids, position = take_rows(
            data,
            number,
            mapping=pairs(maps or [], "--map"),
            group=group,
            group_size=group_size,
            batch_size=batch_size,
            scopes=scopes,
        )
        if ids is None and reward.needs_group:
            raise RowsError(
                "the spec aggregates over groups: say what a group is with --group or --group-size"
            )
        evaluation = reward.evaluate(rows, ids, step)
        scores = reward.scores_of(evaluation)
        trees[number] = explain(reward, scores, evaluation, position, whole_batch=batch_size is not None)
    if form is Format.json:
        found = [{"row": number, **tree.to_json()} for number, tree in trees.items()]
        print_json(found if len(found) > 1 else found[0])
    elif len(trees) > 1:
        print("\n\n".join(f"row {number}\n{render(tree)}" for number, tree in trees.items()))
    else:
        print(*map(render, trees.values()))
    return codes.OK
