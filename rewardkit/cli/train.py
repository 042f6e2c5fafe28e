"""`rewardkit train`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewardkit.cli import codes
from rewardkit.cli.options import pairs
from rewardkit.cli.show import Format, left_table, print_json, table
from rewardkit.diagnostics import RewardError

if TYPE_CHECKING:
    from rewardkit.training import TrainResult
    from rewardkit.training.context import ContextResult

_SHARE = (
    "effective share: weight × deviation within groups, to sum 100%: a term's part in GRPO's advantage.\n"
    "GDPO divides the deviations out, so under it the parts are those of the weights alone."
)


def run(
    run_file: Annotated[Path | None, typer.Argument(metavar="RUN.toml", help="the run file")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="one value of the run file: `train.seed=3`"),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="start anew instead of going on from the latest checkpoint")
    ] = False,
    recipes: Annotated[
        bool,
        typer.Option("--recipes", help="print the published algorithms, each as a row of parts, and stop"),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress")] = False,
    form: Annotated[Format, typer.Option("--format", help="how to print the result")] = Format.full,
) -> int:
    """Train a policy on a spec, or with a table [context] its prompt; goes on from the latest checkpoint."""
    if recipes:
        return _recipes(form)
    if run_file is None:
        raise typer.BadParameter("name a run file, or ask for --recipes")
    from rewardkit.training import train
    from rewardkit.training.launch import launched

    overrides = {key: _value(text) for key, text in pairs(sets or [], "--set").items()}

    def work() -> Any:
        return train(run_file, overrides=overrides, fresh=fresh, progress=not quiet)

    result = work() if launched() == 1 else _in_several(work)
    if result is None:
        return codes.OK
    if form is Format.json:
        print_json(to_json(result))
    else:
        print(shown(result))
    return codes.OK


def _in_several(work: Callable[[], Any]) -> Any:
    """The result in the main process; the others are silent, and where all fail one of them says why."""
    try:
        from rewardkit.training.processes import is_left_alone, join_processes, leave_processes, speaks
    except ImportError as error:
        raise RewardError(f"training needs {error.name}: `pip install 'rewardkit[train]'`") from None
    processes = join_processes()
    try:
        result = work()
    except BaseException as error:
        if speaks():
            if is_left_alone(error):
                raise RewardError(
                    "another process of the run has ended; the same command goes on from the last checkpoint"
                ) from None
            raise
        raise typer.Exit(codes.INTERRUPTED if isinstance(error, KeyboardInterrupt) else codes.USAGE) from None
    leave_processes()
    return result if processes.main else None


def _recipes(form: Format) -> int:
    from rewardkit.training import recipe_table

    for wrong in recipe_table.broken():  # of other packages; they hide none of the others
        typer.echo(f"left out: {wrong}", err=True)
    if form is Format.json:
        print_json(recipe_table.to_json())
        return codes.OK
    rows = recipe_table.table()
    print(left_table([list(recipe_table.COLUMNS), *(list(row.values()) for row in rows)]))
    about = [[each["recipe"], each["about"], f"({each['source']})"] for each in recipe_table.to_json()]
    print(f"\n{left_table(about)}")
    print('\n`recipe = "dapo"` in [train] lays a row under what the run file says itself')
    return codes.OK


def _value(text: str) -> Any:
    """A value as TOML reads it; a bare word is text."""
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def shown(result: TrainResult | ContextResult) -> str:
    """Where things are, and each term in the last step."""
    from rewardkit.training import TrainResult

    return _shown_training(result) if isinstance(result, TrainResult) else _shown_context(result)


def _shown_training(result: TrainResult) -> str:
    lines = []
    if result.last is not None:
        last = result.last
        rows = [
            [name, _number(mean), _share(last.gates.get(name)), _share(last.shares.get(name))]
            for name, mean in last.terms.items()
        ]
        lines.append(table(["last step", "mean", "gate open", "effective share"], rows))
        lines += ["", _SHARE, ""]
    lines.append(_steps(result))
    lines.append(f"policy  {result.policy}")
    if result.log.exists():
        lines.append(f"log     {result.log}")
    return "\n".join(lines)


def _shown_context(result: ContextResult) -> str:
    """Of a run with [context]: where its instructions are, and what they are worth."""
    lines = []
    if result.last is not None:
        rows = [[name, _number(mean)] for name, mean in result.last.terms.items()]
        lines += [table(["last step", "mean"], rows), ""]
    lines.append(_steps(result))
    if result.after is not None:
        lines.append(
            f"score on the validation rows: {_number(result.before)} before, {_number(result.after)} after"
        )
    lines.append(f"instructions  {result.instructions}")
    lines.append(f"context       {result.context}")
    lines.append(f"log           {result.log}")
    return "\n".join(lines)


def _steps(result: TrainResult | ContextResult) -> str:
    resumed = f", from step {result.resumed_from}" if result.resumed_from else ""
    return f"{result.steps:,} steps{resumed} in {result.seconds:.1f} s"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def to_json(result: TrainResult | ContextResult) -> dict[str, Any]:
    """The result as plain values."""
    from dataclasses import asdict

    from rewardkit.training import TrainResult

    own: dict[str, Any]
    if isinstance(result, TrainResult):
        own = {"policy": str(result.policy), "log": str(result.log), "checkpoint": str(result.checkpoint)}
    else:
        own = {
            "before": result.before,
            "after": result.after,
            "instructions": str(result.instructions),
            "context": str(result.context),
            "log": str(result.log),
        }
    return {
        "steps": result.steps,
        "resumed_from": result.resumed_from,
        "seconds": round(result.seconds, 3),
        **own,
        "last": asdict(result.last) if result.last is not None else None,
    }
