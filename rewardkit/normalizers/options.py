"""The options of one call: those that are given, over those of the profile."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from numbers import Real
from typing import Any

from rewardkit.types.normalizer import NORMALIZERS, Option, resolved


@dataclass(frozen=True)
class Options:
    """What `rewardkit.types.normalizer` declares; a normalizer without an option has what stands here."""

    eps: float
    ddof: int
    missing: str
    whiten: str
    batch_eps: float | None = None  #: None: as eps
    eps_mode: str = "deviation"
    baseline: str = "group"
    single: str = "zero"


def choose(name: str, profile: str, **given: Any) -> Options:
    """The options of normalizer `name`; `None` is as not given.

    Raises ValueError for one outside what is declared.
    """
    declared = NORMALIZERS[name]
    for option, value in {"profile": profile, **given}.items():
        if value is not None:
            _check(option, value, declared[option])
    return Options(**resolved(name, {"profile": profile, **given}))


def check_ddof(ddof: int) -> None:
    """Raises ValueError for another than 0 and 1."""
    if ddof not in (0, 1):
        raise ValueError(f"ddof must be 0 or 1, not {shortened(ddof)}")


def _check(name: str, value: Any, option: Option) -> None:
    if name == "ddof":
        check_ddof(value)
    elif option.choices:
        if value not in option.choices:
            raise ValueError(f"{name} must be one of {', '.join(option.choices)}, not {shortened(value)}")
    elif not _is_amount(value):
        raise ValueError(f"{name} must be a number >= 0, not {shortened(value)}")


def _is_amount(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    is_real = isinstance(value, Real)
    return is_real and bool(0 <= value <= sys.float_info.max)


def shortened(value: Any) -> str:
    """A wrong value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
