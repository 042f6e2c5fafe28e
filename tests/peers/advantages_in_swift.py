"""Runs in ms-swift's own environment: `python advantages_in_swift.py IN.npz OUT.npz`, its advantages."""

import sys

import numpy as np
import torch
from swift.rl_core.advantage import compute_advantages, compute_advantages_dynamic

#: our name -> its estimator and scale
NAMED = {
    "grpo": ("grpo", "group"),
    "batch": ("grpo", "batch"),
    "dr_grpo": ("grpo", "none"),
    "rloo": ("rloo", "none"),
    "reinforce_pp": ("reinforce_plus_plus", "batch"),
    "gdpo": ("grpo", "gdpo"),
}


def run(rewards, weights, groups, size):
    """(N, K) rewards, NaN for none; (K,) weights, (N,) groups; `size` rows each, 0 where ragged."""
    rewards, weights = torch.from_numpy(rewards), torch.from_numpy(weights)
    for name, (estimator, scale) in NAMED.items():
        if size:
            yield name, compute_advantages(rewards, weights, size, estimator, scale)[0]
        elif name != "gdpo":  # not there for ragged groups: it only takes the mean off
            prompts, requests = [str(g) for g in groups], [str(i) for i in range(len(groups))]
            yield name, compute_advantages_dynamic(rewards, weights, prompts, requests, estimator, scale)[0]


if __name__ == "__main__":
    source, target = sys.argv[1:]
    with np.load(source) as given:
        arrays = dict(given)
    out = {}
    for i in range(int(arrays["batches"])):
        names = ("rewards", "weights", "groups")
        for name, advantages in run(*(arrays[f"{i}/{n}"] for n in names), int(arrays[f"{i}/size"])):
            out[f"{i}/{name}"] = advantages.numpy()
    np.savez(target, **out)
