"""Runs in verl's own environment: `python advantages_in_verl.py IN.npz OUT.npz`, its advantages of batches.

A completion's advantage is that of its first token; verl gives all of its tokens the same.
"""

import sys
import time
from types import SimpleNamespace

import numpy as np
import torch
from verl.trainer.ppo import core_algos as verl


class Config(SimpleNamespace):
    def get(self, name, default=None):
        return getattr(self, name, default)


def calls(rewards, weights, groups, lengths):
    """Name -> the call of an estimator, on (N, K) rewards, NaN where there is none; (K,) weights, (N,)
    groups, (N,) tokens."""
    rows, terms = rewards.shape
    mask = (torch.arange(int(lengths.max())) < torch.from_numpy(lengths)[:, None]).float()
    last = torch.from_numpy(lengths) - 1
    scores = torch.zeros_like(mask)
    scores[torch.arange(rows), last] = torch.from_numpy((rewards * weights).sum(axis=1, dtype=np.float32))
    keys = [f"r{k}" for k in range(terms)]
    config = Config(gamma=1.0, gdpo_reward_keys=keys, gdpo_reward_weights=weights.tolist())
    given = {"token_level_rewards": scores, "response_mask": mask, "index": groups, "config": config}
    prompt = torch.ones(rows, 3, dtype=torch.int64)
    parts = {
        "non_tensor_batch": {key: rewards[:, k] for k, key in enumerate(keys)},
        "batch": {"prompts": prompt, "attention_mask": torch.cat([prompt, mask.long()], dim=1)},
    }
    without = {key: value for key, value in given.items() if key != "index"}
    return {
        "grpo": lambda: verl.compute_grpo_outcome_advantage(**given),
        "dr_grpo": lambda: verl.compute_grpo_outcome_advantage(**given, norm_adv_by_std_in_grpo=False),
        "gdpo": lambda: verl.compute_gdpo_outcome_advantage(**given, **parts),
        "rloo": lambda: verl.compute_rloo_outcome_advantage(**given),
        "rloo_vectorized": lambda: verl.compute_rloo_vectorized_outcome_advantage(**given),
        "reinforce_pp": lambda: verl.compute_reinforce_plus_plus_outcome_advantage(**without),
        "reinforce_pp_baseline": lambda: verl.compute_reinforce_plus_plus_baseline_outcome_advantage(**given),
    }


def run(*batch):
    return {name: call()[0][:, 0].numpy() for name, call in calls(*batch).items()}


def timed(*batch):
    """Name, advantages and seconds of each estimator that a normalizer of ours is named like."""
    for name, call in calls(*batch).items():
        if name in ("grpo", "dr_grpo", "gdpo", "rloo", "reinforce_pp"):
            start = time.perf_counter()
            advantages, _ = call()
            yield name, advantages[:, 0].numpy(), time.perf_counter() - start


if __name__ == "__main__":
    source, target = sys.argv[1:]
    with np.load(source) as given:
        arrays = dict(given)
    out = {}
    for i in range(int(arrays["batches"])):
        names = ("rewards", "weights", "groups", "lengths")
        for name, advantages in run(*(arrays[f"{i}/{n}"] for n in names)).items():
            out[f"{i}/{name}"] = advantages
    np.savez(target, **out)
