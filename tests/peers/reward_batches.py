"""Random batches of rewards as trainers meet them, in float32.

Rewards and weights are multiples of 1/8 and 1/4, so that their sums are exact in float32, and a group of
equal rewards has no deviation there either. No weights cancel: in a group of two each normalized term is
0.71 or -0.71 but for its eps, so weights of 1 and -1 leave a sum as small as the eps, of which float32 has
few digits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BATCHES = 1000

Batch = dict[str, np.ndarray]


def batches(seed: int, *, ragged: bool = False, nulls: bool = False, largest: int = 8) -> Iterator[Batch]:
    """`BATCHES` batches of groups in a row, of one size unless `ragged`; rows have 1 to 20 tokens."""
    rng = np.random.default_rng(seed)
    for _ in range(BATCHES):
        count, terms = int(rng.integers(2, 7)), int(rng.integers(1, 5))
        size = 0 if ragged else int(rng.integers(1, largest + 1))
        sizes = rng.integers(1, largest + 1, count) if ragged else np.full(count, size)
        groups = np.repeat(rng.permutation(50)[:count], sizes)
        if ragged:
            groups = rng.permutation(groups)
        rewards = rng.integers(-24, 25, (len(groups), terms)) / 8
        binary = rng.random(terms) < 0.5
        rewards[:, binary] = rng.integers(0, 2, (len(groups), int(binary.sum())))
        for group in np.unique(groups)[rng.random(count) < 0.3]:  # no variance in some or all terms
            still = rng.random(terms) < 0.7
            rewards[np.ix_(groups == group, still)] = rewards[groups == group][0, still]
        if nulls:
            rewards[rng.random(rewards.shape) < 0.15] = np.nan
            rewards[rng.random(len(groups)) < 0.1] = np.nan
        yield {
            "rewards": rewards.astype(np.float32),
            "weights": weights(rng, terms),
            "groups": groups,
            "lengths": rng.integers(1, 21, len(groups)),
            "size": np.array(size),
        }


def weights(rng: np.random.Generator, terms: int) -> np.ndarray:
    """Different powers of two, of either sign: no sum of some of them is 0."""
    found = rng.permutation([0.25, 0.5, 1.0, 2.0])[:terms] * rng.choice([-1, 1, 1], terms)
    return found.astype(np.float32)


def numbered(found: list[Batch]) -> Batch:
    """All of them in one file."""
    arrays = {f"{i}/{name}": array for i, batch in enumerate(found) for name, array in batch.items()}
    return arrays | {"batches": np.array(len(found))}
