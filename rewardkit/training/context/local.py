"""A Hugging Face model on this machine that answers chats. The only file here that imports torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.devices import find_device

from ..config import PolicyConfig
from ..errors import ConfigError, TrainError
from ..policy import Policy, check_model, encode_prompt, load_policy
from ..rollout import Sampling, generate
from .asking import Ask, Messages, OnDone, Reply
from .config import LocalConfig


class LocalModel:
    """Answers in batches. A chat goes through the tokenizer's chat template; where there is none, the texts
    of its messages are joined by `separator`."""

    def __init__(
        self, config: PolicyConfig, base: Path, sampling: LocalConfig, separator: str, seed: int
    ) -> None:
        self.sampling, self.separator = sampling, separator
        said = [config.model_dump(mode="json"), sampling.model_dump(exclude={"batch"}), separator]
        self.identity = json.dumps(said, sort_keys=True)
        try:
            device = find_device(config.device)
        except RewardError as error:
            raise ConfigError(f"[policy] `device`: {error}") from None
        policy = load_policy(config, base, seed)
        model: Any = policy.model
        self.policy: Policy = replace(policy, model=model.to(device))
        check_model(self.policy)

    def ask(self, asks: Sequence[Ask], on_done: OnDone) -> list[Reply]:
        """See `Model.ask`. Every batch is a function of its questions and the first one's seed."""
        sampling = Sampling(
            1,
            self.sampling.max_new_tokens,
            self.sampling.temperature,
            self.sampling.top_k,
            self.sampling.top_p,
        )
        replies: list[Reply] = []
        for start in range(0, len(asks), self.sampling.batch):
            batch = asks[start : start + self.sampling.batch]
            generator = torch.Generator(self.policy.model.device)
            generator.manual_seed(batch[0].seed)
            found = generate(self.policy, [self._encode(ask.messages) for ask in batch], sampling, generator)
            said = zip(found.texts, found.tokens.tolist(), found.finished.tolist(), strict=True)
            new = [Reply(text, tokens, finished) for text, tokens, finished in said]
            on_done(range(start, start + len(new)), new)
            replies += new
        return replies

    def close(self) -> None:
        """Nothing is under way."""

    def _encode(self, messages: Messages) -> list[int]:
        if getattr(self.policy.tokenizer, "chat_template", None):
            return encode_prompt(self.policy, messages)
        texts = [message.get("content") for message in messages]
        if not all(isinstance(text, str) for text in texts):
            raise TrainError("the tokenizer has no chat template, so messages must be texts")
        return encode_prompt(self.policy, self.separator.join(map(str, texts)))
