"""Supervised warm-up: the policy imitates demonstrations before it is rewarded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from accelerate import Accelerator

from .config import WarmupConfig
from .data import Rows, visit
from .errors import TrainError
from .policy import Policy, encode_prompt
from .rollout import pad_left, token_logps
from .seeds import Stream
from .tokenizer import encode_text

#: gets the number of the step and its loss in nats per token
OnWarmup = Callable[[int, float], None]


@dataclass(frozen=True)
class Demonstration:
    """Token ids; those of the completion end with the end token."""

    prompt: Sequence[int]
    completion: Sequence[int]


def warm_up(
    policy: Policy, rows: Rows, config: WarmupConfig, seed: int, accelerator: Accelerator, report: OnWarmup
) -> None:
    """Train the policy in place on the completions of `rows` (their prompts carry no loss).

    AdamW; the learning rate rises over `ramp` steps, then falls linearly to 0. Token mean, gradients
    clipped at 1. Raises `TrainError` for text that the tokenizer cannot spell.
    """
    demonstrations = encode_demonstrations(policy, rows, config)
    device = policy.model.device
    optimizer = torch.optim.AdamW(
        policy.model.parameters(), betas=(0.9, 0.95), weight_decay=config.weight_decay, fused=True
    )
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(config, step)
        chosen = [
            demonstrations[i]
            for i in visit(
                len(demonstrations), step * config.batch, config.batch, seed, Stream.DEMONSTRATIONS
            )
        ]
        prompt_ids, prompt_mask = pad_left([d.prompt for d in chosen], policy.pad_id, device)
        ids, mask = pad_right([d.completion for d in chosen], policy.pad_id, device)
        logp = token_logps(policy, prompt_ids, prompt_mask, ids)
        loss = -logp.masked_fill(~mask, 0.0).sum() / mask.sum()
        accelerator.backward(loss)
        torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        report(step + 1, float(loss.detach()))
    policy.model.zero_grad(set_to_none=True)


def encode_demonstrations(policy: Policy, rows: Rows, config: WarmupConfig) -> list[Demonstration]:
    """All rows as token ids; raises `TrainError` that names the row which cannot be encoded."""
    demonstrations, barred = [], set(policy.barred.tolist())
    pairs = zip(rows.column(config.prompt), rows.column(config.completion), strict=True)
    for number, (prompt, completion) in enumerate(pairs, start=1):
        if not isinstance(completion, str):
            raise TrainError(f"demonstration {number}: the completion is no text but {completion!r}")
        try:
            ids = encode_text(policy.tokenizer, completion, start=False)
            if set(ids) & barred:
                raise TrainError(f"{completion!r} holds a special token that is never sampled")
            demonstrations.append(Demonstration(encode_prompt(policy, prompt), [*ids, policy.end_ids[0]]))
        except TrainError as error:
            raise TrainError(f"demonstration {number}: {error}") from None
    return demonstrations


def pad_right(
    rows: Sequence[Sequence[int]], pad_id: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of token ids as one int64 matrix, and a bool matrix that is true on them."""
    width = max(map(len, rows))
    ids = torch.tensor([list(row) + [pad_id] * (width - len(row)) for row in rows], device=device)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    return ids, torch.arange(width, device=device) < lengths[:, None]


def _learning_rate(config: WarmupConfig, step: int) -> float:
    if step < config.ramp:
        return config.learning_rate * (step + 1) / config.ramp
    return config.learning_rate * (config.steps - step) / max(1, config.steps - config.ramp)
