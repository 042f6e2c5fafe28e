"""`python -m benchmarks [ROWS]`: ten reward terms of a spec against per-row Python.

Every term's values are compared with its peer's before anything is timed. Rounds alternate between the
two sides; the best round of each counts. Both get the same completions as Python lists, as a trainer
hands them over.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import rewardkit as rk
from benchmarks import peers
from benchmarks.completions import COUNT, completions

ROUNDS = 3
SPEC = Path(__file__).with_name("terms.rwd")

#: term of `terms.rwd` -> the function that people use for it
PEERS: dict[str, peers.Peer] = {
    "tags": peers.strict_tags,
    "tag_count": peers.tag_count,
    "choice": peers.choice,
    "boxed": peers.boxed,
    "steps": peers.reasoning_steps,
    "second_thoughts": peers.second_thoughts,
    "words": peers.words,
    "cosine": peers.trl_cosine,
    "overlong": peers.trl_overlong,
    "repetition": peers.trl_repetition,
}


def main() -> None:
    texts = completions(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
    tokens = [len(text) // 4 for text in texts]
    rows = {"completion": texts, "completion_tokens": tokens}
    given = {
        "completions": [[{"role": "assistant", "content": text}] for text in texts],
        "completion_ids": [range(n) for n in tokens],  # only their number is looked at
    }
    whole = rk.load(SPEC)
    compare(whole(rows), given)
    print(f"{len(texts):,} completions of {sum(map(len, texts)) / len(texts):,.0f} characters on average")
    print(f"{'term':<18}{'python':>10}{'rewardkit':>12}{'ratio':>9}")
    for name, peer in PEERS.items():
        alone = only(name)
        show(name, *race(lambda peer=peer: peer(**given), lambda alone=alone: alone(rows)))
    tags = only("tags")
    show("tags, TRL's", *race(lambda: peers.trl_think_format(**given), lambda: tags(rows)))
    show("all ten", *race(lambda: [peer(**given) for peer in PEERS.values()], lambda: whole(rows)))


def only(term: str) -> rk.Reward:
    """The spec with one term, and the lets that it reads."""
    lines = [
        line for line in SPEC.read_text(encoding="utf-8").splitlines() if line.startswith(("let", "term"))
    ]
    (wanted,) = [line for line in lines if line.startswith("term") and line.split()[1] == term]
    lets = [line for line in lines if line.startswith("let") and line.split()[1] in wanted]
    return rk.loads("\n".join([*lets, wanted, f"reward {{ {term}: 1 }}"]), name=term)


def compare(scores: rk.Scores, given: dict[str, Any]) -> None:
    """Every term gives what its peer gives; cosines may differ in their last bits."""
    for name, peer in PEERS.items():
        ours, theirs = scores.frame[name].to_numpy(), np.array(peer(**given), np.float64)
        assert np.allclose(ours, theirs, rtol=0, atol=1e-12 if name == "cosine" else 0), name
        assert len(set(theirs.tolist())) > 1, f"{name} is the same on every row"


def race(python: Callable[[], Any], spec: Callable[[], Any]) -> tuple[float, float]:
    """The best time of each in seconds, in alternating rounds."""
    times = [(timed(python), timed(spec)) for _ in range(ROUNDS)]
    return min(p for p, _ in times), min(s for _, s in times)


def timed(run: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def show(name: str, python: float, spec: float) -> None:
    print(f"{name:<18}{python * 1e3:>7.0f} ms{spec * 1e3:>9.0f} ms{python / spec:>8.1f}x", flush=True)


if __name__ == "__main__":
    main()
