"""One seed, many independent streams.

The random numbers of a step depend on the run's seed and the number of the step alone, so a resumed
run draws what the uninterrupted one would have drawn.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for."""

    MODEL = 0  #: initial weights
    PROMPTS = 1  #: order of the prompts
    DEMONSTRATIONS = 2  #: order of the demonstrations
    SAMPLING = 3  #: completions
    MINIBATCHES = 4  #: which groups are updated on together
    GLOBAL = 5  #: the global generators, for rewards that draw
    RESAMPLING = 6  #: completions in the place of those that a filter dropped
    CRITIC = 7  #: initial weights of a value head
    PROCESS = 8  #: completions that another process than the main one draws
    ADAPTER = 9  #: initial weights of an adapter
    ANSWERS = 20  #: a context optimizer: answers to prompts
    VALIDATION = 21  #: a context optimizer: answers to validation prompts
    EDITS = 22  #: a context optimizer: answers of the editor


def derive(seed: int, stream: Stream, index: int = 0) -> int:
    """A 63-bit seed for one stream at one index (a step or an epoch)."""
    state = np.random.SeedSequence([seed, int(stream), index]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))
