"""`rewardkit diff`."""

from __future__ import annotations

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
    SandboxName,
    Sets,
    Step,
    TokenizerName,
    externs,
    load_backends,
    load_tokenizer,
    pairs,
    params,
)
from rewardkit.cli.show import Format, ProgressLine, print_json
from rewardkit.diagnostics import RewardError, SpecError


def run(
    before: Annotated[str, typer.Argument(metavar="A", help="a `.rwd` file, the older one")],
    after: Annotated[str, typer.Argument(metavar="B", help="a `.rwd` file, the newer one")],
    on: Annotated[
        str | None,
        typer.Option(metavar="ROWS", help="score these rows with both and tell whose rank changes"),
    ] = None,
    top: Annotated[int, typer.Option(min=0, help="rows to list, of those that move most")] = 10,
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
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="exit 2 where the specs differ in meaning")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="how to print")] = Format.full,
) -> int:
    """Show what changed in meaning between two specs, and with --on, on real rows.

    Formatting, comments, order, the names of lets and whether a let is written out do not count. Without
    --group or --group-size all rows are ranked together. --set, --map and --extern name what either spec has.
    """
    from rewardkit.analysis.differences import differences
    from rewardkit.analysis.rows import compare_on
    from rewardkit.analysis.verdicts import verdict_changes
    from rewardkit.cli.differences import shown, shown_rows
    from rewardkit.runtime import Reward

    paths, brought = (before, after), load_backends(backends, sandbox, cache)
    specs = [_spec(path) for path in paths]
    given, mapped = _each_set(specs, sets or []), _each_map(specs, pairs(maps or [], "--map"))
    counter = load_tokenizer(tokenizer)
    hosts = _each_extern(specs, externs(bound))
    rewards = [
        Reward(spec, values, tokenizer=counter, externs=host, backends=brought)
        for spec, values, host in zip(specs, given, hosts, strict=True)
    ]
    found = differences(specs[0], specs[1])
    if found:
        found += verdict_changes(specs[0], specs[1])
    rows = None
    if on is not None:
        progress = ProgressLine()
        try:
            rows = compare_on(
                rewards[0],
                rewards[1],
                on,
                mappings=(mapped[0], mapped[1]),
                group=group,
                group_size=group_size,
                batch_size=batch_size,
                step=step,
                top=top,
                progress=progress,
            )
        finally:
            progress.clear()
    if form is Format.json:
        report: dict[str, Any] = {
            "before": {"file": before, "fingerprint": rewards[0].fingerprint},
            "after": {"file": after, "fingerprint": rewards[1].fingerprint},
            "same": not found,
            "changes": [change.to_json() for change in found],
        }
        print_json(report if rows is None else {**report, "rows": rows.to_json()})
    else:
        print(shown(found))
        if rows is not None:
            print("\n" + shown_rows(rows, grouped=group is not None or group_size is not None))
    return codes.FAILED if exit_code and found else codes.OK


def _spec(path: str) -> Any:
    from rewardkit.checker import check, read_source

    spec, diagnostics = check(read_source(path))
    if spec is None:
        raise SpecError(diagnostics)
    return spec


def _each_set(specs: list[Any], sets: list[str]) -> list[dict[str, Any]]:
    """What `--set` gives each spec: a param that one of them has is that one's."""
    names = {name for spec in specs for name in spec.params}
    for name in pairs(sets, "--set"):
        if name not in names:
            known = ", ".join(f"`{x}`" for x in sorted(names)) or "none"
            raise RewardError(f"neither spec has a param `{name}`; the params are {known}")
    return [params([s for s in sets if s.partition("=")[0] in spec.params], spec) for spec in specs]


def _each_extern(specs: list[Any], given: dict[str, Any]) -> list[dict[str, Any]]:
    for name in given:
        if not any(name in spec.externs for spec in specs):
            raise RewardError(f"--extern: neither spec declares `{name}`")
    return [{name: f for name, f in given.items() if name in spec.externs} for spec in specs]


def _each_map(specs: list[Any], maps: dict[str, str]) -> list[dict[str, str]]:
    from rewardkit.runtime.rows import ROW_COLUMNS

    names = [{*spec.inputs, *ROW_COLUMNS} for spec in specs]
    for name in maps:
        if not any(name in known for known in names):
            raise RewardError(f"--map: neither spec reads `{name}`")
    return [{name: column for name, column in maps.items() if name in known} for known in names]
