"""Logs of a run: one JSON line per step, TensorBoard, and Weights & Biases."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from .config import LogConfig, WandbConfig
from .errors import TrainError, reason
from .folders import writing
from .records import StepRecord

Write = Callable[[Any], None]
Scalars = Callable[[Any], Iterable[tuple[str, float]]]

JSONL = "log.jsonl"
TENSORBOARD = "tensorboard"
WANDB = "wandb"  #: a folder, which also holds the id of the run


@contextmanager
def open_logs(
    folder: Path,
    config: LogConfig,
    start: int,
    view: Scalars | None = None,
    about: Mapping[str, Any] | None = None,
) -> Iterator[Write]:
    """Give a function that logs a record, for a run that goes on after step `start` (0 for a new one).

    A record is a `StepRecord`, or anything with a `step` and `to_json`, of which `view` gives the scalars.
    `about` is what Weights & Biases is told of the run.

    Lines of later steps, which a killed run wrote after its last checkpoint, are dropped first, so that
    every step is in the log once. Each line reaches the disk before the function returns. Raises
    `TrainError` where it cannot be written, or Weights & Biases cannot be reached.
    """
    writer = site = None
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if start == 0:
            shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)
        if config.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            writer = SummaryWriter(str(folder / TENSORBOARD), purge_step=start + 1)
        keep_until(folder / JSONL, start)
    if config.weights_and_biases is not None:
        site = open_wandb(folder, config.weights_and_biases, about or {})

    def write(record: Any) -> None:
        if config.jsonl:
            with writing(folder / JSONL), open(folder / JSONL, "a", encoding="utf-8") as lines:
                lines.write(record.to_json() + "\n")
                lines.flush()
                os.fsync(lines.fileno())
        if writer is not None:
            for tag, value in (view or scalars)(record):
                writer.add_scalar(tag, value, record.step)
            writer.flush()
        if site is not None:
            site.log(dict((view or scalars)(record)), step=record.step)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
        if site is not None:
            site.finish()


def open_wandb(folder: Path, config: WandbConfig, about: Mapping[str, Any]) -> Any:
    """A run of Weights & Biases, the same one when the run goes on: its id is kept in `wandb/id`.

    Steps that are logged a second time, after a checkpoint, have the values they had; W&B passes over them.
    """
    try:
        import wandb
    except ImportError:
        raise TrainError("`log.wandb` needs wandb: `pip install wandb`, or leave it out") from None
    untyped: Any = wandb
    path = folder / WANDB / "id"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(uuid4().hex, encoding="utf-8")
        name = path.read_text(encoding="utf-8").strip()
    try:
        return untyped.init(
            project=config.project,
            entity=config.entity,
            name=config.name or folder.name,
            id=name,
            resume="allow",
            mode=config.mode,
            dir=str(folder),
            config=dict(about),
            settings=untyped.Settings(silent=True),
        )
    except Exception as error:  # of the site, the network or a missing key
        raise TrainError(f"cannot log to Weights & Biases: {reason(error)}") from None


def keep_until(path: Path, step: int) -> None:
    """Drop the lines of a log after `step`, and a last line that was cut off while it was written."""
    if not path.exists():
        return
    kept = [json.dumps(line, ensure_ascii=False) + "\n" for line in read_log(path) if line["step"] <= step]
    draft = path.with_suffix(".tmp")
    with open(draft, "w", encoding="utf-8") as file:
        file.writelines(kept)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a log, each a `StepRecord` as a dict; a line that was cut off is left out.

    Raises `TrainError` for a file that cannot be read or is no log.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise TrainError(f"cannot read the log {path}: {reason(error)}") from None
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(record, dict) or type(record.get("step")) is not int:
            raise TrainError(f"{path}:{number}: this is no line of a run's log, which has a `step`")
        lines.append(record)
    return lines


def scalars(record: StepRecord) -> Iterator[tuple[str, float]]:
    """TensorBoard's view of a record: `term/NAME`, `gate/NAME`, `share/NAME`, `update/NAME` (its `measures`),
    `seconds/NAME`, the rest under `train/`."""
    folders: Mapping[str, Mapping[str, float | None]] = {
        "term": record.terms,
        "gate": record.gates,
        "share": record.shares,
        "update": record.measures,
        "seconds": record.seconds,
    }
    for folder, values in folders.items():
        yield from ((f"{folder}/{name}", value) for name, value in values.items() if value is not None)
    for name in (
        *("reward", "no_signal", "kept", "tokens", "finished", "skipped", "masked", "faults", "loss"),
        *("clip_fraction", "approx_kl", "kl", "gradient_norm", "learning_rate"),
    ):
        value = getattr(record, name)
        if value is not None:
            yield f"train/{name}", float(value)
