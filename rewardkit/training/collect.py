"""What a step is taken on: prompts rolled out, scored, filtered, and others where groups were dropped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rewardkit.plugins import takes
from rewardkit.runtime import FaultLimitError, Reward
from rewardkit.runtime.scores import join, take

from . import vllm_engine
from .config import TrainConfig
from .data import Rows, visit
from .errors import ResumeError, TrainError
from .exchange import pack, unpack
from .policy import Policy, encode_prompt
from .processes import ALONE, Processes
from .records import faulted
from .result import Scorer
from .rollout import Rollout, Sampling, generate
from .seeds import Stream, derive
from .sharding import gathered

if TYPE_CHECKING:
    from rewardkit.runtime.scores import Scores

    from .vllm_engine import Engine


#: rounds of sampling anew between two notes
_NOTED = 10


@dataclass(frozen=True)
class Source:
    """Where scored completions come from."""

    config: TrainConfig
    rows: Rows
    policy: Policy
    scorer: Scorer
    filter: Callable[..., tuple[np.ndarray, dict[str, Any]]] | None
    processes: Processes = ALONE
    engine: Engine | None = None  #: vLLM, instead of the policy's own model
    note: Callable[[str], None] = lambda text: None  #: told how long sampling anew is going on


@dataclass(frozen=True)
class Collected:
    """N scored completions in whole groups; the same ones in every process."""

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
    for number in range(1 + config.max_resamples):
        size = missing
        if number:  # as many as it takes if the filter goes on dropping as it did
            size = min(wanted, math.ceil(missing * sampled / max(1, wanted - missing)))
        began = clock()
        prompts = source.rows.take(visit(len(source.rows), position, size, config.seed))
        rollout = _rolled_out(source, prompts["prompt"], step, number)
        rolled_out = clock()
        groups = np.repeat(np.arange(sampled, sampled + size), config.completions_per_prompt)
        scores = _scored(source, prompts, rollout, groups, step, fingerprint)
        kept, state = _filtered(source, rollout, scores, groups, state)
        seconds["rollout"] += rolled_out - began
        seconds["score"] += clock() - rolled_out
        position, sampled = position + size, sampled + size
        # without a filter nothing is dropped, whatever the spec skips
        alive = np.unique(groups if source.filter is None else groups[kept])
        missing -= len(alive)
        if len(alive) or not number:  # the first round is kept for the case that nothing else is
            rounds.append(_of_groups(_Round(rollout, scores, groups, kept), alive if len(alive) else groups))
        if missing <= 0:
            break
        if number % _NOTED == _NOTED - 1:
            source.note(f"step {step + 1}: {sampled} groups sampled, {wanted - missing} of {wanted} kept")
    found = _together(rounds, source)
    return Collected(found.rollout, found.scores, found.groups, found.kept, position, state, sampled, seconds)


@dataclass(frozen=True)
class _Round:
    rollout: Rollout
    scores: Scores
    groups: np.ndarray
    kept: np.ndarray


def _rolled_out(source: Source, prompts: Sequence[Any], step: int, round_: int) -> Rollout:
    """The completions of all prompts, of which each process draws those of its share."""
    policy, processes = source.policy, source.processes
    own = prompts[processes.share(len(prompts))]
    with gathered(policy.model):
        if processes.count == 1:
            return roll_out(policy, own, source.config, step, round_, 0, source.engine)
        # fewer prompts than processes leave some with nothing to do
        parts = processes.gather(
            lambda: (
                pack(roll_out(policy, own, source.config, step, round_, processes.rank, source.engine))
                if own
                else None
            )
        )
    return unpack([part for part in parts if part is not None], policy.pad_id, policy.model.device)


def roll_out(
    policy: Policy,
    prompts: Sequence[Any],
    config: TrainConfig,
    step: int,
    round_: int = 0,
    rank: int = 0,
    engine: Engine | None = None,
) -> Rollout:
    """The completions of some prompts; what is drawn follows from seed, step, round and process alone."""
    sampling = Sampling(
        config.completions_per_prompt, config.max_new_tokens, config.temperature, config.top_k, config.top_p
    )
    seed = derive(config.seed, Stream.SAMPLING, step)
    if round_:
        seed = derive(seed, Stream.RESAMPLING, round_)
    if rank:
        seed = derive(seed, Stream.PROCESS, rank)
    encoded = [encode_prompt(policy, prompt) for prompt in prompts]
    if engine is not None:
        return vllm_engine.generate(engine, policy, encoded, sampling, seed)
    return generate(policy, encoded, sampling, torch.Generator(policy.model.device).manual_seed(seed))


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


def _of_groups(part: _Round, chosen: np.ndarray) -> _Round:
    """The rows of some groups."""
    rows = np.flatnonzero(np.isin(part.groups, chosen))
    if len(rows) == len(part.groups):
        return part
    return _Round(
        take_rollout(part.rollout, rows), take(part.scores, rows), part.groups[rows], part.kept[rows]
    )


def _together(rounds: Sequence[_Round], source: Source) -> _Round:
    """The groups of which something is kept, as many as a step wants; where there is none, those of the first
    round, which tell what the policy did."""
    whole = _Round(
        join_rollouts([part.rollout for part in rounds], source.policy.pad_id),
        join([part.scores for part in rounds]),
        np.concatenate([part.groups for part in rounds]),
        np.concatenate([part.kept for part in rounds]),
    )
    some = source.filter is not None and bool(whole.kept.any())
    left = np.unique(whole.groups[whole.kept] if some else whole.groups)
    return _of_groups(whole, left[: source.config.prompts_per_step])


def _scored(
    source: Source,
    prompts: Mapping[str, Sequence[Any]],
    rollout: Rollout,
    groups: np.ndarray,
    step: int,
    fingerprint: str,
) -> Scores:
    processes, times = source.processes, source.config.completions_per_prompt
    size = len(groups) // times

    def score(share: slice) -> Scores | None:
        """Of the groups of some of the prompts."""
        rows = np.arange(share.start * times, share.stop * times)
        if not len(rows):
            return None
        own = {name: values[share] for name, values in prompts.items()}
        spoken = rollout if len(rows) == len(groups) else take_rollout(rollout, rows)
        found = source.scorer(columns(own, spoken, times), group=groups[rows], step=step)
        if fingerprint not in ("", found.fingerprint):
            raise ResumeError(
                "the spec is not the one this run began with; put it back, or start anew with --fresh"
            )
        if len(found) != len(rows):
            raise TrainError(f"the reward scored {len(found)} rows of {len(rows)}")
        return found

    if processes.count == 1 or needs_whole_batch(source.scorer):
        found = processes.main_does(lambda: score(slice(0, size)))
        assert found is not None
        scores = found
    else:
        parts = processes.gather(lambda: score(processes.share(size)))
        scores = join([part for part in parts if part is not None])
    _check_faults(scores, source.config, step)
    return replace(scores, groups=groups)


def needs_whole_batch(scorer: Scorer) -> bool:
    """Whether a row's scores may depend on other groups; of a function its `whole_batch` says so."""
    if isinstance(scorer, Reward):
        return "batch" in scorer.plan.scopes
    return bool(getattr(scorer, "whole_batch", False))


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
    try:
        return source.filter(rewards, lengths, groups, scores.weights, dict(state), **_names(source, scores))
    except ValueError as error:
        raise TrainError(f"filter `{source.config.filter}`: {error}") from None


def _names(source: Source, scores: Scores) -> dict[str, Sequence[str]]:
    """The names of the terms, for a filter that asks for them."""
    asks = source.filter is not None and takes(source.filter, "names")
    return {"names": scores.terms} if asks else {}


def _check_faults(scores: Scores, config: TrainConfig, step: int) -> None:
    rows = len(scores)
    bad = faulted(scores)
    if bad > config.max_faults * rows:
        kinds = scores.faults.group_by("name", "reason").len().sort("len", "name", "reason", descending=True)
        name, reason, times = kinds.row(0)
        raise FaultLimitError(
            f"step {step + 1}: {bad} of {rows} rows faulted, and `max_faults` allows "
            f"{config.max_faults:.0%}; most often `{name}`: {reason} ({times} times)"
        )
