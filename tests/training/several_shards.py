"""Runs under FSDP, beside runs in which each process holds all weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from several import give, run
from training_toy import score

from rewardkit.training import ConfigError, sharding
from rewardkit.training.logs import read_log

#: what `accelerate launch` sets from its configuration
FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_RESHARD_AFTER_FORWARD": "true",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
    "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
}
#: everything that runs a model: a reference, a critic, warm-up, parts; tied weights are the default
CHANGES: dict[str, Any] = {
    "train__steps": 4,
    "train__micro_batch": 7,
    "train__mask_truncated": True,
    "checkpoint__every": 2,
}
ALGORITHMS: dict[str, dict[str, Any]] = {
    "grpo": {},
    "critic": {"train__critic": True, "train__kl_in": "reward"},
    "adapter": {"policy__lora": True},
    "bf16": {"policy__precision": "bf16"},
}


def compared(folder: Path) -> None:
    """Logs and final weights, whole and in parts; and of a run in parts that was stopped and went on."""
    found: dict[str, Any] = {"shared": []}
    real = sharding.shard

    def spy(model: Any, *rest: Any) -> Any:
        weights = sum(parameter.numel() for parameter in model.parameters())
        model = real(model, *rest)
        own = sum(parameter.to_local().numel() for parameter in model.parameters())
        found["shared"].append((sharding.is_sharded(model), own / weights))
        return model

    sharding.shard = spy
    for name, algorithm in ALGORITHMS.items():
        for divided in (False, True):
            os.environ.update(FSDP if divided else dict.fromkeys(FSDP, "false"))
            # which peft cannot see through
            os.environ["FSDP_ACTIVATION_CHECKPOINTING"] = str(name != "adapter").lower()
            key = f"{name} {'parts' if divided else 'whole'}"
            result = run(folder, score, log__dir=key, **CHANGES, **algorithm)
            found[key] = [{**line, "seconds": None} for line in read_log(result.log)], str(result.checkpoint)
    try:
        run(folder, score, log__dir="neither", **CHANGES, **ALGORITHMS["adapter"])
    except ConfigError as error:
        found["refused"] = str(error)
    seen = []

    def stopping(rows: Any, /, *, group: Any, step: int) -> Any:
        if step == 3 and not seen:
            seen.append(step)
            raise InterruptedError
        return score(rows, group=group, step=step)

    for _ in range(2):
        try:
            result = run(folder, stopping, log__dir="again", **CHANGES)
            found["again"] = result.resumed_from, str(result.checkpoint)
        except InterruptedError:
            pass
    give(folder, found)
