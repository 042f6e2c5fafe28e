"""GRPO, GRPO without std (`dr_grpo`) and GDPO on the same warmed-up policies, side by side.

A table and `curves.png` show what became of every term.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from compare import HERE, run_all, starts

NORMALIZERS = ("grpo", "dr_grpo", "gdpo")
THRESHOLDS = {"format": 0.9, "correctness": 2.0, "brevity": 0.3}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=2, help="runs of each normalizer")
    parser.add_argument("--steps", type=int, default=80, help="steps of each run")
    runs = HERE.parents[1] / "runs" / "demo"
    parser.add_argument("--out", type=Path, default=runs, help="where logs and curves go")
    options = parser.parse_args()

    began = time.perf_counter()
    settings = {name: {"normalizer": name} for name in NORMALIZERS}
    logs = run_all(settings, options.seeds, options.steps, options.out.resolve())

    from rewardkit.training.curves import plot, table

    print(f"\n{options.seeds} seeds, {options.steps} steps of 16 prompts x 8 completions")
    print("first step, before any update: " + ", ".join(starts(logs["gdpo"])) + "\n")
    print(table(logs, THRESHOLDS))
    print(f"\ncurves: {plot(logs, options.out / 'curves.png', smooth=3)}")
    print(f"{time.perf_counter() - began:.0f} seconds")


if __name__ == "__main__":
    main()
