"""Ten reward terms over 50,000 completions: the library's columns against per-row Python.

Run `python benchmarks/library_bench.py [rows]`. Rounds alternate between the two sides, the best
round of each counts; values are compared before anything is timed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import peers
import polars as pl
from completions import COUNT, completions

from rewardkit.library import format, length, measures, text

ROUNDS = 3
FUNCTIONS = {f.name: f for module in (text, format, length) for f in module.FUNCTIONS}
NAMES = ("think", "answer")
X, TOKENS = pl.col("completion"), pl.col("tokens")


def call(name: str, /, *columns: pl.Expr, **constants: Any) -> pl.Expr:
    implementation = FUNCTIONS[name].implementation
    assert callable(implementation)
    result: pl.Expr = implementation(*columns, **constants)
    return result


def scalar(name: str, /, column: pl.Expr, *constants: float) -> pl.Expr:
    """A function on numpy arrays, as an expression."""
    implementation = FUNCTIONS[name].implementation
    assert callable(implementation)

    def apply(values: pl.Series) -> pl.Series:
        numbers = values.to_numpy().astype(np.float64)
        return pl.Series(implementation(numbers, *(np.full(len(numbers), c) for c in constants)))

    return column.map_batches(apply, return_dtype=pl.Float64)


TERMS: dict[str, tuple[pl.Expr, peers.Peer]] = {
    "tags": (call("format.tags", X, names=NAMES), peers.strict_tags),
    "tag count": (call("format.tag_count", X, names=NAMES), peers.tag_count),
    "choice": (
        call("text.one_of", call("format.tag", X, name="answer"), choices=peers.CHOICES).fill_null(False),
        peers.choice,
    ),
    "boxed": (call("text.find", X, pattern=r"\\boxed\{([^{}]+)\}").is_not_null(), peers.boxed),
    "steps": (
        (call("text.find_all", X, pattern=peers.STEPS).list.len() / 3).clip(0, 1),
        peers.reasoning_steps,
    ),
    "second thoughts": (call("text.count", X, pl.lit("Wait")), peers.second_thoughts),
    "words": (scalar("length.target", measures.words(X), 300, 0.01), peers.words),
    "cosine": (scalar("length.cosine", TOKENS, 1000, 1.0, 0.5), peers.trl_cosine),
    "overlong": (scalar("length.overlong", TOKENS, 800, 400), peers.trl_overlong),
    "repetition": (-call("text.repetition", X, n=3), peers.trl_repetition),
}


def main() -> None:
    rows = completions(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
    tokens = [len(row) // 4 for row in rows]
    given = {
        "completions": [[{"role": "assistant", "content": row}] for row in rows],
        "completion_ids": [range(n) for n in tokens],  # only their number is looked at
    }
    frame = pl.DataFrame({"completion": rows, "tokens": tokens})
    compare(frame, given)
    print(f"{len(rows):,} completions of {sum(map(len, rows)) / len(rows):,.0f} characters on average")
    print(f"{'term':<18}{'python':>10}{'rewardkit':>12}{'ratio':>9}")
    for name, (term, peer) in TERMS.items():
        show(name, *race(lambda peer=peer: peer(**given), lambda term=term: frame.select(term)))
    tags = TERMS["tags"][0]
    show("tags, TRL's rule", *race(lambda: peers.trl_think_format(**given), lambda: frame.select(tags)))
    everything = [term.alias(name) for name, (term, _) in TERMS.items()]
    show(
        "all ten",
        *race(lambda: [peer(**given) for _, peer in TERMS.values()], lambda: frame.select(everything)),
    )


def compare(frame: pl.DataFrame, given: dict[str, Any]) -> None:
    """Every term gives what its peer gives; cosines may differ in their last bits."""
    for name, (term, peer) in TERMS.items():
        ours = frame.select(term.cast(pl.Float64)).to_series().to_numpy()
        theirs = np.array(peer(**given), np.float64)
        assert np.allclose(ours, theirs, rtol=0, atol=1e-12 if name == "cosine" else 0), name
        assert len(set(theirs.tolist())) > 1, f"{name} is the same on every row"


def race(python: Callable[[], Any], columns: Callable[[], Any]) -> tuple[float, float]:
    """The best time of each in seconds, in alternating rounds."""
    times = [(timed(python), timed(columns)) for _ in range(ROUNDS)]
    return min(p for p, _ in times), min(c for _, c in times)


def timed(run: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def show(name: str, python: float, columns: float) -> None:
    print(f"{name:<18}{python * 1e3:>7.0f} ms{columns * 1e3:>9.0f} ms{python / columns:>8.1f}x")


if __name__ == "__main__":
    main()
