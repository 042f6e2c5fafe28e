"""`rewardkit analyze`."""

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
    SandboxName,
    Sets,
    SpecPath,
    Step,
    TokenizerName,
    Workers,
    load_backends,
    load_reward,
    pairs,
)
from rewardkit.cli.show import Format, ProgressLine, print_diagnostics, print_json, strong


def run(
    spec_path: SpecPath,
    rows_path: Annotated[
        str | None,
        typer.Argument(
            metavar="[ROWS]", help="a .jsonl, .parquet or .csv file, or - for JSONL on standard input"
        ),
    ] = None,
    maps: Maps = None,
    group: Group = None,
    group_size: GroupSize = None,
    batch_size: BatchSize = None,
    sets: Sets = None,
    bound: ExternNames = None,
    size: Annotated[
        list[int] | None,
        typer.Option(
            min=1, max=64, metavar="G", help="count distinct advantages for groups of G [default: 2 to 8]"
        ),
    ] = None,
    step: Step = 0,
    tokenizer: TokenizerName = None,
    backends: BackendsPath = None,
    sandbox: SandboxName = None,
    cache: CachePath = None,
    workers: Workers = None,
    max_faults: Annotated[
        float, typer.Option(min=0, max=1, help="stop with exit 3 when more than this share of rows fails")
    ] = 0.05,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Show what each term can do to the reward and to the advantage, before a policy is trained on it.

    From the spec alone: ranges, shares, weights and gates that do nothing, and how many distinct advantages
    groups can get under each normalizer. With rows: what each term really does to them.
    """
    from rewardkit.analysis.analyze import analyze
    from rewardkit.analysis.report import render
    from rewardkit.analysis.sample import collect
    from rewardkit.diagnostics import RewardError
    from rewardkit.runtime.files import read_rows

    for option, value in (("--map", maps), ("--group", group), ("--group-size", group_size)):
        if value is not None and rows_path is None:
            raise RewardError(f"{option} is about rows, and none are given: `rewardkit analyze SPEC ROWS`")
    reward = load_reward(spec_path, sets, tokenizer, bound, load_backends(backends, sandbox, cache, workers))
    print_diagnostics(reward.spec.diagnostics, "full")
    sample = None
    if rows_path is not None:
        progress = ProgressLine()
        try:
            sample = collect(
                reward,
                read_rows(rows_path, reward.spec),
                mapping=pairs(maps or [], "--map"),
                group=group,
                group_size=group_size,
                batch_size=batch_size,
                step=step,
                max_faults=max_faults,
                progress=progress,
            )
        finally:
            progress.clear()
    progress = ProgressLine()
    try:
        found = analyze(
            reward, sample, step=step, sizes=sorted(set(size)) if size else None, progress=progress
        )
    finally:
        progress.clear()
    if form is Format.json:
        print_json(found.to_json())
    else:
        print(render(found, strong))
    return codes.OK
