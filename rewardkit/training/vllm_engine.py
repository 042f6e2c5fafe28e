"""vLLM as what samples, beside the policy on its GPU.

Written against vLLM's documentation (0.10 and later), and tested with a stand-in for it only: vLLM itself has
not been run here. All that knows of it is in this file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .config import RunConfig
from .errors import ConfigError, TrainError, reason
from .policy import Policy
from .processes import Processes
from .rollout import Rollout, Sampling, check_length, pad_left, token_logps
from .seeds import Stream, derive
from .warmup import pad_right


@dataclass(frozen=True)
class Engine:
    """A vLLM engine in this process, asleep but while it samples."""

    llm: Any
    params: Any  #: vLLM's `SamplingParams`
    rows: int  #: whose log-probabilities are computed at once


def open_engine(config: RunConfig, base: Path, processes: Processes) -> Engine:
    """Start vLLM on the model of `policy.path`; `base` is the folder of the run file.

    Raises `ConfigError` where vLLM is missing or cannot take the run, `TrainError` where it does not start.
    """
    name = config.policy.path
    if name is None:
        raise ConfigError('[train] `engine = "vllm"` needs a policy from a folder or the hub: `policy.path`')
    if config.policy.adapter is not None:
        raise ConfigError('[train] `engine = "vllm"` does not go with [policy.lora]; leave one of them out')
    # in this process, so that its model can be handed tensors
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    try:
        untyped: Any = import_module("vllm")
    except ImportError:
        raise ConfigError('[train] `engine = "vllm"` needs vllm: `pip install vllm`') from None
    given: dict[str, Any] = {
        "model": str(base / name) if (base / name).is_dir() else name,
        "dtype": "bfloat16" if config.policy.precision == "bf16" else config.policy.dtype,
        "enable_sleep_mode": True,
        "gpu_memory_utilization": 0.5,
        "seed": derive(config.train.seed, Stream.SAMPLING, processes.rank) % 2**31,
        **({"distributed_executor_backend": "external_launcher"} if processes.count > 1 else {}),
        **config.train.engine_options,
    }
    try:
        llm = untyped.LLM(**given)
        llm.sleep(level=2)
    except Exception as error:  # of vLLM and all that it uses
        raise TrainError(f"vLLM does not start: {reason(error)}") from None
    return Engine(llm, untyped.SamplingParams, config.train.micro_batch or 64)


def generate(
    engine: Engine, policy: Policy, prompts: Sequence[Sequence[int]], sampling: Sampling, seed: int
) -> Rollout:
    """As `rollout.generate`, with the policy's present weights.

    `logp` are the policy's own, recomputed: vLLM rounds otherwise, and an update must begin at a ratio of 1.
    """
    device = policy.model.device
    prompt_ids, prompt_mask = pad_left(prompts, policy.pad_id, device)
    check_length(policy, prompt_ids.shape[1], sampling.max_new_tokens)
    outputs = _sampled(engine, policy, prompts, sampling, seed)
    spoken = [_with_end(one, policy) for output in outputs for one in _in_order(output)]
    finished = [one.finish_reason == "stop" for output in outputs for one in _in_order(output)]
    ids, mask = pad_right(spoken, policy.pad_id, device)
    prompt_ids = prompt_ids.repeat_interleave(sampling.completions, dim=0)
    prompt_mask = prompt_mask.repeat_interleave(sampling.completions, dim=0)
    ends = set(policy.end_ids)
    texts = policy.tokenizer.batch_decode(
        [[i for i in row if i not in ends] for row in spoken], clean_up_tokenization_spaces=False
    )
    parts: list[Tensor] = []
    with torch.no_grad():
        for at in torch.split(torch.arange(len(ids), device=device), engine.rows):
            parts.append(token_logps(policy, prompt_ids[at], prompt_mask[at], ids[at], sampling.temperature))
    logp = torch.cat(parts).masked_fill(~mask, 0.0)
    if not bool(torch.isfinite(logp).all()):
        raise TrainError("vLLM sampled a token to which the policy gives no probability")
    return Rollout(
        prompt_ids,
        prompt_mask,
        ids,
        mask,
        logp,
        tuple(texts),
        torch.tensor(finished, device=device),
    )


def _sampled(
    engine: Engine, policy: Policy, prompts: Sequence[Sequence[int]], sampling: Sampling, seed: int
) -> list[Any]:
    shared: dict[str, Any] = {
        "n": sampling.completions,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k or 0,
        "top_p": sampling.top_p or 1.0,
        "stop_token_ids": list(policy.end_ids),
        "logit_bias": dict.fromkeys(policy.barred.tolist(), -100.0),
        "detokenize": False,
    }
    # a seed for each prompt, so that what is drawn does not depend on how vLLM batches them
    params = [
        engine.params(**shared, seed=derive(seed, Stream.SAMPLING, row) % 2**31)
        for row in range(len(prompts))
    ]
    weights = [(name, parameter.detach()) for name, parameter in policy.model.named_parameters()]
    llm = engine.llm
    llm.wake_up(tags=["weights"])
    try:
        llm.apply_model(lambda model: model.load_weights(weights))
        llm.wake_up(tags=["kv_cache"])
        llm.reset_prefix_cache()
        given = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        return list(llm.generate(given, sampling_params=params, use_tqdm=False))
    finally:
        llm.sleep(level=2)


def _in_order(output: Any) -> list[Any]:
    return sorted(output.outputs, key=lambda one: int(one.index))


def _with_end(one: Any, policy: Policy) -> list[int]:
    """The tokens of a completion; with its end token, also where vLLM leaves that out."""
    ids = list(one.token_ids)
    if one.finish_reason == "stop" and (not ids or ids[-1] not in policy.end_ids):
        ids.append(one.stop_reason if isinstance(one.stop_reason, int) else policy.end_ids[0])
    return ids
