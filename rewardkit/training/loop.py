"""The loop: roll out, score, normalize, update; over and over, and on from where a run was killed."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from accelerate import Accelerator

from rewardkit.diagnostics import RewardError
from rewardkit.normalizers import advantage as normalize
from rewardkit.normalizers import get as find_normalizer
from rewardkit.runtime import FaultLimitError, Reward, load
from rewardkit.runtime.brought import bring
from rewardkit.runtime.devices import find_device
from rewardkit.runtime.host import import_extern
from rewardkit.runtime.rows import ROW_COLUMNS

from .checkpoint import (
    RunState,
    check_same_run,
    checkpoints,
    read_state,
    remove_checkpoints,
    replace_folder,
    restore,
    restore_policy,
    restore_reference,
    save_checkpoint,
    step_of,
)
from .config import RunConfig, TrainConfig
from .data import Rows, check_columns, read_rows, visit
from .errors import ConfigError, ResumeError, TrainError
from .folders import locked, place, remove, writing
from .logs import JSONL, TENSORBOARD, open_logs, read_log
from .policy import Policy, check_model, encode_prompt, load_policy, save_policy
from .progress import Show, Silent, show
from .records import StepRecord, describe, faulted
from .result import Advantage, Scorer, TrainResult
from .rollout import Rollout, Sampling, check_length, generate
from .seeds import Stream, derive
from .update import Batch, learning_rate, update
from .warmup import warm_up

if TYPE_CHECKING:
    from rewardkit.runtime.scores import Scores


#: weights of a policy below which one CPU thread is faster than several
SMALL = 10_000_000


@dataclass(frozen=True)
class Run:
    """All parts of a run that is ready to take steps."""

    config: RunConfig
    state: RunState
    new: bool  #: nothing of it is on disk before its first step
    folder: Path
    saves: Path  #: folder of the checkpoints
    rows: Rows
    policy: Policy
    reference: Policy | None
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    scorer: Scorer
    advantage: Advantage


def run_training(
    config: RunConfig,
    base: Path,
    fresh: bool,
    scorer: Scorer | None,
    advantage: Advantage | None,
    progress: Show | bool,
) -> TrainResult:
    """See `rewardkit.training.train`."""
    began = time.perf_counter()
    shown = show(config.train.steps) if progress is True else nullcontext(progress or Silent())
    with _restored_threads(), _quiet_transformers(), shown as screen:
        scorer = scorer or load_scorer(config, base)
        advantage = advantage or _normalizer(config.train)
        rows = load_rows(config, base, scorer)
        folder = place(base, config.log.dir)
        saves = place(base, config.checkpoint.dir) if config.checkpoint.dir else folder / "checkpoints"
        last = None
        with ExitStack() as locks:
            if isinstance(scorer, Reward):
                locks.callback(scorer.backends.close)
            for used in dict.fromkeys([folder, saves] if config.checkpoint.dir else [folder]):
                locks.enter_context(locked(used))
            try:
                run = prepare(config, base, folder, saves, fresh, rows, scorer, advantage, screen)
                start = run.state.step
                for record in steps(run):
                    screen.step(record)
                    last = record
                if last is None:
                    screen.note(f"no step is left to take after {start}; --fresh starts anew")
                _save_policy(run.policy, folder / "policy")
            except KeyboardInterrupt:
                raise KeyboardInterrupt(_what_is_left(saves, fresh, last)) from None
    return TrainResult(
        folder=run.folder,
        log=run.folder / JSONL,
        policy=run.folder / "policy",
        checkpoint=checkpoints(run.saves)[-1],
        steps=max(start, config.train.steps),
        resumed_from=start or None,
        last=last,
        seconds=time.perf_counter() - began,
    )


def _device(name: str) -> torch.device:
    try:
        return find_device(name)
    except RewardError as error:
        raise ConfigError(f"[policy] `device`: {error}") from None


def load_scorer(config: RunConfig, base: Path) -> Scorer:
    """The spec of a run, checked and compiled. Raises what `rewardkit.load` raises."""
    if config.reward is None:
        raise ConfigError("a run needs a table [reward] with a `spec`, or a scorer")
    params: dict[str, Any] = dict(config.reward.set)
    externs = {name: import_extern(name, where, base) for name, where in config.reward.externs.items()}
    return load(base / config.reward.spec, externs=externs, backends=bring(config, base), **params)


def load_rows(config: RunConfig, base: Path, scorer: Scorer) -> Rows:
    """The data under the names that the spec knows, held to what the spec says of it."""
    path = place(base, config.data.rows)
    rows = read_rows(path)
    rows = replace(rows, columns=_named(rows, config))
    if isinstance(scorer, Reward):
        check_columns(scorer, rows, path)
    return rows


def prepare(
    config: RunConfig,
    base: Path,
    folder: Path,
    saves: Path,
    fresh: bool,
    rows: Rows,
    scorer: Scorer,
    advantage: Advantage,
    screen: Show,
) -> Run:
    """Open the run's latest checkpoint, or build and warm up a policy; nothing is written."""
    # device placement is ours: accelerate knows one device per process, whatever the run file says
    accelerator = Accelerator(cpu=config.policy.device == "cpu", device_placement=False)
    if accelerator.num_processes > 1:
        raise TrainError("training runs in one process; start it without `accelerate launch`")
    device = accelerator.device if config.policy.device == "auto" else _device(config.policy.device)
    fingerprint = getattr(scorer, "fingerprint", "")
    state = RunState(0, config.model_dump(mode="json"), rows.fingerprint, fingerprint)

    found = [] if fresh else checkpoints(saves)
    if found:
        saved = read_state(found[-1])
        check_same_run(saved, state, found[-1])
        state = replace(state, step=saved.step, fingerprint=saved.fingerprint or fingerprint)
        _check_log(folder / JSONL)
        policy = restore_policy(found[-1], config.policy.dtype)
        screen.note(f"going on from {found[-1]}")
    else:
        _seed_globals(config.train.seed)
        policy = load_policy(config.policy, base, config.train.seed)
    _set_threads(config.train.threads, policy)
    policy = replace(policy, model=accelerator.prepare(_moved(policy.model, device)))
    optimizer = accelerator.prepare(_optimizer(policy, config.train))
    if found:
        restore(found[-1], optimizer)
    else:
        check_model(policy)
        _check_first_prompts(policy, rows, config.train)  # before a warm-up, which takes its time
    if not found and config.warmup is not None:
        _warm_up(policy, config, base, accelerator, screen)

    reference = None
    if config.train.kl_coefficient > 0:
        if found:
            reference = restore_reference(folder / "reference", config.policy.dtype)
        else:
            reference = replace(policy, model=copy.deepcopy(policy.model))
        _moved(reference.model, device).requires_grad_(False)
    return Run(
        config=config,
        state=state,
        new=not found,
        folder=folder,
        saves=saves,
        rows=rows,
        policy=policy,
        reference=reference,
        optimizer=optimizer,
        accelerator=accelerator,
        scorer=scorer,
        advantage=advantage,
    )


def steps(run: Run) -> Iterator[StepRecord]:
    """Take the steps that are left, log them and save checkpoints.

    A new run takes the place of an earlier one with its first step, or with none to take: what cannot
    start changes nothing on disk.
    """
    config, state, keep = run.config, run.state, run.config.checkpoint.keep
    if run.new and config.train.steps == 0:
        _take_place(run)
        save_checkpoint(run.saves, state, run.policy, run.optimizer, keep)
    with ExitStack() as stack:
        write = None
        for step in range(state.step, config.train.steps):
            record = take_step(run, step, state.fingerprint)
            if write is None:
                if run.new:
                    _take_place(run)
                write = stack.enter_context(open_logs(run.folder, config.log, step))
            state = replace(state, step=step + 1, fingerprint=record.fingerprint)
            done = state.step == config.train.steps
            if done or state.step % config.log.every == 0:
                write(record)  # before the checkpoint, which must never be ahead of the log
            if done or state.step == 1 or state.step % config.checkpoint.every == 0:
                save_checkpoint(run.saves, state, run.policy, run.optimizer, keep)
            yield record


def _take_place(run: Run) -> None:
    """Remove an earlier run; its checkpoints first, as they vouch for the rest."""
    with writing(run.folder):
        remove_checkpoints(run.saves)
        for name in ("policy", "reference", TENSORBOARD, JSONL):
            remove(run.folder / name)
    if run.reference is not None:
        _save_policy(run.reference, run.folder / "reference")


def _check_log(path: Path) -> None:
    """Before a step is taken that could not be logged."""
    try:
        if path.exists():
            read_log(path)
    except TrainError as error:
        raise ResumeError(f"{error} (remove it to go on without it, or start anew with --fresh)") from None


def _what_is_left(saves: Path, fresh: bool, last: StepRecord | None) -> str:
    """For whoever stopped a run."""
    found = checkpoints(saves)
    if not found or (fresh and last is None):
        return "no step is done yet, so nothing on disk has changed"
    step = step_of(found[-1])
    return f"the run goes on from step {step} with the same command{' without --fresh' if fresh else ''}"


def take_step(run: Run, step: int, fingerprint: str = "") -> StepRecord:
    """One step, `step` being 0 at the first, under the spec with this fingerprint.

    Raises `TrainError`, `FaultLimitError`, and what scoring raises.
    """
    config = run.config.train
    times = [time.perf_counter()]
    indices = visit(len(run.rows), config.prompts_per_step, step, config.seed)
    prompts = run.rows.take(indices)
    groups = np.repeat(np.arange(len(indices)), config.completions_per_prompt)
    rollout = _roll_out(run, prompts["prompt"], step)
    times.append(time.perf_counter())

    scores = run.scorer(_columns(prompts, rollout, config.completions_per_prompt), group=groups, step=step)
    if fingerprint not in ("", scores.fingerprint):
        raise ResumeError(
            "the spec is not the one this run began with; put it back, or start anew with --fresh"
        )
    _check_scores(scores, len(groups), config, step)
    try:
        advantages = np.asarray(run.advantage(scores), dtype=np.float64)
    except ValueError as error:
        raise TrainError(str(error)) from None
    times.append(time.perf_counter())

    rate = learning_rate(config, step)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    batch = make_batch(rollout, scores, advantages, groups)
    measures = update(run.policy, run.reference, run.optimizer, run.accelerator, batch, config, step)
    times.append(time.perf_counter())

    seconds = dict(zip(("rollout", "score", "update"), np.diff(times).tolist(), strict=True))
    return describe(step + 1, scores, groups, advantages, rollout, measures, rate, seconds)


def make_batch(rollout: Rollout, scores: Scores, advantages: np.ndarray, groups: np.ndarray) -> Batch:
    """Masked and skipped rows keep their place in their group, but none of their tokens is trained on."""
    device = rollout.mask.device
    silent = torch.from_numpy(scores.masked | scores.skipped).to(device)
    return Batch(
        rollout,
        torch.from_numpy(advantages).to(device, torch.float32),
        groups,
        rollout.mask & ~silent[:, None],
    )


def _roll_out(run: Run, prompts: Sequence[Any], step: int) -> Rollout:
    config = run.config.train
    sampling = Sampling(
        config.completions_per_prompt,
        config.max_new_tokens,
        config.temperature,
        config.top_k,
        config.top_p,
    )
    generator = torch.Generator(run.policy.model.device)
    generator.manual_seed(derive(config.seed, Stream.SAMPLING, step))
    return generate(run.policy, [encode_prompt(run.policy, p) for p in prompts], sampling, generator)


def _columns(prompts: Mapping[str, Sequence[Any]], rollout: Rollout, times: int) -> dict[str, list[Any]]:
    """What the scorer sees: the dataset's columns, each value once per completion, and the completions."""
    return {
        **{name: [value for value in values for _ in range(times)] for name, values in prompts.items()},
        "completion": list(rollout.texts),
        "completion_tokens": rollout.tokens.tolist(),
        "finished": rollout.finished.tolist(),
    }


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


def _named(rows: Rows, config: RunConfig) -> dict[str, Sequence[Any]]:
    """The dataset's columns, and those that the spec knows under other names; `prompt` is one of them."""
    mapped = {name: rows.column(column) for name, column in config.data.map.items()}
    # what the policy makes is not the file's
    columns = {name: values for name, values in rows.columns.items() if name not in ROW_COLUMNS}
    return {**columns, **mapped, "prompt": rows.column(config.data.prompt)}


def _normalizer(config: TrainConfig) -> Advantage:
    if config.normalizer is not None:
        try:
            find_normalizer(config.normalizer)
        except ValueError as error:
            raise ConfigError(str(error)) from None
    return lambda scores: normalize(scores, config.normalizer, **config.normalizer_options)


def _optimizer(policy: Policy, config: TrainConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        policy.model.parameters(),
        lr=config.learning_rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=True,
    )


def _check_first_prompts(policy: Policy, rows: Rows, config: TrainConfig) -> None:
    prompts = rows.take(visit(len(rows), config.prompts_per_step, 0, config.seed))["prompt"]
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


def _save_policy(policy: Policy, folder: Path) -> None:
    draft = folder.with_name(f".draft-{folder.name}")
    with writing(folder):
        remove(draft)
        draft.mkdir(parents=True)
        save_policy(policy, draft)
        replace_folder(draft, folder)


def _seed_globals(seed: int) -> None:
    """For rewards and models that draw from the global generators; the loop itself does not."""
    derived = derive(seed, Stream.GLOBAL)
    random.seed(derived)
    np.random.seed(derived % 2**32)
    torch.manual_seed(derived)


def _moved(model: Any, device: torch.device) -> Any:
    return model.to(device)


def _set_threads(count: int | None, policy: Policy) -> None:
    """Threads that share tiny tensors mostly wait for each other, for seconds where cores are busy."""
    small = sum(parameter.numel() for parameter in policy.model.parameters()) < SMALL
    if count is not None or small:
        torch.set_num_threads(count or 1)


@contextmanager
def _restored_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Without the progress bars of loading and saving, which would tear the run's own."""
    import transformers.utils.logging

    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
