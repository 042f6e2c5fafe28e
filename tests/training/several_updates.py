"""What two processes make of a batch, beside what one of them makes of it alone."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from several import give, settings
from training_toy import score

from rewardkit.runtime.scores import Scores
from rewardkit.training.collect import Collected, collect, columns
from rewardkit.training.config import parse_config
from rewardkit.training.data import read_rows, visit
from rewardkit.training.parts import find_parts
from rewardkit.training.processes import ALONE, Processes, join_processes
from rewardkit.training.progress import Silent
from rewardkit.training.run import Run, find_advantage, prepare
from rewardkit.training.step import make_batch, with_advantages
from rewardkit.training.update import update

ALGORITHMS: dict[str, dict[str, Any]] = {
    "token_mean": {"aggregation": "token_mean"},
    "sequence_mean": {"aggregation": "sequence_mean"},
    "constant_length": {"aggregation": "constant_length", "epochs": 2},
    "global_tokens": {"aggregation": "global_tokens", "epochs": 2},
    "sequence ratio, KL in the loss": {"ratio": "sequence", "kl_coefficient": 0.1},
    "KL in the reward": {"kl_coefficient": 0.1, "kl_in": "reward"},
    "cispo": {"objective": "cispo", "epochs": 2},
    "gvpo": {"objective": "gvpo", "normalizer": "dr_grpo", "epochs": 2},
    "disco": {
        "objective": "disco",
        "objective_options": {"delta": 0.0},
        "normalizer": "dr_grpo",
        "epochs": 2,
    },
    "critic": {"critic": True, "kl_coefficient": 0.1, "kl_in": "reward", "epochs": 2},
    # a group in each minibatch: one of the processes has nothing to do
    "gdpo": {"normalizer": "gdpo", "minibatches": 5},
    "cut off": {"mask_truncated": True},
}


def ragged(rows: Mapping[str, Sequence[Any]], /, *, group: np.ndarray, step: int) -> Scores:
    """Some rows are skipped and some masked, by what they say."""
    plain, texts = score(rows, group=group, step=step), rows["completion"]
    gone = np.array([text.startswith("yy") for text in texts])
    return replace(
        plain,
        skipped=gone,
        masked=np.array([text.endswith("2") for text in texts]),
        total=np.where(gone, np.nan, plain.total),
    )


def equal(folder: Path) -> None:
    """Per algorithm the advantages, measures and weights: `together` in parts of three rows, and `alone`."""
    processes = join_processes()
    give(
        folder,
        {name: _both(folder, {**algorithm}, processes) for name, algorithm in ALGORITHMS.items()},
    )


def _both(folder: Path, algorithm: dict[str, Any], processes: Processes) -> dict[str, Any]:
    task = settings(folder)
    sizes = {"prompts_per_step": 5, "completions_per_prompt": 4, "max_new_tokens": 8, "normalizer": "grpo"}
    if "critic" in algorithm:
        del sizes["normalizer"]
    task["train"] = {"steps": 1, "threads": 1, **sizes, **algorithm}
    config = parse_config(task)
    run = prepare(
        config,
        folder,
        folder / "run",
        folder / "saves",
        True,
        read_rows(folder / "rows.jsonl"),
        ragged,
        find_advantage(config.train, None),
        find_parts(config.train),
        Silent(),
        processes,
    )
    with torch.no_grad():  # far from uniform, and from the reference
        for number, parameter in enumerate(run.learner.parameters):
            parameter.mul_(3.0 + number / 10).add_(0.01 * number)
    copied = copy.deepcopy((run.policy, run.learner.head))
    found = collect(run.source, 0, 0, {}, "", lambda: 0.0)
    prompts = run.source.rows.take(visit(3, 0, 5, config.train.seed))
    again = ragged(columns(prompts, found.rollout, 4), group=found.groups, step=0)
    mine = replace(run.learner, policy=copied[0], head=copied[1], processes=ALONE)
    micro = config.model_copy(update={"train": config.train.model_copy(update={"micro_batch": 3})})
    return {
        "together": _taken(replace(run, config=micro), found),
        "alone": _taken(
            replace(run, learner=mine), replace(found, scores=replace(again, groups=found.groups))
        ),
    }


def _taken(run: Run, found: Collected) -> dict[str, Any]:
    config = run.config.train
    batch = make_batch(found, mask_truncated=config.mask_truncated)
    batch, _ = with_advantages(run, found, batch, {})
    # plain descent: what Adam makes of gradients near 0 would hide how near they are
    optimizer = torch.optim.SGD(run.learner.parameters, lr=0.1)
    measures = update(replace(run.learner, optimizer=optimizer), batch, config, 0)
    return {
        "rows": len(found.groups),
        "tokens": batch.trained.sum().item(),
        "advantages": batch.advantages.numpy(),
        "total": found.scores.total,
        "measures": measures,
        "weights": [parameter.detach().numpy() for parameter in run.learner.parameters],
    }
