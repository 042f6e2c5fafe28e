"""Every recipe on the same warmed-up policies: what each term became, and how long a step takes.

One row per recipe: mean and standard deviation over seeds of each term in the last ten steps, the first step
at which format and correctness were reached, and the seconds of a step. Runs of one recipe differ in their
seed alone, and all recipes start from the same policies. Terms are those of the groups that a step was taken
on: dynamic sampling (dapo) leaves out the groups in which all completions are equally good.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from compare import HERE, run_all, starts

THRESHOLDS = {"format": 0.9, "correctness": 2.0}
LAST = 10


def main() -> None:
    from rewardkit.training import recipes

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="RECIPE", help="all of them unless given")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each recipe")
    parser.add_argument("--steps", type=int, default=80, help="steps of each run")
    runs = HERE.parents[1] / "runs" / "recipes"
    parser.add_argument("--out", type=Path, default=runs, help="where logs and the table go")
    options = parser.parse_args()

    began = time.perf_counter()
    settings = {name: {"recipe": name} for name in options.names or recipes.names()}
    logs = run_all(settings, options.seeds, options.steps, options.out.resolve())
    first = next(iter(logs.values()))
    lines = [
        f"{options.seeds} seeds, {options.steps} steps of 16 prompts x 8 completions; mean ± deviation",
        "first step, before any update: " + ", ".join(starts(first)),
        "",
        *rows(logs),
    ]
    text = "\n".join(lines) + "\n"
    (options.out / "table.md").write_text(text, encoding="utf-8")
    print(f"\n{text}\n{options.out / 'table.md'}, {time.perf_counter() - began:.0f} seconds")


def rows(logs: dict[str, list[Path]]) -> Iterator[str]:
    """The table, in Markdown."""
    terms = list(json.loads(next(iter(logs.values()))[0].open(encoding="utf-8").readline())["terms"])
    at = [f"{name} ≥ {value:g}" for name, value in THRESHOLDS.items()]
    head = ["recipe", "reward", *terms, *at, "seconds per step"]
    yield f"| {' | '.join(head)} |"
    yield f"| --- |{' ---: |' * (len(head) - 1)}"
    for name, paths in logs.items():
        runs = [[json.loads(line) for line in path.open(encoding="utf-8")] for path in paths]
        ends = {"reward": [mean(line["reward"] for line in run[-LAST:]) for run in runs]}
        for term in terms:
            ends[term] = [mean(line["terms"][term] for line in run[-LAST:]) for run in runs]
        cells = [spread(values) for values in ends.values()]
        cells += [reached(runs, term, value) for term, value in THRESHOLDS.items()]
        seconds = [mean(sum(line["seconds"].values()) for line in run[1:]) for run in runs]
        yield f"| {name} | {' | '.join([*cells, spread(seconds)])} |"


def mean(values: Iterator[float]) -> float:
    return statistics.fmean(values)


def spread(values: Sequence[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.2f}{deviation}"


def reached(runs: Sequence[Sequence[dict[str, dict[str, float]]]], term: str, threshold: float) -> str:
    """Mean and range of the first step at which a term's mean was there."""
    firsts = [
        next((number for number, line in enumerate(run, 1) if line["terms"][term] >= threshold), None)
        for run in runs
    ]
    there = [first for first in firsts if first is not None]
    if len(there) < len(firsts):
        return f"{len(there)} of {len(firsts)}"
    return f"{statistics.fmean(there):.0f} [{min(there)}, {max(there)}]"


if __name__ == "__main__":
    main()
