"""The policy: a Hugging Face causal language model and its tokenizer, loaded or built."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .config import ModelConfig, PolicyConfig
from .errors import TrainError, reason
from .seeds import Stream, derive
from .tokenizer import build_tokenizer, encode_text, open_tokenizer, wrap_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class Policy:
    """A model in evaluation mode (dropout would make sampled and recomputed log-probabilities differ)."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    end_ids: tuple[int, ...]  #: a completion ends at any of these tokens
    pad_id: int
    barred: Tensor  #: int64: tokens without a text, which are never sampled


def load_policy(config: PolicyConfig, base: Path, seed: int) -> Policy:
    """Load the policy from a folder or the hub, or build it; `base` is the folder of the run file.

    Raises `TrainError` for a model or tokenizer that cannot be loaded.
    """
    if config.config is not None:
        tokenizer = _load_tokenizer(config.tokenizer or [], base)
        built = _policy(_build_model(config.config, tokenizer, seed, config.dtype), tokenizer)
        _check_vocabulary(built)
        return built
    name = config.path or ""
    source = str(base / name) if (base / name).is_dir() else name
    given = None if config.tokenizer is None else _load_tokenizer(config.tokenizer, base)
    policy = open_policy(source, config.dtype, given)
    if given is not None:
        _check_vocabulary(policy)
    return policy


def open_policy(
    source: str | Path,
    dtype: str = "float32",
    tokenizer: PreTrainedTokenizerBase | None = None,
    *,
    whole: bool = False,
) -> Policy:
    """Load a folder that `save_policy` or anything else of the Hugging Face ecosystem wrote.

    `tokenizer` stands in for the folder's own. Raises `TrainError` for what cannot be loaded, and with
    `whole` also where weights are missing, which Hugging Face would make up.
    """
    hub = _transformers()
    try:
        model: Any
        model, loading = hub.AutoModelForCausalLM.from_pretrained(
            str(source), dtype=getattr(torch, dtype), output_loading_info=True
        )
        own: Any = tokenizer or open_tokenizer(source)
    except Exception as error:  # of several libraries, each with its own
        raise TrainError(f"cannot load the policy {source}: {reason(error)}") from None
    if whole and loading["missing_keys"]:
        raise TrainError(f"cannot load the policy {source}: no weights `{min(loading['missing_keys'])}`")
    for parameter in model.parameters():
        # A copy, since memory mapped from a file is aligned by chance and kernels round by alignment.
        parameter.data = parameter.data.clone()
    return _policy(model, own)


def save_policy(policy: Policy, folder: str | Path, weights: Mapping[str, Tensor] | None = None) -> None:
    """Write model and tokenizer as an ordinary Hugging Face folder, an adapter as one of peft's.

    `weights` stand in for those of a model that is in parts (FSDP).
    """
    options: dict[str, Any] = {} if weights is None else {"state_dict": dict(weights)}
    if hasattr(policy.model, "peft_config"):
        options["save_embedding_layers"] = False  # it would ask the hub whether they have changed
    policy.model.save_pretrained(str(folder), **options)
    policy.tokenizer.save_pretrained(str(folder))


def encode_prompt(policy: Policy, prompt: str | Sequence[Mapping[str, Any]]) -> list[int]:
    """Token ids of a prompt: a text as it stands, messages through the tokenizer's chat template.

    Raises `TrainError` for a prompt of no tokens or one that cannot be encoded.
    """
    if isinstance(prompt, str):
        ids = encode_text(policy.tokenizer, prompt, start=True)
    else:
        try:
            messages: Any = list(prompt)
            text = policy.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except (ValueError, TypeError) as error:
            raise TrainError(f"cannot turn messages into a prompt: {reason(error)}") from None
        ids = list(policy.tokenizer(text, add_special_tokens=False)["input_ids"])
    if not ids:
        raise TrainError(f"the prompt {prompt!r} has no tokens")
    return ids


def check_model(policy: Policy) -> None:
    """Raise `TrainError` unless the model takes a token and gives logits and a cache to go on from."""
    kind = policy.model.config.model_type
    model: Any = policy.model
    try:
        with torch.inference_mode():
            ids = torch.tensor([[policy.end_ids[0]]], device=model.device)
            out = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True, logits_to_keep=1)
    except Exception as error:
        raise TrainError(f"this `{kind}` policy cannot run: {reason(error)}") from None
    if not hasattr(getattr(out, "past_key_values", None), "batch_repeat_interleave"):
        raise TrainError(f"a `{kind}` policy cannot be trained: completions are sampled with a KV cache")


def max_length(policy: Policy) -> int | None:
    """Tokens of prompt and completion that the model can take, where it says so."""
    limit = getattr(policy.model.config, "max_position_embeddings", None)
    return limit if isinstance(limit, int) and limit > 0 else None


def _transformers() -> Any:
    """The library, untyped: how much of it is typed changes from version to version."""
    import transformers

    return transformers


def _policy(model: Any, tokenizer: Any) -> Policy:
    generation = getattr(model, "generation_config", None)
    declared = [tokenizer.eos_token_id, getattr(generation, "eos_token_id", None)]
    flat = [i for ids in declared for i in (ids if isinstance(ids, list) else [ids]) if i is not None]
    end_ids = tuple(dict.fromkeys(flat))
    if not end_ids:
        raise TrainError("the tokenizer has no end token, so no completion would ever be finished")
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end_ids[0]
    return Policy(model.eval(), tokenizer, end_ids, pad_id, _barred(model, tokenizer, end_ids))


def _barred(model: Any, tokenizer: Any, end_ids: tuple[int, ...]) -> Tensor:
    """Tokens that no reward would see, so that a policy could hide behind them: padding, start and
    unknown, and rows that round the model's vocabulary up."""
    silent = {tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.unk_token_id, None}
    beyond = range(len(tokenizer), model.config.get_text_config().vocab_size)
    return torch.tensor(sorted((silent - {None} - set(end_ids)) | set(beyond)), dtype=torch.int64)


def _check_vocabulary(policy: Policy) -> None:
    """Raise `TrainError` where the model lacks tokens of a tokenizer that it did not come with."""
    there, needed = policy.model.config.get_text_config().vocab_size, len(policy.tokenizer)
    if there < needed:
        raise TrainError(f"the policy's `vocab_size` is {there}, and the tokenizer has {needed} tokens")


def _load_tokenizer(source: str | Sequence[str], base: Path) -> PreTrainedTokenizerBase:
    if not isinstance(source, str):
        return build_tokenizer(source)
    path = base / source
    try:
        if not path.is_file():
            return open_tokenizer(path if path.is_dir() else source)
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, list):
            return build_tokenizer(content)
        return wrap_tokenizer(tokenizer_file=str(path))
    except TrainError:
        raise
    except Exception as error:  # `tokenizers` raises nothing more special
        raise TrainError(f"cannot load the tokenizer {source}: {reason(error)}") from None


def _build_model(
    config: ModelConfig, tokenizer: PreTrainedTokenizerBase, seed: int, dtype: str
) -> PreTrainedModel:
    hub = _transformers()
    try:
        model_config = hub.AutoConfig.for_model(
            config.model_type,
            **{
                "vocab_size": len(tokenizer),
                "hidden_size": config.hidden,
                "num_hidden_layers": config.layers,
                "num_attention_heads": config.heads,
                "num_key_value_heads": config.heads,
                "intermediate_size": config.mlp,
                "tie_word_embeddings": config.tied,
                "max_position_embeddings": config.max_length,
                # The usual 0.02 fits wide models. At a width of 96 it takes more than three times as many
                # steps of warm-up until a policy copies from its prompt.
                "initializer_range": 0.5 * config.hidden**-0.5,
                "bos_token_id": tokenizer.bos_token_id,
                "eos_token_id": tokenizer.eos_token_id,
                "pad_token_id": tokenizer.pad_token_id,
                **config.extra,
            },
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, Stream.MODEL))
            model: PreTrainedModel = hub.AutoModelForCausalLM.from_config(
                model_config, dtype=getattr(torch, dtype)
            )
            return model
    except Exception as error:  # of several libraries, each with its own
        raise TrainError(f"cannot build a `{config.model_type}` policy: {reason(error)}") from None
