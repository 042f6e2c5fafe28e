"""What a context run leaves on disk so that the same command goes on: JSON, written whole or line by line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..config import differences
from ..errors import ResumeError, reason
from ..folders import remove, writing
from .endpoint import MANNERS

_NAME = re.compile(r"step-([0-9]{6}|[1-9][0-9]{6,})\.json")
JOURNAL = "gepa.jsonl"
ANSWERS = ("answers.model.jsonl", "answers.editor.jsonl")


@dataclass(frozen=True)
class Identity:
    """What must be the same for a run to go on."""

    config: Mapping[str, Any]
    rows: str  #: fingerprint of the data, and of the validation rows
    fingerprint: str  #: of the spec; empty for a scorer that has none
    version: str = ""  #: of what decides the order of things: `gepa 0.1.4`


def check_same_run(saved: Any, current: Identity, where: Path) -> None:
    """Raise `ResumeError`, naming what differs, unless a run may go on from what another one left.

    Logging, saving, limits of the run and how an endpoint is treated may change.
    """
    try:
        before = Identity(**saved)
    except TypeError:
        before = None
    if before is None or not isinstance(before.config, dict):
        raise damaged(where, "it is not as a run wrote it")
    changed = [
        f"`{key}` is {_short(new)}, was {_short(old)}"
        for key, old, new in differences(before.config, json.loads(json.dumps(current.config)))
        if not _may_change(key)
    ]
    if before.rows != current.rows:
        changed.append("the rows are others")
    if before.fingerprint != current.fingerprint:
        changed.append("the spec is not the one it began with")
    if before.version != current.version:
        changed.append(f"this is {current.version}, it was {before.version}")
    if changed:
        raise ResumeError(
            f"this is another run than the one in {where}: {'; '.join(changed)} (put that back, start anew "
            "with --fresh, or write to another `log.dir`)"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _may_change(key: str) -> bool:
    limits = ("context.max_faults", "context.training_free_grpo.epochs", "context.gepa.max_metric_calls")
    model, _, name = key.rpartition(".")
    manners = model in ("context.model", "context.editor") and name in MANNERS
    return key.startswith(("log.", "checkpoint.")) or key in limits or manners


def damaged(path: Path, why: str) -> ResumeError:
    return ResumeError(
        f"{path} is damaged: {why} (remove it to go on from what is before it, or start anew with --fresh)"
    )


def write_whole(path: Path, text: str) -> None:
    """Write a file, durably; a reader sees the old one, none, or the whole new one."""
    draft = path.with_name(f".draft-{path.name}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# --- checkpoints of Training-Free GRPO ----------------------------------------------------------------


def save_checkpoint(folder: Path, identity: Identity, state: Mapping[str, Any], keep: int) -> Path:
    """Write the state after a step (`state["step"]`), then remove all but the `keep` newest."""
    path = folder / _name(state["step"])
    write_whole(path, json.dumps({"run": asdict(identity), **state}, indent=2, ensure_ascii=False))
    for old in checkpoints(folder)[:-keep]:
        remove(old)
    return path


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, oldest first."""
    found = [path for path in folder.glob("step-*.json") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: int(path.stem.removeprefix("step-")))


def read_checkpoint(path: Path, identity: Identity, kinds: Mapping[str, type]) -> dict[str, Any]:
    """The state in a checkpoint of this run; raises `ResumeError`."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, reason(error)) from None
    if not isinstance(state, dict) or any(type(state.get(name)) is not kind for name, kind in kinds.items()):
        raise damaged(path, "it is not as a run wrote it")
    if path.name != _name(state["step"]):
        raise damaged(path, f"it is of step {state['step']}")
    check_same_run(state.get("run"), identity, path)
    return state


def _name(step: int) -> str:
    return f"step-{step:06d}.json"


# --- the journal of GEPA ------------------------------------------------------------------------------


class Journal:
    """Everything that a run learned from models and scores, in order, one JSON line each.

    A run is a function of its seed and of these. To go on, it begins anew and is told what it learned before,
    until that is used up. So the end is the same whether or not it was stopped, and nothing is unpickled.
    """

    def __init__(self, path: Path, identity: Identity, begin: Callable[[], None]) -> None:
        self.path, self.identity = path, identity
        self._begin: Callable[[], None] | None = begin  #: called before the first entry of a new run
        self._left: Iterator[dict[str, Any]] = iter(())
        self._next: dict[str, Any] | None = None
        self.place = 0  #: of the next entry
        self.added = 0  #: entries that are new in this call

    def open(self) -> None:
        """Read what is there; raises `ResumeError` for another run's, or one that is damaged."""
        if not self.path.exists():
            return
        lines = self.path.read_bytes().split(b"\n")
        whole = lines[:-1]  # what follows the last newline was cut off
        entries = []
        for number, line in enumerate(whole, start=1):
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise damaged(self.path, f"line {number}: {reason(error)}") from None
            if not isinstance(entry, dict):
                raise damaged(self.path, f"line {number} is no entry")
            entries.append(entry)
        if lines[-1]:
            with writing(self.path), open(self.path, "r+b") as file:
                file.truncate(sum(len(line) + 1 for line in whole))
        if entries:
            check_same_run(entries[0].get("run"), self.identity, self.path)
            self._begin = None
            self._left = iter(entries[1:])
            self._next = next(self._left, None)

    @property
    def replaying(self) -> bool:
        """Whether there are entries that were not used yet."""
        return self._next is not None

    def replay(self, kind: str, key: str) -> dict[str, Any] | None:
        """The next entry, which must be of this kind and key; None where all are used."""
        entry = self._next
        if entry is None:
            return None
        if (entry.get("kind"), entry.get("key")) != (kind, key):
            raise damaged(self.path, f"entry {self.place + 1} is not what this run comes to")
        self._next = next(self._left, None)
        self.place += 1
        return entry

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what goes wrong while an entry is read into a `ResumeError`."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise damaged(self.path, f"entry {self.place}: {reason(error)}") from None

    def append(self, kind: str, key: str, **entry: Any) -> None:
        """Add an entry; it is on disk when this returns."""
        if self._begin is not None:
            self._begin()
            self._begin = None
        with writing(self.path):
            if not self.path.exists():
                write_whole(self.path, json.dumps({"run": asdict(self.identity)}) + "\n")
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"kind": kind, "key": key, **entry}) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.place += 1
        self.added += 1
