"""The run file of a context optimizer: `[context]` takes the place of `[train]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rewardkit.runtime.brought import BackendTables
from rewardkit.runtime.configs import Amount, Count, EndpointConfig, Positive, Table, read_table

from ..algorithm import Share
from ..config import (
    CheckpointConfig,
    DataConfig,
    Length,
    LogConfig,
    PolicyConfig,
    RewardConfig,
    Size,
    with_overrides,
)
from ..errors import ConfigError


class ContextModelConfig(EndpointConfig):
    """A language model behind an endpoint: `[context.model]` answers prompts, `[context.editor]` edits."""

    temperature: Amount | Literal["default"] = 0.7  #: `default` leaves it to the endpoint
    max_tokens: Count = 4096  #: of an answer, thoughts included
    timeout: Positive = 300.0  #: seconds for one attempt; a long answer takes its time
    deadline: Positive = 900.0  #: seconds for one question, with all attempts and the waits between them


class LocalConfig(Table):
    """How the model of `[policy]` answers, where there is no `[context.model]`."""

    max_new_tokens: Length = 256
    temperature: Annotated[float, Field(ge=1e-3, le=1e3)] = 0.7
    top_k: Count | None = None
    top_p: Annotated[float, Field(ge=1e-3, le=1)] | None = None
    batch: Size = 64  #: prompts that are answered together


class TrainingFreeGrpoConfig(Table):
    """Training-Free GRPO (arXiv 2510.08191): a library of experiences behind the instructions."""

    epochs: Size = 3
    prompts_per_step: Size = 64
    completions_per_prompt: Annotated[int, Field(ge=2, le=1024)] = 5
    heading: str = "Experiences from earlier attempts. Follow those that apply:"  #: above the library
    experiences_per_prompt: Annotated[int, Field(ge=1, le=64)] = 2  #: at most, drawn from one group
    #: only groups are learned from that are neither all at the bottom nor all at the top of the reward's
    #: range, and the editor sees scores and their reasons; without it every group, and no scores
    ground_truth: bool = True
    max_experiences: Annotated[int, Field(ge=1, le=10_000)] = 100  #: that the library holds
    max_experience_chars: Annotated[int, Field(ge=1, le=100_000)] = 500  #: a longer one is cut


class GepaConfig(Table):
    """GEPA (arXiv 2507.19457), through the package `gepa`."""

    max_metric_calls: Count  #: completions scored; the run ends with the iteration that gets there
    candidate_selection: Literal["pareto", "current_best", "epsilon_greedy", "top_k_pareto"] = "pareto"
    minibatch: Size = 3  #: prompts that a new candidate is tried on first
    part_selection: Literal["round_robin", "all"] = "round_robin"  #: which parts an edit rewrites
    #: nothing is edited where a minibatch is at the top of the reward's range, and the run ends where all
    #: validation rows are
    skip_perfect: bool = True
    merge: bool = False  #: also join two candidates that improved different parts
    max_merges: Size = 5
    merge_overlap: Size = 5  #: validation rows that both must have been scored on
    max_part_chars: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000  #: a longer text is no answer


class ContextConfig(Table):
    """What is optimized, by what, and who answers and edits."""

    optimizer: Literal["training_free_grpo", "gepa"]
    instructions: str | dict[str, str] = ""  #: to begin with: a text, or named parts that are joined
    instructions_file: str | None = None  #: the text as a file
    separator: str = "\n\n"  #: between parts, experiences and, for a model without chats, the prompt
    model: ContextModelConfig | None = None  #: answers the prompts; the one of `[policy]` unless given
    editor: ContextModelConfig | None = None  #: reads the answers and edits; `model` unless given
    local: LocalConfig = LocalConfig()
    valid: str | None = None  #: rows to measure progress on; GEPA takes `data.rows` unless given
    max_shown: Annotated[int, Field(ge=100, le=1_000_000)] = 8_000  #: characters of a text the editor sees
    seed: Annotated[int, Field(ge=0)] = 0
    max_faults: Share = 0.05  #: share of completions that may fail, looked at from 200 on
    training_free_grpo: TrainingFreeGrpoConfig = TrainingFreeGrpoConfig()
    gepa: GepaConfig | None = None

    @property
    def parts(self) -> dict[str, str]:
        """The instructions by name; one text is the part `instructions`."""
        text = self.instructions
        return dict(text) if isinstance(text, dict) else {"instructions": text}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.instructions and self.instructions_file is not None:
            raise ValueError("give either `instructions` or `instructions_file`")
        if isinstance(self.instructions, dict) and not self.instructions:
            raise ValueError("`instructions` has no parts")
        other = "gepa" if self.optimizer == "training_free_grpo" else "training_free_grpo"
        if other in self.model_fields_set:
            raise ValueError(f"`optimizer` is `{self.optimizer}`, so leave out [context.{other}]")
        if self.optimizer == "gepa":
            if self.gepa is None:
                raise ValueError("`gepa` needs a table [context.gepa] with its `max_metric_calls`")
            if self.gepa.merge and len(self.parts) < 2:
                raise ValueError(
                    "`merge` joins candidates that improved different parts: write `instructions` as a table "
                    "[context.instructions] of two parts or more"
                )
        return self


class ContextCheckpointConfig(CheckpointConfig):
    """When the state of a run is saved."""

    every: Count = 1


class ContextRun(BackendTables):
    """A run that changes no weights, and the backends of its reward."""

    context: ContextConfig
    data: DataConfig
    reward: RewardConfig | None = None  #: may be left out where `train` is handed a scorer
    policy: PolicyConfig | None = None  #: a model on this machine, instead of `[context.model]`
    log: LogConfig = LogConfig()
    checkpoint: ContextCheckpointConfig = ContextCheckpointConfig()

    @model_validator(mode="before")
    @classmethod
    def _changes_no_weights(cls, tables: Any) -> Any:
        for name in ("train", "warmup"):
            if isinstance(tables, dict) and name in tables:
                raise ValueError(f"a run with [context] changes no weights: leave out [{name}], or [context]")
        return tables

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.policy is None) == (self.context.model is None):
            raise ValueError("give either a table [context.model], an endpoint, or a table [policy]")
        return self


def read_run(
    run: Mapping[str, Any] | ContextRun, overrides: Mapping[str, Any] | None = None, source: str = "run"
) -> ContextRun:
    """Check the tables of a run file; raises `ConfigError`, which names `source`."""
    if isinstance(run, ContextRun):
        if not overrides:
            return run
        run = run.model_dump(exclude_unset=True)
    return read_table(ContextRun, with_overrides(run, overrides), source, ConfigError)
