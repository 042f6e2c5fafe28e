"""Checkpoints: all that a killed run needs to go on bit for bit, written whole or not at all.

A checkpoint is an ordinary Hugging Face folder (`step-000050/`), of the adapter where only that is trained,
with two more files: `training.pt` (the optimizer, and the random states of each process; tensors and plain
values only) and `run.json`. Learning rate and sampling follow from the step alone, and the order of the data
from how many prompts were visited.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .adapters import restore_adapter
from .config import differences
from .critic import ValueHead
from .errors import ResumeError, TrainError, reason
from .folders import remove, writing
from .policy import Policy, open_policy, save_policy
from .sharding import divided_optimizer, in_parts, is_sharded, whole_optimizer, whole_weights
from .update import Learner

_NAME = re.compile(r"step-([0-9]{6}|[1-9][0-9]{6,})")
_DRAFT = ".draft-"
_RUN = "run.json"
_TRAINING = "training.pt"


@dataclass(frozen=True)
class RunState:
    """What a checkpoint says about its run."""

    step: int  #: steps done
    config: Mapping[str, Any]
    rows: str  #: fingerprint of the data
    fingerprint: str  #: of the spec; empty where it is not known before a step is taken
    position: int = 0  #: prompts that were visited
    parts: Mapping[str, Any] = field(
        default_factory=dict
    )  #: what `filter` and `shaper` keep from step to step


def save_checkpoint(folder: Path, state: RunState, learner: Learner, keep: int) -> Path:
    """Write a checkpoint, then remove all but the `keep` newest.

    It is written under another name, forced to disk and renamed, so a checkpoint that is there is whole. All
    processes call it, and the main one writes. Raises `TrainError` if it cannot be written.
    """
    processes, policy = learner.processes, learner.policy
    random_states = processes.gather(lambda: _random_state(processes.count > 1))
    weights = whole_weights(policy.model, processes.main) if is_sharded(policy.model) else None
    moments = whole_optimizer(learner.optimizer, processes.main)
    final = folder / f"step-{state.step:06d}"

    def write() -> None:
        with writing(final):
            folder.mkdir(parents=True, exist_ok=True)
            _remove_drafts(folder)
            draft = folder / f"{_DRAFT}{final.name}"
            draft.mkdir()
            save_policy(policy, draft, weights)
            training = {"optimizer": moments, "random": random_states}
            if learner.head is not None:
                training["critic"] = learner.head.state_dict()
            torch.save(training, draft / _TRAINING)
            (draft / _RUN).write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")
            replace_folder(draft, final)
            for old in checkpoints(folder)[:-keep]:
                remove(old)

    processes.main_does(write)
    return final


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first; a file or an empty folder of such a name is none."""
    found = [path for path in folder.glob("step-*") if _NAME.fullmatch(path.name) and path.is_dir()]
    return sorted((path for path in found if any(path.iterdir())), key=step_of)


def step_of(checkpoint: Path) -> int:
    """Steps done at a checkpoint."""
    return int(checkpoint.name.removeprefix("step-"))


def read_state(checkpoint: Path) -> RunState:
    """What a checkpoint says about its run; raises `ResumeError` if it cannot be read."""
    try:
        state = json.loads((checkpoint / _RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(checkpoint, f"`{_RUN}`: {reason(error)}") from None
    kinds = {"step": int, "config": dict, "rows": str, "fingerprint": str, "position": int, "parts": dict}
    if not isinstance(state, dict) or {name: type(value) for name, value in state.items()} != kinds:
        raise _damaged(checkpoint, f"`{_RUN}` is not as a run wrote it")
    parts = state["parts"]
    known = parts.keys() <= {"filter", "shaper"} and all(isinstance(kept, dict) for kept in parts.values())
    if not known or not 0 <= state["position"] < 2**63:
        raise _damaged(checkpoint, f"`{_RUN}` is not as a run wrote it")
    if state["step"] != step_of(checkpoint):
        raise _damaged(checkpoint, f"`{_RUN}` is of step {state['step']}")
    return RunState(**state)


def restore_policy(checkpoint: Path, dtype: str, base: Policy | None = None) -> Policy:
    """The policy as it was, on its `base` where only an adapter was saved; raises `ResumeError` if it cannot
    be read."""
    try:
        if base is not None:
            return restore_adapter(base, checkpoint)
        return open_policy(checkpoint, dtype, whole=True)
    except TrainError as error:
        raise _damaged(checkpoint, str(error)) from None


def restore_reference(folder: Path, dtype: str) -> Policy:
    """The reference, which all checkpoints share; raises `ResumeError` if it cannot be read."""
    try:
        return open_policy(folder, dtype, whole=True)
    except TrainError as error:
        raise ResumeError(
            f"the reference in {folder} is damaged: {error} (put it back, or start anew with --fresh)"
        ) from None


def restore(
    checkpoint: Path, optimizer: torch.optim.Optimizer, head: ValueHead | None = None, rank: int = 0
) -> int:
    """Set optimizer, value head and the global random states to what they were. The policy is opened apart.

    Gives the number of processes that the checkpoint is of; one that was not among them keeps its random
    states. Raises `ResumeError` if they cannot be read. Nothing in the file is run.
    """
    try:
        # under FSDP mapped, since a process needs no more than its part
        training = torch.load(checkpoint / _TRAINING, weights_only=True, mmap=in_parts(optimizer))
        if head is not None:
            head.load_state_dict(training["critic"])
        optimizer.load_state_dict(divided_optimizer(training["optimizer"], optimizer))
        for weights, moments in optimizer.state.items():
            if any(moments[name].shape != weights.shape for name in ("exp_avg", "exp_avg_sq")):
                raise ValueError("it is of another model")
        states = training["random"]
        if rank < len(states):
            _set_random_state(states[rank])
    except pickle.UnpicklingError:
        why = "it holds more than tensors and plain values, or is cut off"
        raise _damaged(checkpoint, f"`{_TRAINING}`: {why}") from None
    except Exception as error:  # whatever torch makes of a file that is not what it wrote
        raise _damaged(checkpoint, f"`{_TRAINING}`: {reason(error)}") from None
    return len(states)


def check_same_run(saved: RunState, current: RunState, checkpoint: Path) -> None:
    """Raise `ResumeError`, naming what differs, unless a run may go on from another's checkpoint.

    Logging, saving and `max_faults` may change; so may `steps` where the learning rate is constant.
    """
    changed = {
        key: f"`{key}` is {after!r}, was {before!r}"
        for key, before, after in differences(saved.config, current.config)
        if not _may_change(key, current.config)
    }
    if saved.rows != current.rows:
        changed["rows"] = "the rows of `data.rows` are others"
    known = "" not in (saved.fingerprint, current.fingerprint)
    if (
        known
        and saved.fingerprint != current.fingerprint
        and not any(k.startswith("reward.") for k in changed)
    ):
        changed["spec"] = "the spec is not the one it began with"
    if changed:
        raise ResumeError(
            f"this is another run than the one in {checkpoint}: {'; '.join(changed.values())} (put that "
            "back, start anew with --fresh, or write to another `log.dir`)"
        )


def replace_folder(draft: Path, final: Path) -> None:
    """Put a folder in its place, durably; a reader sees the old one, none, or the whole new one."""
    for path in draft.rglob("*"):
        _sync(path)
    _sync(draft)
    remove(final)
    draft.rename(final)
    _sync(final.parent)


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints, newest first, and what a killed run left half written."""
    if folder.is_dir():
        _remove_drafts(folder)
        for path in reversed(checkpoints(folder)):
            remove(path)


def _damaged(checkpoint: Path, why: str) -> ResumeError:
    return ResumeError(
        f"the checkpoint {checkpoint} is damaged: {why} (remove that folder to go on from the one before it, "
        "or start anew with --fresh)"
    )


def _may_change(key: str, config: Mapping[str, Any]) -> bool:
    if key == "train.steps":
        return bool(config["train"]["schedule"] == "constant")
    return key.startswith(("log.", "checkpoint.")) or key == "train.max_faults"


def _remove_drafts(folder: Path) -> None:
    for path in folder.glob(f"{_DRAFT}*"):
        remove(path)


def _random_state(own_device: bool = False) -> dict[str, Any]:
    """Torch, numpy and Python, as tensors and plain values; of all GPUs, or of this process's own."""
    cuda: list[torch.Tensor] = []
    if torch.cuda.is_available():
        cuda = [torch.cuda.get_rng_state()] if own_device else torch.cuda.get_rng_state_all()
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": cuda,
        "numpy": [name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest],
        "python": random.getstate(),
    }


def _set_random_state(state: Mapping[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        if len(state["cuda"]) == 1:
            torch.cuda.set_rng_state(state["cuda"][0])
        else:
            torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
