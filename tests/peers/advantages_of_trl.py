"""Advantages as TRL's trainers compute them: their own method, on a trainer that generates nothing."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import torch


def grpo(
    rewards: torch.Tensor, weights: torch.Tensor, size: int, aggregation: str, scale: str
) -> torch.Tensor:
    """(N, K) rewards in groups of `size` rows -> (N,) advantages of `GRPOTrainer`."""
    from trl import GRPOTrainer

    trainer = _trainer(rewards, weights, size, [None])
    trainer.multi_objective_aggregation, trainer.scale_rewards = aggregation, scale
    return _advantages(GRPOTrainer, trainer, len(rewards))


def rloo(rewards: torch.Tensor, weights: torch.Tensor, size: int, normalize: bool) -> torch.Tensor:
    """(N, K) rewards in groups of `size` rows -> (N,) advantages of `RLOOTrainer`."""
    from trl import RLOOTrainer

    trainer = _trainer(rewards, weights, size, [])
    trainer.normalize_advantages, trainer.reward_clip_range = normalize, None
    return _advantages(RLOOTrainer, trainer, len(rewards))


def _advantages(kind: Any, trainer: SimpleNamespace, rows: int) -> torch.Tensor:
    inputs = [{"prompt": "p"} for _ in range(rows)]
    found: torch.Tensor = kind._generate_and_score_completions(trainer, inputs)["advantages"]
    return found


def _trainer(rewards: torch.Tensor, weights: torch.Tensor, size: int, more: list[Any]) -> SimpleNamespace:
    """What the method reads of a trainer: every completion is one token, and the rewards are these."""
    rows, terms = rewards.shape
    ids = [[1]] * rows
    generated = (ids, ids, None, ["c"] * rows, None, {}, None, None) if more else (ids, ids, ["c"] * rows)
    logp = torch.zeros(rows, 1)
    return SimpleNamespace(
        accelerator=SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, process_index=0),
        args=SimpleNamespace(
            per_device_train_batch_size=rows, gradient_checkpointing_kwargs=None,
            steps_per_generation=1, gradient_accumulation_steps=1,
        ),
        model=SimpleNamespace(training=True, is_gradient_checkpointing=False),
        environment_factories=None, environments=None, tools=None,
        mask_truncated_completions=False, pad_to_multiple_of=None,
        _tokenizer=SimpleNamespace(pad_token_id=0), num_iterations=1, use_vllm=False, beta=0.0,
        log_multimodal=False, _generate=lambda prompts: generated,
        _get_per_token_logps_and_entropies=lambda *args, **options: (logp, None, None),
        _calculate_rewards=lambda *given: rewards,
        num_generations=size, reward_weights=weights,
        reward_funcs=[None] * terms, reward_func_names=[str(k) for k in range(terms)],
        _metrics={"train": defaultdict(list)}, _pending_extra_logs={}, _pending_metrics={},
        _logs=defaultdict(list) | {"rewards": defaultdict(list), "extra": defaultdict(list)},
    )  # fmt: skip
