"""All parts of a run, put together and ready to take steps."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate import Accelerator

from rewardkit.normalizers import advantage as normalize
from rewardkit.normalizers import get as find_normalizer

from . import sharding
from .adapters import add_adapter
from .checkpoint import (
    RunState,
    check_same_run,
    checkpoints,
    read_state,
    restore,
    restore_policy,
    restore_reference,
)
from .collect import Source
from .config import RunConfig, TrainConfig
from .critic import ValueHead, value_head
from .data import Rows, read_rows, visit
from .errors import ConfigError
from .folders import place
from .logs import JSONL, check_log
from .parts import Parts
from .placement import find_placement
from .policy import Policy, check_model, encode_prompt, load_policy
from .processes import Processes
from .progress import Show
from .result import Advantage, Scorer
from .rollout import check_length
from .seeds import Stream, derive
from .update import Learner
from .vllm_engine import open_engine
from .warmup import warm_up

if TYPE_CHECKING:
    from rewardkit.runtime.scores import Scores

#: weights of a policy below which one CPU thread is faster than several
SMALL = 10_000_000

#: scores and the lengths of their completions in tokens (N,) -> advantages (N,)
Normalize = Callable[["Scores", np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Run:
    """All parts of a run that is ready to take steps."""

    config: RunConfig
    state: RunState
    new: bool  #: nothing of it is on disk before its first step
    folder: Path
    saves: Path  #: folder of the checkpoints
    source: Source
    advantage: Normalize
    shaper: Callable[..., Any] | None
    learner: Learner

    @property
    def policy(self) -> Policy:
        return self.learner.policy


def find_advantage(config: TrainConfig, given: Advantage | None) -> Normalize:
    """What makes advantages of scores; raises `ConfigError` for a normalizer there is not."""
    if given is not None:
        return lambda scores, lengths: given(scores)
    name = None if config.normalizer == "spec" else config.normalizer
    if name is not None:
        try:
            find_normalizer(name)
        except ValueError as error:
            raise ConfigError(f"[train] {error}") from None
    return lambda scores, lengths: normalize(scores, name, lengths=lengths, **config.normalizer_options)


def check_algorithm(config: TrainConfig, scorer: Scorer) -> Iterator[str]:
    """What is worth saying of an algorithm on this spec before it runs.

    Raises `ConfigError` for parts that do not go together.
    """
    spec = getattr(scorer, "spec", None)
    own = spec.advantage.name if spec is not None and spec.advantage is not None else None
    if spec is not None and config.correct is not None and config.correct not in spec.terms:
        raise ConfigError(
            f"[train] `correct` names `{config.correct}`, which is no term; they are {', '.join(spec.terms)}"
        )
    given = own if config.normalizer in (None, "spec") else config.normalizer
    if given == "gdpo" and not config.value_head and config.kl_in == "reward" and config.kl_coefficient:
        raise ConfigError(
            '[train] gdpo would normalize the KL as a term of its own; write `kl_in = "loss"` beside it'
        )
    if config.recipe is not None and "normalizer" not in config.model_fields_set:
        instead = "the value head" if config.value_head else given
        if own is not None and instead != own:
            keeps = "critic = false" if config.value_head else 'normalizer = "spec"'
            yield (
                f"recipe {config.recipe}: {instead} takes the place of the spec's `advantage {own}`; "
                f"`{keeps}` keeps that"
            )
    if config.ratio != "token" and config.aggregation != "sequence_mean":
        yield (
            f'a ratio of whole completions with `aggregation = "{config.aggregation}"` counts once for each '
            'token; the loss of GSPO is "sequence_mean"'
        )


def prepare(
    config: RunConfig,
    base: Path,
    folder: Path,
    saves: Path,
    fresh: bool,
    rows: Rows,
    scorer: Scorer,
    advantage: Normalize,
    parts: Parts,
    screen: Show,
    processes: Processes,
) -> Run:
    """Open the run's latest checkpoint, or build and warm up a policy; nothing is written."""
    for note in check_algorithm(config.train, scorer):
        screen.note(note)
    placement = find_placement(config.policy, processes)
    fingerprint = getattr(scorer, "fingerprint", "")
    state = RunState(0, config.model_dump(mode="json"), rows.fingerprint, fingerprint)

    # the main process says what there is, and the others must see it too
    found = processes.main_does(lambda: [] if fresh else checkpoints(saves))
    adapter = config.policy.adapter
    _seed_globals(config.train.seed, processes.rank)

    def opened() -> tuple[Policy, RunState]:
        """From the checkpoint, or new."""
        if not found:
            policy = load_policy(config.policy, base, config.train.seed)
            return policy if adapter is None else add_adapter(policy, adapter, config.train.seed), state
        saved = read_state(found[-1])
        check_same_run(saved, state, found[-1])
        check_log(folder / JSONL)
        below = None if adapter is None else load_policy(config.policy, base, config.train.seed)
        policy = restore_policy(found[-1], config.policy.dtype, below)
        return policy, replace(saved, config=state.config, fingerprint=saved.fingerprint or fingerprint)

    policy, state = processes.together(opened)
    if found:
        screen.note(f"going on from {found[-1]}")
    _set_threads(config.train.threads, policy)

    policy = placement.place(policy)
    head = None if config.train.value_head is None else value_head(policy)
    optimizer = _optimizer(policy, head, config.train)
    if found:
        saved_by = restore(found[-1], optimizer, head, processes.rank)
        if saved_by != processes.count:
            screen.note(f"{saved_by} processes wrote it; {processes.count} go on, which draw otherwise")
    else:
        with sharding.gathered(policy.model):
            check_model(policy)
        _check_first_prompts(policy, rows, config.train)  # before a warm-up, which takes its time
    if not found and config.warmup is not None:
        _warm_up(policy, config, base, placement.accelerator, screen)
        if not placement.divided:
            processes.alike(policy.model.parameters())

    engine = None
    if config.train.engine == "vllm":
        engine = processes.together(lambda: open_engine(config, base, processes))
    reference = None
    if config.train.kl_coefficient > 0 and adapter is not None:
        reference = policy  # without its adapter
    elif config.train.kl_coefficient > 0:
        if found:
            reference = placement.place(restore_reference(folder / "reference", config.policy.dtype))
        elif sharding.is_sharded(policy.model):
            weights = sharding.whole_weights(policy.model)
            reference = placement.place(
                _with_weights(load_policy(config.policy, base, config.train.seed), weights)
            )
        else:
            reference = replace(policy, model=copy.deepcopy(policy.model))
        reference.model.requires_grad_(False)
    return Run(
        config=config,
        state=state,
        new=not found,
        folder=folder,
        saves=saves,
        source=Source(config.train, rows, policy, scorer, parts.filter, processes, engine, screen.note),
        advantage=advantage,
        shaper=parts.shaper,
        learner=Learner(
            policy, reference, optimizer, placement.accelerator, parts.objective, head, processes
        ),
    )


def _with_weights(policy: Policy, weights: dict[str, torch.Tensor]) -> Policy:
    policy.model.load_state_dict(weights)
    return policy


def _optimizer(policy: Policy, head: ValueHead | None, config: TrainConfig) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [{"params": [p for p in policy.model.parameters() if p.requires_grad]}]
    if head is not None and config.value_head is not None:
        scale = config.value_head.learning_rate / config.learning_rate  # the schedule is the policy's
        groups.append({"params": list(head.parameters()), "scale": scale})
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay, fused=True
    )


def _check_first_prompts(policy: Policy, rows: Rows, config: TrainConfig) -> None:
    prompts = rows.take(visit(len(rows), 0, config.prompts_per_step, config.seed))["prompt"]
    longest = max(len(encode_prompt(policy, prompt)) for prompt in prompts)
    check_length(policy, longest, config.max_new_tokens)


def _warm_up(policy: Policy, config: RunConfig, base: Path, accelerator: Accelerator, screen: Show) -> None:
    assert config.warmup is not None
    total = config.warmup.steps
    warm_up(
        policy,
        read_rows(place(base, config.warmup.rows)),
        config.warmup,
        config.train.seed,
        accelerator,
        lambda step, loss: screen.warm(step, total, loss),
    )


def _seed_globals(seed: int, rank: int) -> None:
    """For rewards and models that draw from the global generators; the loop itself does not."""
    derived = derive(seed, Stream.GLOBAL, rank)
    random.seed(derived)
    np.random.seed(derived % 2**32)
    torch.manual_seed(derived)


def _set_threads(count: int | None, policy: Policy) -> None:
    """Threads that share tiny tensors mostly wait for each other, for seconds where cores are busy."""
    small = sum(parameter.numel() for parameter in policy.model.parameters()) < SMALL
    if count is not None or small:
        torch.set_num_threads(count or 1)
