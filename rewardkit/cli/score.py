"""`rewardkit score`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

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
    Workers,
    load_backends,
    load_reward,
    pairs,
)
from rewardkit.cli.show import Format, ProgressLine, print_diagnostics, print_json, table


def run(
    spec_path: SpecPath,
    rows_path: RowsPath,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", help="where the scores go, by its ending; - for standard output"),
    ] = None,
    maps: Maps = None,
    group: Group = None,
    group_size: GroupSize = None,
    batch_size: BatchSize = None,
    sets: Sets = None,
    bound: ExternNames = None,
    keep: Annotated[
        list[str] | None, typer.Option(metavar="LET", help="keep this let's value as a column")
    ] = None,
    with_: Annotated[
        list[str] | None, typer.Option("--with", metavar="COLUMN", help="copy this column of the rows")
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
    form: Annotated[Format, typer.Option("--format", help="how to print the summary")] = Format.full,
) -> int:
    """Score rows: one row out per row in, in the same order, then a summary.

    Columns read are the spec's inputs, `prompt`, `completion` (texts or messages), `completion_tokens` or
    `completion_ids`, and `finished` (false where generation was cut off). `--keep` and `--with` take several
    names with commas between them.
    """
    from rewardkit.runtime.scoring import score_file

    reward = load_reward(spec_path, sets, tokenizer, bound, load_backends(backends, sandbox, cache, workers))
    print_diagnostics(reward.spec.diagnostics, "full")
    progress = ProgressLine()
    try:
        summary = score_file(
            reward,
            rows_path,
            out,
            mapping=pairs(maps or [], "--map"),
            group=group,
            group_size=group_size,
            batch_size=batch_size,
            keep=_names(keep),
            copy=_names(with_),
            step=step,
            max_faults=max_faults,
            progress=progress,
        )
    finally:
        progress.clear()
        reward.backends.close()
    if form is Format.json:
        # beside rows on standard output, the summary goes where it does not mix with them
        if out == "-":
            import json

            print(json.dumps(summary.to_json()), file=sys.stderr)
        else:
            print_json(summary.to_json())
    else:
        print(_shown(summary), file=sys.stderr if out == "-" else sys.stdout)
    return codes.OK


#: seconds in one function that make it worth a line
_WORTH_TELLING = 0.1


def _names(values: list[str] | None) -> tuple[str, ...]:
    return tuple(name for value in values or [] for name in value.split(",") if name)


def _shown(summary: Any) -> str:
    head = ["", "mean", "std", "null", "gate open", "seconds"]
    rows = [
        [
            line.name,
            _number(line.mean),
            _number(line.std),
            f"{line.null:.1%}",
            "" if line.open is None else f"{line.open:.1%}",
            "" if line.seconds is None else f"{line.seconds:.2f}",
        ]
        for line in summary.lines
    ]
    text = [table(head, rows), ""]
    skipped = f", {summary.skipped:,} skipped" if summary.skipped else ""
    masked = f", {summary.masked:,} masked" if summary.masked else ""
    text.append(f"{summary.rows:,} rows{skipped}{masked} in {summary.seconds:.1f} s")
    for name, spent in summary.functions.items():
        if spent.seconds >= _WORTH_TELLING:
            text.append(f"  {name}: {spent.calls:,} calls in {spent.seconds:.1f} s")
    if summary.faults:
        text.append(f"{summary.faulted:,} {'row' if summary.faulted == 1 else 'rows'} failed:")
        text += [f"  {count:>6,} × {what}" for what, count in summary.faults.items()]
    return "\n".join(text)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
