"""One step: a batch collected, its scores made advantages, the policy updated on them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .checkpoint import RunState
from .collect import Collected, collect
from .critic import critic_advantages, token_rewards
from .errors import TrainError
from .filters import overlong
from .guards import check_size, checked_advantages, told
from .records import StepRecord, describe, term_names
from .run import Run
from .shapers.pieces import token_texts
from .update import Batch, learning_rate, reference_kl, token_values, update

if TYPE_CHECKING:
    from rewardkit.runtime.scores import Scores

#: the name of the KL's column, where it is one of the rewards
KL = "kl"


def take_step(run: Run, state: RunState) -> tuple[StepRecord, RunState]:
    """One step on from a state, and the state after it.

    Raises `TrainError`, `FaultLimitError`, and what scoring raises.
    """
    config, clock = run.config.train, time.perf_counter
    began = clock()
    found = collect(
        run.source, state.step, state.position, state.parts.get("filter", {}), state.fingerprint, clock
    )
    whole_groups = run.learner.objective.whole_groups
    batch = make_batch(found, mask_truncated=config.mask_truncated, whole_groups=whole_groups)
    batch, shaped = with_advantages(run, found, batch, state.parts.get("shaper", {}))
    normalized = clock()

    rate = learning_rate(config, state.step)
    for group in run.learner.optimizer.param_groups:
        group["lr"] = rate * group.get("scale", 1.0)
    measures = update(run.learner, batch, config, state.step)
    updated = clock()

    seconds = {
        "rollout": found.seconds["rollout"],
        "score": normalized - began - found.seconds["rollout"],  # with filtering and normalizing
        "update": updated - normalized,
    }
    parts = {"filter": dict(found.filter_state), "shaper": dict(shaped)}
    for name, kept in parts.items():
        measures |= {f"{name}_{measure}": value for measure, value in _numbers(kept)}
    after = replace(
        state,
        step=state.step + 1,
        position=found.position,
        parts={name: value for name, value in parts.items() if value},
        fingerprint=found.scores.fingerprint,
    )
    return describe(after.step, found, batch, measures, rate, seconds), after


def _numbers(kept: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """What a filter or shaper measured, as its state has it."""
    for name, value in kept.get("measures", {}).items():
        if isinstance(value, int | float):
            yield name, float(value)


def make_batch(found: Collected, *, mask_truncated: bool = False, whole_groups: bool = False) -> Batch:
    """Masked and skipped rows, and rows without any value, keep their place in their group, but none of their
    tokens is trained on.

    Rows that the filter left out keep theirs too, and with it their part in the loss's denominators (GFPO,
    arXiv 2508.09726, eq. 2), unless nothing of their group is kept. A loss of `whole_groups` would take the
    0 of such a row for the reward of an average one, so there its tokens are left out as well.
    """
    rollout, scores, groups = found.rollout, found.scores, found.groups
    alive = np.isin(groups, groups[found.kept])
    silent = (
        scores.masked | scores.skipped | np.isnan(scores.total) | ~(found.kept if whole_groups else alive)
    )
    if mask_truncated:
        silent = overlong(rollout.finished.cpu().numpy(), silent)
    heard = torch.from_numpy(~silent).to(rollout.mask.device)
    return Batch(
        rollout, torch.zeros(len(groups), device=rollout.mask.device), groups, rollout.mask & heard[:, None]
    )


def with_advantages(
    run: Run, found: Collected, batch: Batch, state: dict[str, Any]
) -> tuple[Batch, dict[str, Any]]:
    """The batch with its advantages, and the shaper's new state."""
    config, device = run.config.train, batch.trained.device
    kl = None
    if run.learner.reference is not None and config.kl_in == "reward":
        kl = reference_kl(run.learner, replace(batch, trained=found.rollout.mask), config)
    if run.learner.head is not None:
        batch = _by_critic(run, found, batch, kl)
    else:
        batch = replace(batch, advantages=_normalized(run, found, kl).to(device, torch.float32))
    if run.shaper is None:
        return batch, {}
    mask, advantages = found.rollout.mask.cpu().numpy(), batch.advantages.double().cpu().numpy()
    if advantages.ndim == 1:
        advantages = advantages[:, None] * mask
    texts = token_texts(run.policy.tokenizer, found.rollout.completion_ids.cpu().numpy(), mask)
    right = _correct(found.scores, config.correct, advantages)
    try:
        shaped, state = run.shaper(advantages, texts, mask, right, state)
    except ValueError as error:
        raise TrainError(f"shaper `{config.shaper}`: {error}") from None
    return replace(batch, advantages=torch.from_numpy(shaped).to(device, torch.float32)), state


def _correct(scores: Scores, term: str | None, advantages: np.ndarray) -> np.ndarray:
    """bool (N,): the completions that are right, as far as the run says what right is."""
    if term is None:
        return np.asarray(advantages.sum(axis=1) > 0)
    if term not in term_names(scores):
        raise TrainError(
            f"[train] `correct` names `{term}`, which is no term; they are {', '.join(term_names(scores))}"
        )
    return np.asarray((scores.frame[term] > 0).fill_null(False).to_numpy())


def _normalized(run: Run, found: Collected, kl: torch.Tensor | None) -> torch.Tensor:
    """Advantages (N,) of what the filter kept; 0 for the rest."""
    counted = replace(found.scores, skipped=found.scores.skipped | ~found.kept)
    if kl is not None:
        spent = kl.double().sum(dim=1).cpu().numpy()
        counted = with_kl(counted, spent, run.config.train.kl_coefficient)
    what = f"normalizer `{run.config.train.normalizer or counted.normalizer or 'given'}`"
    try:
        advantages = run.advantage(counted, found.rollout.tokens.cpu().numpy())
    except ValueError as error:
        raise TrainError(str(error)) from None
    except Exception as error:  # whatever another package raises
        raise TrainError(f"{what}: {told(error)}") from error
    return torch.from_numpy(checked_advantages(what, advantages, len(counted)))


def _by_critic(run: Run, found: Collected, batch: Batch, kl: torch.Tensor | None) -> Batch:
    """Advantages (N, T) by GAE, whitened over the tokens of all rows that are there."""
    config, device, scores = run.config.train, batch.trained.device, found.scores
    assert config.value_head is not None
    gone = torch.from_numpy(scores.skipped | ~found.kept | np.isnan(scores.total)).to(device)
    mask = found.rollout.mask & ~gone[:, None]
    values = token_values(run.learner, replace(batch, trained=mask), config)
    rewards = np.where(np.isnan(scores.total), 0.0, scores.total)
    check_size(rewards, "a reward")
    total = torch.from_numpy(rewards).to(device, torch.float32)
    advantages, returns = critic_advantages(
        token_rewards(total, mask, kl, config.kl_coefficient),
        values,
        mask,
        gamma=config.value_head.gamma,
        lam=config.value_head.lam,
    )
    if scores.scale is not None:
        advantages = advantages * torch.from_numpy(np.nan_to_num(scores.scale)).to(advantages)[:, None]
    return replace(batch, advantages=advantages, trained=batch.trained & mask, values=values, returns=returns)


def with_kl(scores: Scores, kl: np.ndarray, coefficient: float) -> Scores:
    """Scores with one more term: the KL (N,) in nats per completion, at minus the coefficient.

    A row without any value stays one: what nobody scored is no reward of 0 less a KL.
    """
    kl = np.where(np.isnan(scores.matrix).all(axis=1), np.nan, kl)
    return replace(
        scores,
        terms=(*scores.terms, KL),
        matrix=np.column_stack([scores.matrix, kl]),
        weights=np.append(scores.weights, -coefficient),
        total=scores.total - coefficient * kl,
    )
