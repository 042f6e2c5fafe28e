"""Parts under watch: what goes wrong in one, and a result that is none, is told under the part's name.

A part may be another package's, and its state comes from a checkpoint that anyone may have written to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np
import torch

from .errors import ResumeError, TrainError, reason

#: its square is a float32 too
_LARGEST = 1e18


def guarded_filter(what: str, part: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, with `keep` as bool (N,). Raises ValueError for whatever goes wrong in it."""

    def check(found: Any, groups: Any) -> tuple[np.ndarray, dict[str, Any]]:
        keep, state = _pair(found, "(keep, state)")
        keep = np.asarray(keep)
        if keep.shape != groups.shape or keep.dtype != np.bool_:
            raise ValueError(f"keep must be bool {groups.shape}, not {keep.dtype} {keep.shape}")
        return keep, _state(state)

    return _guarded(what, part, lambda found, args: check(found, np.asarray(args[2])))


def guarded_shaper(what: str, part: Callable[..., Any]) -> Callable[..., Any]:
    """The shaper, with finite float64 (N, T). Raises ValueError for whatever goes wrong in it."""

    def check(found: Any, advantages: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        shaped, state = _pair(found, "(advantages, state)")
        shaped = np.asarray(shaped, dtype=np.float64)
        if shaped.shape != advantages.shape:
            raise ValueError(f"advantages must come back as {advantages.shape}, not {shaped.shape}")
        if not np.isfinite(shaped).all():
            raise ValueError("an advantage came back as NaN or infinite")
        return shaped, _state(state)

    return _guarded(what, part, lambda found, args: check(found, np.asarray(args[0])))


def guarded_objective(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The objective; raises `TrainError` for whatever goes wrong in it."""

    @wraps(function)
    def call(*args: Any, **given: Any) -> tuple[torch.Tensor, dict[str, Any]]:
        try:
            loss, measures = _pair(function(*args, **given), "(loss, measures)")
            if not isinstance(loss, torch.Tensor) or loss.ndim != 0:
                raise ValueError("the loss must be a tensor of one number")
            if not isinstance(measures, dict):
                raise ValueError("what it measured must be a dict of numbers")
            for value in measures.values():
                float(value)
            return loss, measures
        except (torch.OutOfMemoryError, TrainError):
            raise
        except Exception as error:  # whatever another package raises
            raise TrainError(f"{what}: {told(error)}") from error

    return call


def checked_advantages(what: str, found: Any, count: int) -> np.ndarray:
    """float64 (N,) of a normalizer; raises `TrainError` for anything else, and for NaN."""
    try:
        advantages = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TrainError(f"{what} gave no advantages: {told(error)}") from None
    if advantages.shape != (count,):
        raise TrainError(f"{what} gave advantages of shape {advantages.shape}, not ({count},)")
    if not np.isfinite(advantages).all():
        raise TrainError(f"{what} gave an advantage that is NaN or infinite")
    check_size(advantages, "an advantage")
    return advantages


def check_size(values: np.ndarray, what: str) -> None:
    """Raises `TrainError` for an infinity, and for what float32, which is trained in, cannot hold."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest > _LARGEST:
        raise TrainError(f"{what} of {largest:.3g} is too large to train on: give the reward a smaller range")


def _guarded(
    what: str, part: Callable[..., Any], check: Callable[[Any, tuple[Any, ...]], Any]
) -> Callable[..., Any]:
    """A filter or shaper, whose last argument is its state."""
    restored = True  # until a call went well, a state that is there is a checkpoint's

    @wraps(part)
    def call(*args: Any, **given: Any) -> Any:
        nonlocal restored
        *arrays, state = args
        try:
            found = check(part(*arrays, state, **given), args)
        except Exception as error:  # whatever another package raises
            if restored and state and _goes(lambda: check(part(*arrays, {}, **given), args)):
                raise ResumeError(
                    f"{what} cannot go on from what the checkpoint kept of it: {told(error)} (remove the "
                    "latest checkpoint to go on from the one before it, or start anew with --fresh)"
                ) from error
            raise ValueError(told(error)) from error
        restored = restored and not state
        return found

    return call


def _goes(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Exception:
        return False
    return True


def _pair(found: Any, form: str) -> tuple[Any, Any]:
    if not isinstance(found, tuple) or len(found) != 2:
        raise ValueError(f"it must return {form}, not {type(found).__name__}")
    return found


def _state(state: Any) -> dict[str, Any]:
    """A state that a checkpoint can keep."""
    if not isinstance(state, dict) or not isinstance(state.get("measures", {}), Mapping):
        raise ValueError("its state must be a dict, `measures` in it too")
    try:
        json.dumps(state)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"its state must be JSON values: {reason(error)}") from None
    return state


def told(error: Exception) -> str:
    """A ValueError says what is wrong; of another error its kind says it too."""
    said = reason(error)
    return (
        said
        if isinstance(error, ValueError) or said == type(error).__name__
        else f"{type(error).__name__}: {said}"
    )
