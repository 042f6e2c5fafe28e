"""`python -m benchmarks.maths [PROMPTS]`: `math.boxed` and `math.equal` against TRL's `accuracy_reward`.

Both get the same rows, with the found and the gold answer in a box, and their verdicts are compared. `cold`
is a first call, which starts the worker processes. A round of `warm` finds them running, but rows that they
have not seen (of GSM8K there are no others) and no result in a cache. The best round of each side counts.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from trl.rewards import accuracy_reward

import rewardkit as rk
from benchmarks.answers import Row, completion, maths
from rewardkit.library.math_answer import answer
from rewardkit.runtime.pool import shared_pool

ROUNDS = 3
PROMPTS = 4_000
#: graded answers to GSM8K, where they are at hand
GSM8K = Path(__file__).parents[2] / "shared" / "data" / "gsm8k_graded.jsonl"

SPEC = r"""
language 1
input gold: text
let found = math.boxed(completion.text)
term right = math.equal(found, gold) ?? false
reward { right: 1 }
"""


def main() -> None:
    prompts = int(sys.argv[1]) if len(sys.argv) > 1 else PROMPTS
    print(
        f"{'rows per second':<34}{'rows':>8}{'TRL':>9}{'cold':>9}{'warm':>9}{'cold/TRL':>10}{'warm/TRL':>10}"
    )
    if GSM8K.exists():
        graded = [json.loads(line) for line in GSM8K.read_text(encoding="utf-8").splitlines()]
        found = [(answer(row["completion"]) or "", row["answer"]) for row in graded]
        race("GSM8K, graded answers", lambda seed: found)
    race("mixed mathematics", lambda seed: maths(prompts, seed=seed))
    race("mixed mathematics, groups of 8", lambda seed: maths(prompts // 8, 8, seed=seed))


def race(name: str, rows_of: Callable[[int], list[Row]]) -> None:
    """Times both sides on the same rows, round by round."""
    shared_pool().close()
    times = [once(rows_of(seed)) for seed in range(1 + ROUNDS)]
    count = len(rows_of(0))
    trl, cold = (count / min(t for t, _ in times), count / times[0][1])
    warm = count / min(seconds for _, seconds in times[1:])
    print(
        f"{name:<34}{count:>8,}{trl:>9,.0f}{cold:>9,.0f}{warm:>9,.0f}{cold / trl:>9.1f}x{warm / trl:>9.1f}x",
        flush=True,
    )


def once(rows: list[Row]) -> tuple[float, float]:
    """Seconds of TRL's function and of a new spec, whose verdicts are the same."""
    rng = random.Random(1)
    texts = [completion(found, rng) for found, _ in rows]
    golds = [rf"\boxed{{{gold}}}" for _, gold in rows]
    messages = [[{"role": "assistant", "content": text}] for text in texts]
    began = time.perf_counter()
    theirs = accuracy_reward(messages, golds)
    reward = rk.loads(SPEC, name="maths")
    between = time.perf_counter()
    scores = reward({"completion": texts, "gold": golds})
    ended = time.perf_counter()
    verdicts = zip(rows, theirs, scores.frame["right"].to_list(), strict=True)
    different = [(row, a, b) for row, a, b in verdicts if a != b]
    assert not different, different[:5]
    return between - began, ended - between


if __name__ == "__main__":
    main()
