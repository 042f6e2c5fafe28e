"""The parts of a context run: its rows, models and instructions."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ..data import Rows
from ..errors import ConfigError, TrainError, reason
from ..folders import place
from ..inputs import load_rows
from ..result import Scorer
from ..texts import read_text
from . import saves
from .asking import Model, Remembered
from .config import ContextModelConfig, ContextRun
from .editor import Editor
from .progress import Quiet
from .scoring import Bounds
from .task import Task


def prepare(config: ContextRun, base: Path, kept: Path, scorer: Scorer, stack: ExitStack) -> Task:
    """Rows, models and instructions of a run; closed with the stack. Nothing is asked yet."""
    context = config.context
    rows = load_rows(config, base, scorer)
    valid = None if context.valid is None else load_rows(config, base, scorer, context.valid)
    for there in filter(None, (rows, valid)):
        _check_prompts(there)
    parts = context.parts
    if context.instructions_file is not None:
        parts = {"instructions": _read_text(place(base, context.instructions_file))}
    model = _model(config, base)
    stack.callback(model.close)
    editing = model
    if context.editor is not None:
        editing = _endpoint(context.editor, "the editor", "context.editor")
        stack.callback(editing.close)
    answered, edited = (kept / name for name in saves.ANSWERS)
    return Task(
        context,
        rows,
        valid,
        scorer,
        Bounds.of(scorer),
        Remembered(model, answered),
        Editor(Remembered(editing, edited)),
        parts,
        Quiet(),
    )


def _check_prompts(rows: Rows) -> None:
    """Raise `TrainError` for a prompt that is neither a text nor messages."""
    for row, prompt in enumerate(rows.column("prompt")):
        messages = isinstance(prompt, list) and bool(prompt)
        if not isinstance(prompt, str) and not (messages and all(isinstance(m, dict) for m in prompt)):
            raise TrainError(
                f"row {row}, counted from 0: a prompt is a text or a list of messages, not {prompt!r}"
            )


def _model(config: ContextRun, base: Path) -> Model:
    context = config.context
    if context.model is not None:
        return _endpoint(context.model, "the model", "context.model")
    assert config.policy is not None
    try:
        from .local import LocalModel
    except ImportError as error:
        raise TrainError(
            f"a `[policy]` needs `{error.name}`, which is not installed; `pip install 'rewardkit[train]'`"
        ) from None
    return LocalModel(config.policy, base, context.local, context.separator, context.seed)


def _endpoint(config: ContextModelConfig, name: str, table: str) -> Model:
    from .endpoint import EndpointModel

    return EndpointModel(config, name, table)


def _read_text(path: Path) -> str:
    try:
        return read_text(path).strip()
    except OSError as error:
        raise ConfigError(f"[context] `instructions_file`: cannot read {path}: {reason(error)}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"[context] `instructions_file`: {path} is not UTF-8 text") from None
    except ValueError as error:
        raise ConfigError(f"[context] `instructions_file`: cannot read {path}: {error}") from None
