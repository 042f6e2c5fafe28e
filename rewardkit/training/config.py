"""The run file: what `rewardkit train run.toml` reads.

Every table is a frozen pydantic model, so a run can also be written in Python. Unknown keys are errors
that name the nearest key. Paths are relative to the folder of the run file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rewardkit.runtime.brought import BackendTables
from rewardkit.runtime.configs import Count, Device, Table, read_table

from .algorithm import Algorithm, Amount, Natural, Plain, Rate, Share
from .errors import ConfigError

# Upper bounds, since what is out of all reason would end in a crash of torch or take all memory.
Size = Annotated[int, Field(ge=1, le=65_536)]
Length = Annotated[int, Field(ge=1, le=10_000_000)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Betas = Annotated[tuple[Beta, Beta], Field(strict=False)]  # TOML has lists, not tuples


class ModelConfig(Table):
    """A small causal model built from a config, with random weights."""

    #: of Hugging Face. Not qwen2: for that one `AutoTokenizer` ignores the tokenizer of the folder and
    #: takes Qwen's, so that a saved policy would be read wrongly by everything else
    model_type: str = "llama"
    hidden: Size = 96
    layers: Size = 2
    heads: Size = 4
    mlp: Length = 288
    tied: bool = True  #: input and output embeddings are one
    max_length: Length = 512  #: tokens of prompt and completion together
    #: passed on to the Hugging Face config under its own names
    extra: dict[str, Any] = Field(default_factory=dict)


class LoraConfig(Table):
    """A LoRA adapter (arXiv 2106.09685) that is trained instead of the weights. There is no dropout: a
    completion's log-probabilities must be the same when it is sampled and when it is trained on."""

    rank: Size = 16
    alpha: Rate = 32.0  #: what the adapter adds is scaled by alpha / rank
    targets: str | list[str] = "all-linear"  #: names of linear layers, a pattern, or all of them


class PolicyConfig(Table):
    """The model that learns: `path`, or a `[policy.config]` with a `tokenizer`."""

    path: str | None = None  #: folder of a Hugging Face causal model, or its name on the hub
    config: ModelConfig | None = None
    tokenizer: str | list[str] | None = None  #: file or folder, or the pieces themselves
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    precision: Literal["full", "bf16"] = "full"  #: bf16: computes in bfloat16, keeps weights in `dtype`
    lora: LoraConfig | bool = False
    device: Device = "auto"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.config is None):
            raise ValueError("give either `path` or a table `[policy.config]`")
        if self.config is not None and self.tokenizer is None:
            raise ValueError("a policy built from `[policy.config]` needs a `tokenizer`")
        if self.precision == "bf16" and self.dtype != "float32":
            raise ValueError(
                f'`precision = "bf16"` keeps float32 weights and computes in bfloat16; leave `dtype` out '
                f"({self.dtype!r})"
            )
        return self

    @property
    def adapter(self) -> LoraConfig | None:
        """The LoRA adapter, if there is one."""
        return LoraConfig() if self.lora is True else self.lora or None


class DataConfig(Table):
    """The prompts: a JSONL, Parquet or CSV file."""

    rows: str
    prompt: str = "prompt"  #: the column that holds the prompt, as text or messages
    map: dict[str, str] = Field(default_factory=dict)  #: name in the spec -> column of the file


class RewardConfig(Table):
    """The spec that scores completions."""

    spec: str
    set: dict[str, Plain] = Field(default_factory=dict)  #: params of the spec
    externs: dict[str, str] = Field(default_factory=dict)  #: the spec's externs, each as `module:function`


class TrainConfig(Algorithm):
    """The loop, and the algorithm it runs."""

    steps: Natural
    prompts_per_step: Size = 16
    completions_per_prompt: Annotated[int, Field(ge=2, le=65_536)] = 8
    max_new_tokens: Length = 64
    temperature: Annotated[float, Field(ge=1e-3, le=1e3)] = 1.0  #: logits are divided by it
    top_k: Count | None = None
    top_p: Annotated[float, Field(ge=1e-3, le=1)] | None = None
    engine: Literal["transformers", "vllm"] = "transformers"  #: what samples
    engine_options: dict[str, Plain] = Field(default_factory=dict)  #: of vLLM's `LLM`

    learning_rate: Rate = 3e-4
    betas: Betas = (0.9, 0.95)
    weight_decay: Amount = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup_steps: Natural = 0  #: the learning rate rises linearly over these steps
    gradient_clip: Amount = 1.0  #: largest gradient norm; 0 does not clip

    minibatches: Size = 2  #: optimizer steps per pass over a batch, each on whole groups
    epochs: Size = 1  #: passes over a batch
    micro_batch: Count | None = None  #: rows per forward pass, where a minibatch does not fit in memory

    seed: Annotated[int, Field(ge=0)] = 0
    #: CPU threads of torch, on whose number the last bits depend; unless given 1 for a small policy
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    max_faults: Share = 0.05  #: share of a batch's rows that may fault

    @model_validator(mode="after")
    def _options_are_of_an_engine(self) -> Self:
        if self.engine_options and self.engine != "vllm":
            raise ValueError('`engine_options` are of vLLM; write `engine = "vllm"` beside them')
        return self

    @model_validator(mode="after")
    def _batch_fits_together(self) -> Self:
        if self.minibatches > self.prompts_per_step:
            raise ValueError(
                f"`minibatches` ({self.minibatches}) hold whole groups, so there may be at most "
                f"`prompts_per_step` ({self.prompts_per_step})"
            )
        return self


class WarmupConfig(Table):
    """Supervised training on demonstrations before the loop."""

    rows: str
    steps: Natural
    prompt: str = "prompt"
    completion: str = "completion"
    batch: Size = 64
    learning_rate: Rate = 3e-3
    ramp: Natural = 20  #: steps of linear rise, before the linear decay to 0
    weight_decay: Amount = 0.0


class WandbConfig(Table):
    """Weights & Biases."""

    project: str = "rewardkit"
    name: str | None = None  #: of the run; its log folder unless given
    entity: str | None = None
    mode: Literal["online", "offline"] | None = None  #: what WANDB_MODE says, or online


class LogConfig(Table):
    """Where a run writes."""

    dir: str = "runs/run"
    jsonl: bool = True
    tensorboard: bool = False
    wandb: WandbConfig | bool = False
    every: Count = 1  #: steps between two lines

    @property
    def weights_and_biases(self) -> WandbConfig | None:
        """What to tell Weights & Biases, if anything."""
        return WandbConfig() if self.wandb is True else self.wandb or None


class CheckpointConfig(Table):
    """When a run saves all it needs to go on."""

    every: Count = 50
    keep: Count = 2  #: newest checkpoints that stay on disk
    dir: str | None = None  #: `checkpoints` in the log folder unless given


class RunConfig(BackendTables):
    """A whole run, and the backends of its reward."""

    policy: PolicyConfig
    data: DataConfig
    reward: RewardConfig | None = None  #: may be left out where `train` is handed a scorer
    train: TrainConfig
    warmup: WarmupConfig | None = None
    log: LogConfig = LogConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()


def load_config(path: str | Path, overrides: Mapping[str, Any] | None = None) -> RunConfig:
    """Read a run file.

    `overrides` replaces single values under dotted keys, as in `{"train.seed": 3}`. Raises `ConfigError`
    for a file that cannot be read, is no TOML, or holds unknown keys or wrong values.
    """
    return parse_config(read_toml(path), overrides, source=str(path))


def read_toml(path: str | Path) -> dict[str, Any]:
    """The tables of a run file, unchecked; raises `ConfigError` for a file that is no TOML."""
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def parse_config(
    tables: Mapping[str, Any], overrides: Mapping[str, Any] | None = None, source: str = "run"
) -> RunConfig:
    """Check the tables of a run file; raises `ConfigError`, which names `source`."""
    return read_table(RunConfig, with_overrides(tables, overrides), source, ConfigError)


def with_overrides(tables: Mapping[str, Any], overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """The tables with single values replaced, under dotted keys."""
    merged = dict(tables)
    for key, value in (overrides or {}).items():
        merged = _with_value(merged, key.split("."), value)
    return merged


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the dotted key, old and new value wherever two dumped configs differ."""
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key}", before, after


def _with_value(table: Mapping[str, Any], keys: list[str], value: Any) -> dict[str, Any]:
    head, *rest = keys
    if not rest:
        return {**table, head: value}
    inner = table.get(head)
    return {**table, head: _with_value(inner if isinstance(inner, Mapping) else {}, rest, value)}
