"""What there is to say of a language; to add one, write such a value and name it in the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Language:
    """How programs are run.

    `runner` loads the program beside it and answers calls of its functions over the job's channel, as
    `inside/program.py` does; `runner_files` are what it needs. Empty: only input and output can be tested.
    """

    name: str
    file: str  # what the program is called in its scratch folder
    command: tuple[str, ...]
    runner: tuple[str, ...] = ()
    runner_files: Mapping[str, bytes] = field(default_factory=dict)
    scripts: bool = False  # whether assertion scripts, which are Python, can test it
    no_memory: tuple[bytes, ...] = ()  # what the end of standard error says when memory ran out
    memory: int = 0  # bytes it needs before the program has any
    version: tuple[str, ...] = ()  # a command that shows it is there
    fences: tuple[str, ...] = ()  # other names for it behind the opening fence of a block


@cache
def inside(name: str) -> bytes:
    """A file of the folder `inside`."""
    return (files("rewardkit.library.programs") / "inside" / name).read_bytes()
