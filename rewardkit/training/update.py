"""One policy update on a batch of scored completions: PPO-clip over minibatches of whole groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from .config import TrainConfig
from .errors import TrainError
from .losses import aggregate, kl_penalty, ppo_clip
from .policy import Policy
from .rollout import Rollout, token_logps
from .seeds import Stream, derive


@dataclass(frozen=True)
class Batch:
    """N scored completions of at most T tokens, in whole groups."""

    rollout: Rollout
    advantages: Tensor  #: float32 (N,)
    groups: np.ndarray  #: int64 (N,)
    trained: Tensor  #: bool (N, T): tokens that carry loss; none in masked and skipped rows


def update(
    policy: Policy,
    reference: Policy | None,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    batch: Batch,
    config: TrainConfig,
    step: int,
) -> dict[str, float]:
    """Move the policy by `epochs` passes over the batch, and return the mean of each measure.

    Measures are `loss`, `clip_fraction`, `approx_kl` (of the sampling policy from the updated one),
    `gradient_norm` (before clipping) and, with a reference, `kl`. Raises `TrainError` if the gradient is
    not finite, before the policy is touched.
    """
    totals: dict[str, list[float]] = defaultdict(list)
    for epoch in range(config.epochs):
        seed = derive(config.seed, Stream.MINIBATCHES, step * config.epochs + epoch)
        for rows in minibatches(batch.groups, config.minibatches, seed):
            if not bool(batch.trained[rows].any()):
                continue  # all masked or skipped: there is nothing to learn, and no step to take
            measures = _descend(policy, reference, accelerator, batch, rows, config)
            measures["gradient_norm"] = _clip(policy, accelerator, config.gradient_clip, step)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            for name, value in measures.items():
                totals[name].append(value)
    return {name: sum(values) / len(values) for name, values in totals.items()}


def minibatches(groups: np.ndarray, count: int, seed: int) -> Iterator[Tensor]:
    """Split rows into `count` parts of whole groups, groups in random order: row indices, int64.

    There are fewer parts where there are fewer groups.
    """
    ids = np.unique(groups)
    shuffled = np.random.default_rng(seed).permutation(ids)
    for part in np.array_split(shuffled, min(count, len(ids))):
        yield torch.from_numpy(np.flatnonzero(np.isin(groups, part)))


def learning_rate(config: TrainConfig, step: int) -> float:
    """The learning rate of a step, the first being 0: a function of the step, so nothing to save."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    passed = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    match config.schedule:
        case "constant":
            return config.learning_rate
        case "linear":
            return config.learning_rate * (1 - passed)
        case "cosine":
            return config.learning_rate * 0.5 * (1 + float(np.cos(np.pi * passed)))


def _descend(
    policy: Policy,
    reference: Policy | None,
    accelerator: Accelerator,
    batch: Batch,
    rows: Tensor,
    config: TrainConfig,
) -> dict[str, float]:
    """Add the gradient of a minibatch, in pieces that fit in memory."""
    totals: dict[str, float] = defaultdict(float)
    tokens = int(batch.trained[rows].sum())
    for part in torch.split(rows, config.micro_batch or len(rows)):
        share = int(batch.trained[part].sum()) / tokens
        if share == 0:
            continue
        loss, measures = _loss(policy, reference, batch, part, config)
        loss = loss * _weight(batch.trained, part, rows, config)
        accelerator.backward(loss)
        totals["loss"] += float(loss.detach())
        for name, value in measures.items():  # means over tokens
            totals[name] += float(value) * share
    return dict(totals)


def _loss(
    policy: Policy, reference: Policy | None, batch: Batch, rows: Tensor, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    clip_low, clip_high = config.clip_range
    prompt_ids, prompt_mask, ids, old_logp, mask = _trim(batch, rows)
    new_logp = token_logps(policy, prompt_ids, prompt_mask, ids, config.temperature)
    loss, metrics = ppo_clip(
        new_logp,
        old_logp,
        batch.advantages[rows],
        mask,
        clip_low=clip_low,
        clip_high=clip_high,
        dual_clip=config.dual_clip,
        aggregation=config.aggregation,
        max_length=config.max_new_tokens,
    )
    measures = {name: metrics[name] for name in ("clip_fraction", "approx_kl")}
    if reference is not None:
        with torch.no_grad():
            ref_logp = token_logps(reference, prompt_ids, prompt_mask, ids, config.temperature)
        kl = kl_penalty(new_logp, ref_logp, mask, config.kl_kind)
        loss = loss + config.kl_coefficient * aggregate(kl, mask, config.aggregation, config.max_new_tokens)
        measures["kl"] = aggregate(kl.detach(), mask)
    return loss, measures


def _trim(batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Prompt ids and mask, completion ids, old log-probabilities and loss mask of some rows, without
    columns that are padding in all of them."""
    rollout = batch.rollout
    prompt_mask = rollout.prompt_mask[rows]
    left = int(prompt_mask.any(dim=0).long().argmax())
    length = int(batch.trained[rows].any(dim=0).sum())  # tokens that carry loss start at the first
    return (
        rollout.prompt_ids[rows, left:],
        prompt_mask[:, left:],
        rollout.completion_ids[rows, :length],
        rollout.logp[rows, :length],
        batch.trained[rows, :length],
    )


def _weight(trained: Tensor, part: Tensor, rows: Tensor, config: TrainConfig) -> float:
    """The share of a minibatch's loss that falls to a part of it, under the aggregation."""
    if len(part) == len(rows):
        return 1.0
    match config.aggregation:
        case "token_mean":
            return float(trained[part].sum() / trained[rows].sum())
        case "sequence_mean":
            return float(trained[part].any(dim=1).sum() / trained[rows].any(dim=1).sum())
        case "constant_length":
            return len(part) / len(rows)


def _clip(policy: Policy, accelerator: Accelerator, largest: float, step: int) -> float:
    norm = float(accelerator.clip_grad_norm_(policy.model.parameters(), largest or float("inf")))
    if not np.isfinite(norm):
        raise TrainError(f"step {step + 1}: the gradient is not finite; try a lower `learning_rate`")
    return norm
