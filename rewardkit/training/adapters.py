"""LoRA (arXiv 2106.09685) through `peft`: small matrices are trained beside weights that stay as they are."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from .errors import ConfigError, TrainError, reason
from .policy import Policy
from .seeds import Stream, derive

if TYPE_CHECKING:
    from .config import LoraConfig


def add_adapter(policy: Policy, config: LoraConfig, seed: int) -> Policy:
    """The policy with a new adapter, which changes nothing yet; only the adapter is trained.

    Raises `ConfigError` where peft is missing, or cannot put an adapter on this model.
    """
    peft = _peft()
    targets = config.targets if isinstance(config.targets, str) else list(config.targets)
    settings = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=config.rank,
        lora_alpha=config.alpha,
        target_modules=targets,
    )
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, Stream.ADAPTER))
            model = _quietly(peft.get_peft_model, policy.model, settings)
    except ValueError as error:
        raise ConfigError(f"[policy.lora] {reason(error)}") from None
    return replace(policy, model=model.eval())


def restore_adapter(policy: Policy, folder: Path) -> Policy:
    """The policy with an adapter that was saved; raises `TrainError` if it cannot be read."""
    peft = _peft()
    try:
        model = _quietly(peft.PeftModel.from_pretrained, policy.model, str(folder), is_trainable=True)
        saved = set(peft.utils.load_peft_weights(str(folder), device="cpu"))
    except Exception as error:  # of several libraries, each with its own
        raise TrainError(f"cannot load the adapter {folder}: {reason(error)}") from None
    missing = sorted(set(peft.get_peft_model_state_dict(model)) - saved)
    if missing:
        raise TrainError(f"cannot load the adapter {folder}: no weights `{missing[0]}`")
    return replace(policy, model=model.eval())


def has_adapter(model: Any) -> bool:
    """Whether `add_adapter` or `restore_adapter` made it."""
    return hasattr(model, "peft_config") and hasattr(model, "merge_and_unload")


def without_adapter(model: Any) -> AbstractContextManager[Any]:
    """While it lasts, the model is what it was without its adapter, if it has one."""
    off: AbstractContextManager[Any] = model.disable_adapter() if has_adapter(model) else nullcontext()
    return off


def merged(policy: Policy) -> Policy:
    """The ordinary model that the adapter makes of its base. The policy given is used up."""
    untyped: Any = policy.model
    return replace(policy, model=untyped.merge_and_unload())


def _quietly(function: Any, *args: Any, **options: Any) -> Any:
    """peft asks transformers for what it is about to rename."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return function(*args, **options)


def _peft() -> Any:
    try:
        import peft
    except ImportError:
        raise ConfigError("[policy.lora] needs peft: `pip install 'rewardkit[lora]'`") from None
    return peft
