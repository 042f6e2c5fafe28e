"""One policy update on a batch of scored completions: minibatches of whole groups, each in parts that fit.

Several processes hold the same batch and divide the groups of each minibatch among them. The losses of all
parts add up to the minibatch's own, so the step is the one that a single process would take.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from .adapters import without_adapter
from .config import TrainConfig
from .critic import ValueHead, state_values, token_logps_and_values
from .division import micro_batches, minibatches, shares
from .errors import TrainError
from .losses import Counts, Objective, aggregate, count, kl_penalty, sampled_kl, value_loss
from .policy import Policy
from .processes import ALONE, Processes
from .rollout import Rollout, token_logps
from .seeds import Stream, derive
from .sharding import gradient_norm, is_sharded


@dataclass(frozen=True)
class Batch:
    """N scored completions of at most T tokens, in whole groups."""

    rollout: Rollout
    advantages: Tensor  #: float32 (N,), or (N, T)
    groups: np.ndarray  #: int64 (N,)
    trained: Tensor  #: bool (N, T): tokens that carry loss; none in masked and skipped rows
    values: Tensor | None = None  #: float32 (N, T) of the critic when it was asked for the advantages
    returns: Tensor | None = None  #: float32 (N, T): what the values should have been


@dataclass(frozen=True)
class Learner:
    """What an update moves, and by which loss."""

    policy: Policy
    reference: Policy | None
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    objective: Objective
    head: ValueHead | None = None  #: of the critic
    processes: Processes = ALONE

    @property
    def in_step(self) -> bool:
        """Whether a forward pass of one process waits for one of each other, as under FSDP."""
        return self.processes.count > 1 and is_sharded(self.policy.model)

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        """All that is trained."""
        head = () if self.head is None else self.head.parameters()
        return [p for p in chain(self.policy.model.parameters(), head) if p.requires_grad]


def update(learner: Learner, batch: Batch, config: TrainConfig, step: int) -> dict[str, float]:
    """Move the policy by `epochs` passes over the batch, and return the mean of each measure.

    Measures are `loss`, those of the objective (`approx_kl`: of the sampling policy from the updated one),
    `gradient_norm` (before clipping) and, with a reference in the loss, `kl`. Raises `TrainError` if the
    gradient is not finite, before the policy is touched.
    """
    taken, norms = list[dict[str, float]](), list[float]()
    for epoch in range(config.epochs):
        seed = derive(config.seed, Stream.MINIBATCHES, step * config.epochs + epoch)
        parts = list(minibatches(batch.groups, config.minibatches, seed))
        for rows in parts:
            if not bool(batch.trained[rows].any()):
                continue  # all masked or skipped: there is nothing to learn, and no step to take
            taken.append(_descend(learner, batch, rows, len(parts), config))
            norms.append(_clip(learner, config.gradient_clip, step))
            learner.optimizer.step()
            learner.optimizer.zero_grad(set_to_none=True)
    totals: dict[str, float] = defaultdict(float)
    for measures in chain.from_iterable(learner.processes.gather(lambda: taken)):
        for name, value in measures.items():
            totals[name] += value
    if norms:
        totals["gradient_norm"] = sum(norms)
    return {name: value / len(norms) for name, value in totals.items()}


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


def reference_kl(learner: Learner, batch: Batch, config: TrainConfig) -> Tensor:
    """Of each token that the policy sampled, an estimate of the KL from the reference: float32 (N, T) nats.

    Raises ValueError without a reference.
    """
    if learner.reference is None:
        raise ValueError("there is no reference to measure a KL from")

    def measure(part: Tensor) -> Tensor:
        prompt_ids, prompt_mask, ids, old_logp, mask = _trim(batch, part)
        return kl_penalty(
            old_logp, _reference(learner, prompt_ids, prompt_mask, ids, config), mask, config.kl_kind
        )

    return _measured(learner, batch, measure, config)


def token_values(learner: Learner, batch: Batch, config: TrainConfig) -> Tensor:
    """The critic's value of each state in which a token was sampled: float32 (N, T), 0 in the padding.

    Raises ValueError without a critic.
    """
    if learner.head is None:
        raise ValueError("there is no critic")
    head = learner.head

    def measure(part: Tensor) -> Tensor:
        prompt_ids, prompt_mask, ids, _, mask = _trim(batch, part)
        return state_values(learner.policy, head, prompt_ids, prompt_mask, ids) * mask

    return _measured(learner, batch, measure, config)


def _measured(
    learner: Learner, batch: Batch, measure: Callable[[Tensor], Tensor], config: TrainConfig
) -> Tensor:
    """A measure of each token of the batch (N, T), without gradient; each process takes some of the rows."""
    rows, processes = torch.arange(len(batch.groups)), learner.processes
    size = config.micro_batch or max(1, len(rows))
    split = [
        _heard(list(torch.split(rows[replace(processes, rank=rank).share(len(rows))], size)), batch)
        for rank in range(processes.count)
    ]
    parts = split[processes.rank]
    out = torch.zeros_like(batch.rollout.logp)
    with torch.no_grad():
        for part in parts:
            found = measure(part)
            out[part, : found.shape[1]] = found
        for _ in range(max(map(len, split)) - len(parts) if learner.in_step else 0):
            measure(_first(rows, batch))
    if processes.count > 1:
        own = rows[processes.share(len(rows))]
        out = torch.cat(processes.gather(lambda: out[own].cpu())).to(out.device)
    return out


def _reference(
    learner: Learner, prompt_ids: Tensor, prompt_mask: Tensor, ids: Tensor, config: TrainConfig
) -> Tensor:
    """Log-probabilities (B, T) under the policy that the run began with."""
    assert learner.reference is not None
    with torch.no_grad(), without_adapter(learner.reference.model):
        return token_logps(learner.reference, prompt_ids, prompt_mask, ids, config.temperature)


def _descend(
    learner: Learner, batch: Batch, rows: Tensor, minibatches: int, config: TrainConfig
) -> dict[str, float]:
    """Add the gradient of a minibatch, in parts whose losses add up to its own, and say what this process's
    share of each measure is."""
    processes = learner.processes
    whole = learner.objective.whole_groups
    split = [
        _heard(micro_batches(share, batch.groups, config.micro_batch, whole), batch)
        for share in shares(rows, batch.groups, batch.trained.sum(dim=1), processes.count)
    ]
    parts = split[processes.rank]
    idle = max(map(len, split)) - len(parts) if learner.in_step else 0
    counts = count(batch.trained[rows], torch.from_numpy(batch.groups)[rows])
    tokens = counts.tokens
    if config.aggregation == "global_tokens":
        counts = replace(counts, tokens=float(batch.trained.sum()) / minibatches)
    kl = None
    if learner.objective.minibatch_kl and sum(map(len, split)) > 1:
        own = sum(_measured_kl(learner, batch, part, counts, config) for part in parts)
        for _ in range(idle):
            _measured_kl(learner, batch, _first(rows, batch), counts, config)
        kl = float(processes.total(torch.tensor(own, dtype=torch.float64, device=batch.trained.device)))
    totals: dict[str, float] = defaultdict(float)
    for part in parts:
        share = float(batch.trained[part].sum()) / tokens
        loss, measures = _loss(learner, batch, part, counts, kl, config)
        _backward(learner, loss)
        totals["loss"] += float(loss.detach())
        for name, value in measures.items():  # means over tokens
            totals[name] += float(value) * share
    for _ in range(idle):
        _backward(learner, _loss(learner, batch, _first(rows, batch), counts, kl, config)[0] * 0.0)
    _add_up(learner)
    return dict(totals)


def _heard(parts: list[Tensor], batch: Batch) -> list[Tensor]:
    """The parts in which some token carries loss."""
    return [part for part in parts if bool(batch.trained[part].any())]


def _first(rows: Tensor, batch: Batch) -> Tensor:
    """The first of the rows in which some token carries loss."""
    return rows[batch.trained[rows].any(dim=1).nonzero()[0].cpu()]


def _backward(learner: Learner, loss: Tensor) -> None:
    # FSDP takes the mean over processes of what is to be added up
    learner.accelerator.backward(loss * learner.processes.count if learner.in_step else loss)


def _add_up(learner: Learner) -> None:
    """The gradients of all processes; FSDP has added up those of its parts."""
    if not learner.in_step:
        learner.processes.sum_gradients(learner.parameters)
    elif learner.head is not None:
        learner.processes.sum_gradients(learner.head.parameters())
        for parameter in learner.head.parameters():
            if parameter.grad is not None:
                parameter.grad /= learner.processes.count


def _loss(
    learner: Learner, batch: Batch, rows: Tensor, counts: Counts, kl: float | None, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    prompt_ids, prompt_mask, ids, old_logp, mask = _trim(batch, rows)
    values = None
    if learner.head is None:
        new_logp = token_logps(learner.policy, prompt_ids, prompt_mask, ids, config.temperature)
    else:
        new_logp, values = token_logps_and_values(
            learner.policy, learner.head, prompt_ids, prompt_mask, ids, config.temperature
        )
    advantages = batch.advantages[rows]
    if advantages.ndim == 2:
        advantages = advantages[:, : ids.shape[1]]
    groups = torch.from_numpy(batch.groups)[rows].to(mask.device)
    given = {"kl": kl} if learner.objective.minibatch_kl else {}
    loss, measures = learner.objective.function(
        new_logp, old_logp, advantages, mask, groups, counts=counts, **given
    )
    if learner.reference is not None and config.kl_in == "loss":
        there = _reference(learner, prompt_ids, prompt_mask, ids, config)
        distance = kl_penalty(new_logp, there, mask, config.kl_kind)
        loss = loss + config.kl_coefficient * aggregate(
            distance, mask, config.aggregation, config.max_new_tokens, counts
        )
        measures["kl"] = aggregate(distance.detach(), mask)
    if values is not None and batch.values is not None and batch.returns is not None and config.value_head:
        wrong, more = value_loss(
            values,
            batch.values[rows, : ids.shape[1]],
            batch.returns[rows, : ids.shape[1]],
            mask,
            clip=config.value_head.value_clip or None,
            counts=counts,
        )
        loss, measures = loss + config.value_head.coefficient * wrong, {**measures, **more}
    return loss, measures


def _measured_kl(learner: Learner, batch: Batch, rows: Tensor, counts: Counts, config: TrainConfig) -> float:
    """A part's share of its minibatch's KL (old || new)."""
    prompt_ids, prompt_mask, ids, old_logp, mask = _trim(batch, rows)
    with torch.no_grad():
        new_logp = token_logps(learner.policy, prompt_ids, prompt_mask, ids, config.temperature)
        return float(sampled_kl(new_logp, old_logp, mask, counts))


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


def _clip(learner: Learner, largest: float, step: int) -> float:
    parameters = learner.parameters
    if is_sharded(learner.policy.model):
        norm = float(gradient_norm(parameters))
        scale = min(1.0, (largest or float("inf")) / (norm + 1e-6))
        for parameter in parameters:
            if parameter.grad is not None and scale < 1:
                parameter.grad.mul_(scale)
    else:
        norm = float(learner.accelerator.clip_grad_norm_(parameters, largest or float("inf")))
    if not np.isfinite(norm):
        raise TrainError(f"step {step + 1}: the gradient is not finite; try a lower `learning_rate`")
    return norm
