"""What a step is taken on: prompts rolled out, scored, filtered, and others where groups were dropped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rewardkit.runtime import FaultLimitError
from rewardkit.runtime.scores import join, take

from .config import TrainConfig
from .data import Rows, visit
from .errors import ResumeError, TrainError
from .policy import Policy, encode_prompt
from .records import faulted
from .result import Scorer
from .rollout import Rollout, Sampling, generate
from .seeds import Stream, derive

if TYPE_CHECKING:
    from rewardkit.runtime.scores import Scores


@dataclass(frozen=True)
class Source:
    """Where scored completions come from."""

    config: TrainConfig
    rows: Rows
    policy: Policy
    scorer: Scorer
    filter: Callable[..., tuple[np.ndarray, dict[str, Any]]] | None


@dataclass(frozen=True)
class Collected:
    """N scored completions in whole groups."""

    rollout: Rollout
    scores: Scores  #: its groups are those here
    groups: np.ndarray  #: int64 (N,)
    kept: np.ndarray  #: bool (N,): the filter lets the row count
    position: int  #: prompts that were visited since the run began
    filter_state: Mapping[str, Any]
    sampled: int  #: groups that were sampled, those that the filter dropped among them
    seconds: Mapping[str, float]  #: `rollout`, `score`


def collect(
    source: Source,
    step: int,
    position: int,
    state: Mapping[str, Any],
    fingerprint: str,
    clock: Callable[[], float],
) -> Collected:
    """The batch of a step (0 at the first): `prompts_per_step` groups, or as many as the filter left.

    Groups of which the filter keeps no row leave the batch, and further prompts take their place, up to
    `max_resamples` times. Raises `TrainError`, `FaultLimitError`, and what scoring raises.
    """
    config = source.config
    wanted = missing = config.prompts_per_step
    sampled, rounds = 0, list[_Round]()
    seconds = {"rollout": 0.0, "score": 0.0}
    while missing > 0 and len(rounds) <= config.max_resamples:
        size = missing
        if rounds:  # as many as it takes if the filter goes on dropping as it did
            size = min(wanted, math.ceil(missing * sampled / max(1, wanted - missing)))
        began = clock()
        prompts = source.rows.take(visit(len(source.rows), position, size, config.seed))
        rollout = roll_out(source.policy, prompts["prompt"], config, step, len(rounds))
        rolled_out = clock()
        groups = np.repeat(np.arange(sampled, sampled + size), config.completions_per_prompt)
        scores = _scored(source, prompts, rollout, groups, step, fingerprint)
        kept, state = _filtered(source, rollout, scores, groups, state)
        seconds["rollout"] += rolled_out - began
        seconds["score"] += clock() - rolled_out
        position, sampled = position + size, sampled + size
        rounds.append(_Round(rollout, scores, groups, kept))
        # without a filter nothing is dropped, whatever the spec skips
        missing -= size if source.filter is None else len(np.unique(groups[kept]))
    rollout, scores, groups, kept = _together(rounds, source)
    return Collected(rollout, scores, groups, kept, position, state, sampled, seconds)


@dataclass(frozen=True)
class _Round:
    rollout: Rollout
    scores: Scores
    groups: np.ndarray
    kept: np.ndarray


def roll_out(
    policy: Policy, prompts: Sequence[Any], config: TrainConfig, step: int, round_: int = 0
) -> Rollout:
    """The completions of some prompts; what is drawn follows from the seed, the step and the round alone."""
    sampling = Sampling(
        config.completions_per_prompt, config.max_new_tokens, config.temperature, config.top_k, config.top_p
    )
    generator = torch.Generator(policy.model.device)
    stream = derive(config.seed, Stream.SAMPLING, step)
    generator.manual_seed(derive(stream, Stream.RESAMPLING, round_) if round_ else stream)
    return generate(policy, [encode_prompt(policy, p) for p in prompts], sampling, generator)


def join_rollouts(parts: Sequence[Rollout], pad_id: int) -> Rollout:
    """Rollouts one behind the other, padded to the longest prompt and completion among them."""
    if len(parts) == 1:
        return parts[0]
    prompt = max(part.prompt_ids.shape[1] for part in parts)
    length = max(part.mask.shape[1] for part in parts)

    def padded(name: str, value: float, *, left: bool) -> Tensor:
        out = []
        for part in parts:
            x = getattr(part, name)
            gap = (prompt if left else length) - x.shape[1]
            out.append(torch.nn.functional.pad(x, (gap, 0) if left else (0, gap), value=value))
        return torch.cat(out)

    return Rollout(
        padded("prompt_ids", pad_id, left=True),
        padded("prompt_mask", False, left=True),
        padded("completion_ids", pad_id, left=False),
        padded("mask", False, left=False),
        padded("logp", 0.0, left=False),
        tuple(text for part in parts for text in part.texts),
        torch.cat([part.finished for part in parts]),
    )


def take_rollout(rollout: Rollout, rows: np.ndarray) -> Rollout:
    """Some rows of a rollout, (M,) int64 in that order; padding that only others needed stays."""
    at = torch.from_numpy(rows).to(rollout.mask.device)
    return Rollout(
        rollout.prompt_ids[at],
        rollout.prompt_mask[at],
        rollout.completion_ids[at],
        rollout.mask[at],
        rollout.logp[at],
        tuple(rollout.texts[row] for row in rows),
        rollout.finished[at],
    )


def _together(rounds: Sequence[_Round], source: Source) -> tuple[Rollout, Scores, np.ndarray, np.ndarray]:
    """The groups that are left of all rounds, as many as a step wants; where none is left, the first ones,
    of which nothing is kept: they tell what the policy did."""
    rollout = join_rollouts([part.rollout for part in rounds], source.policy.pad_id)
    scores = join([part.scores for part in rounds])
    groups = np.concatenate([part.groups for part in rounds])
    kept = np.concatenate([part.kept for part in rounds])
    left = np.unique(groups[kept] if kept.any() and source.filter is not None else groups)
    chosen = left[: source.config.prompts_per_step]
    if len(chosen) < len(np.unique(groups)):
        rows = np.flatnonzero(np.isin(groups, chosen))
        rollout, scores = take_rollout(rollout, rows), take(scores, rows)
        groups, kept = groups[rows], kept[rows]
    return rollout, scores, groups, kept


def _scored(
    source: Source,
    prompts: Mapping[str, Sequence[Any]],
    rollout: Rollout,
    groups: np.ndarray,
    step: int,
    fingerprint: str,
) -> Scores:
    times = source.config.completions_per_prompt
    scores = source.scorer(columns(prompts, rollout, times), group=groups, step=step)
    if fingerprint not in ("", scores.fingerprint):
        raise ResumeError(
            "the spec is not the one this run began with; put it back, or start anew with --fresh"
        )
    _check_scores(scores, len(groups), source.config, step)
    return replace(scores, groups=groups)


def columns(prompts: Mapping[str, Sequence[Any]], rollout: Rollout, times: int) -> dict[str, list[Any]]:
    """What the scorer sees: the dataset's columns, each value once per completion, and the completions."""
    return {
        **{name: [value for value in values for _ in range(times)] for name, values in prompts.items()},
        "completion": list(rollout.texts),
        "completion_tokens": rollout.tokens.tolist(),
        "finished": rollout.finished.tolist(),
    }


def _filtered(
    source: Source, rollout: Rollout, scores: Scores, groups: np.ndarray, state: Mapping[str, Any]
) -> tuple[np.ndarray, Mapping[str, Any]]:
    """(N,) what the filter keeps, and its new state."""
    if source.filter is None:
        return np.ones(len(groups), dtype=bool), state
    rewards = np.where(scores.skipped[:, None], np.nan, scores.matrix)
    lengths = rollout.tokens.cpu().numpy()
    return source.filter(rewards, lengths, groups, scores.weights, dict(state))


def _check_scores(scores: Scores, rows: int, config: TrainConfig, step: int) -> None:
    if len(scores) != rows:
        raise TrainError(f"the reward scored {len(scores)} rows of {rows}")
    bad = faulted(scores)
    if bad > config.max_faults * rows:
        kinds = scores.faults.group_by("name", "reason").len().sort("len", "name", "reason", descending=True)
        name, reason, times = kinds.row(0)
        raise FaultLimitError(
            f"step {step + 1}: {bad} of {rows} rows faulted, and `max_faults` allows "
            f"{config.max_faults:.0%}; most often `{name}`: {reason} ({times} times)"
        )
