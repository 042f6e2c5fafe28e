"""A Hugging Face sequence classifier with one label, and how it reads a prompt and a completion."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.configs import RewardModelConfig
from rewardkit.runtime.devices import find_device

#: characters of a text per token that the model reads, beyond which it is not even cut into tokens
_CHARS_PER_TOKEN = 200

#: what `tokenizer.model_max_length` says where nobody set it
_NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class Encoded:
    """A prompt and its completion as token ids, and which of the two texts each is of, where a model asks."""

    ids: list[int]
    types: list[int] | None


class Reader:
    """A loaded model and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, config: RewardModelConfig) -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, config.path
        self.max_length = _max_length(model, tokenizer, config)
        chat = bool(getattr(tokenizer, "chat_template", None))
        if config.template == "chat" and not chat:
            raise RewardError(
                f"the tokenizer of {config.path} has no chat template: set `template` to `pair`"
            )
        self.template = config.template if config.template != "auto" else "chat" if chat else "pair"
        inner = model.config.get_text_config()
        if inner.pad_token_id is None:
            inner.pad_token_id = model.config.pad_token_id = tokenizer.pad_token_id
        self.pads = inner.pad_token_id is not None  # without a token for it, rows are read one by one
        self.pad_id = inner.pad_token_id or 0
        self._control = _control_tokens(tokenizer)

    def encode(self, prompt: str, completion: str) -> Encoded | str:
        """The tokens of a row, or why the model cannot read it."""
        limit = self.max_length
        if limit is not None and len(prompt) + len(completion) > limit * _CHARS_PER_TOKEN:
            count = f"{len(prompt) + len(completion):,} characters"
            return f"prompt and completion have {count}, and the reward model reads {limit:,} tokens"
        prompt, completion = self._plain(prompt), self._plain(completion)
        given: dict[str, Any] = {"verbose": False}
        if self.template == "chat":
            messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
            text = self.tokenizer.apply_chat_template(messages, tokenize=False)
            found = self.tokenizer(text, add_special_tokens=False, **given)
        elif self.template == "pair":
            found = self.tokenizer(prompt, completion, **given)
        else:
            found = self.tokenizer(prompt + completion, **given)
        ids = list(found["input_ids"])
        if not ids:
            return "prompt and completion have no tokens"
        if limit is not None and len(ids) > limit:
            return f"prompt and completion have {len(ids):,} tokens, and the reward model reads {limit:,}"
        types = found.get("token_type_ids")
        return Encoded(ids, list(types) if types is not None else None)

    def scores(self, batch: Sequence[Encoded]) -> list[float]:
        """The logit of each row. Raises `MemoryError`."""
        import torch

        width = max(len(row.ids) for row in batch)
        ids = torch.full((len(batch), width), self.pad_id, dtype=torch.long)
        mask = torch.zeros_like(ids)
        types = torch.zeros_like(ids)
        for i, row in enumerate(batch):  # padded on the right: a row's own places stay what they are
            ids[i, : len(row.ids)] = torch.tensor(row.ids)
            mask[i, : len(row.ids)] = 1
            if row.types is not None:
                types[i, : len(row.ids)] = torch.tensor(row.types)
        device = self.model.device
        given = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
        if batch[0].types is not None:
            given["token_type_ids"] = types.to(device)
        try:
            with torch.inference_mode():
                logits = self.model(**given).logits
            scores: list[float] = logits[:, 0].float().tolist()
            return scores
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not isinstance(error, torch.OutOfMemoryError) and "memory" not in str(error).lower():
                raise RewardError(f"the reward model {self.name} cannot run: {_why(error)}") from None
        if device.type == "cuda":
            torch.cuda.empty_cache()
        raise MemoryError

    def release(self) -> None:
        import torch

        device = self.model.device
        self.model = None
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()

    def _plain(self, text: str) -> str:
        """The text with a space in what the tokenizer would take for the beginning or end of a turn."""
        if self._control is None:
            return text
        return self._control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def load_reader(config: RewardModelConfig) -> Reader:
    """Load a model and its tokenizer. Raises `RewardError`."""
    try:
        import torch
        import transformers
    except ImportError:
        raise RewardError(
            "a reward model needs torch and transformers: pip install 'rewardkit[train]'"
        ) from None
    hub: Any = transformers
    device = _device(config.device)
    dtype = config.dtype if config.dtype != "auto" else "float32" if device.type == "cpu" else "auto"
    source: dict[str, Any] = {"local_files_only": config.local_files_only}
    if config.revision is not None:
        source["revision"] = config.revision
    try:
        model: Any
        with _quiet(hub.utils.logging):
            model, loading = hub.AutoModelForSequenceClassification.from_pretrained(
                config.path,
                dtype=dtype if dtype == "auto" else getattr(torch, dtype),
                output_loading_info=True,
                **source,
            )
            tokenizer: Any = hub.AutoTokenizer.from_pretrained(config.path, **source)
    except Exception as error:  # of several libraries, each with its own
        raise RewardError(f"cannot load the reward model {config.path}: {_why(error)}") from None
    if loading["missing_keys"]:
        raise RewardError(
            f"{config.path} is no reward model: it has no weights `{min(loading['missing_keys'])}`"
        )
    if model.config.num_labels != 1:
        raise RewardError(
            f"{config.path} is no reward model: it tells {model.config.num_labels} labels apart, and one "
            "number is wanted"
        )
    model.config.get_text_config().use_cache = False
    try:
        return Reader(model.eval().to(device), tokenizer, config)
    except (torch.OutOfMemoryError, MemoryError):
        raise RewardError(
            f"the reward model {config.path} does not fit on `{device}`: take another `device` or `dtype`"
        ) from None


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """Without the library's bar and its report of weights, of which we tell what matters."""
    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _device(name: str) -> Any:
    """A device that torch can use; `auto` is the best that there is. Raises `RewardError`."""
    import torch

    if name == "auto":
        mps = torch.backends.mps.is_available()
        name = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    try:
        return find_device(name)
    except RewardError as error:
        raise RewardError(f"the reward model's `device`: {error}") from None


def _max_length(model: Any, tokenizer: Any, config: RewardModelConfig) -> int | None:
    """The tokens that the model reads, where anything says so."""
    places = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    places = places if isinstance(places, int) and places > 0 else None
    if config.max_length is not None:
        if places is not None and config.max_length > places:
            raise RewardError(f"the reward model {config.path} reads {places} tokens: lower `max_length`")
        return config.max_length
    named = getattr(tokenizer, "model_max_length", None)
    limits = [n for n in (places, named) if isinstance(n, int) and 0 < n < _NO_LIMIT]
    return min(limits, default=None)


def _control_tokens(tokenizer: Any) -> re.Pattern[str] | None:
    """What the tokenizer reads as one special token wherever it stands in a text."""
    found = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    tokens = sorted((token for token in found if len(token) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, tokens))) if tokens else None


def _why(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200].rstrip(".")
