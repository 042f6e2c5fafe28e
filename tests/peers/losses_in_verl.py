"""Runs in verl's own environment: `python losses_in_verl.py IN.npz OUT.npz`, its losses on given batches."""

import sys

import numpy as np
import torch
from verl.trainer.ppo import core_algos as verl
from verl.workers.config import ActorConfig


def actor(low: float, high: float, dual: float) -> ActorConfig:
    return ActorConfig(
        strategy="fsdp",
        rollout_n=1,
        ppo_micro_batch_size_per_gpu=1,
        clip_ratio_low=low,
        clip_ratio_high=high,
        clip_ratio_c=dual,
    )


def run(batch: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    new, old, adv, mask, values = (batch[name] for name in ("new", "old", "advantages", "mask", "values"))
    low, high, dual = batch["options"].tolist()
    out = {}

    def keep(name: str, loss: torch.Tensor, by: torch.Tensor) -> None:
        out[name], out[f"{name}/gradient"] = loss, torch.autograd.grad(loss, by)[0]

    new, values = new.requires_grad_(), values.requires_grad_()
    modes = "token-mean", "seq-mean-token-mean", "seq-mean-token-sum-norm"
    for loss in "vanilla", "gspo", "cispo":
        for mode in modes:
            function = verl.get_policy_loss_fn(loss)
            keep(f"{loss}/{mode}", function(old, new, adv, mask, mode, actor(low, high, dual))[0], new)
    for mode in modes:
        keep(f"agg/{mode}", verl.agg_loss(new, mask, mode), new)
        returns = adv  # any numbers will do
        loss, clipped = verl.compute_value_loss(values, returns, old, mask, 0.5, mode)
        keep(f"value/{mode}", loss, values)
    out["value_clip_fraction"] = clipped
    for kind in "k1", "k2", "k3":
        out[f"kl/{kind}"] = verl.kl_penalty(new, old, kind) * mask
    found = verl.compute_gae_advantage_return(adv, values, mask, 0.99, 0.95)
    out["gae"], out["returns"] = (tensor * mask for tensor in found)
    return {name: tensor.detach().numpy() for name, tensor in out.items()}


def main(source: str, target: str) -> None:
    given, found = np.load(source), {}
    for i in range(int(given["batches"])):
        own = {name.partition("/")[2]: name for name in given.files if name.startswith(f"{i}/")}
        batch = {short: torch.from_numpy(given[name]) for short, name in own.items()}
        found |= {f"{i}/{name}": array for name, array in run(batch).items()}
    np.savez(target, **found)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*sys.argv[1:])
