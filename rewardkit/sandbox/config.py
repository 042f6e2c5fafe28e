"""Which engine runs programs, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from rewardkit.sandbox.contract import MIB

Engine = Literal["auto", "docker", "bubblewrap", "unsafe"]
Isolation = Literal["namespaces", "container"]

IMAGE = "rewardkit-sandbox:latest"


@dataclass(frozen=True)
class SandboxConfig:
    """How programs are run. `unsafe` runs them on this very machine, and is never chosen by `auto`.

    With `isolation="namespaces"` a slot's container (or bubblewrap) is warm and serves many jobs, each in
    fresh namespaces of its own. With `isolation="container"` each job has a container of its own, started
    before it is needed and used once: slower, but no job runs where another one ran, and none makes a user
    namespace.
    """

    engine: Engine = "auto"
    image: str = IMAGE  # docker: holds `python3` (3.9 or later) and what else programs are written in
    runtime: str | None = None  # docker: such as "runsc"; the daemon's default where `None`
    isolation: Isolation = "namespaces"
    slots: int | None = None  # jobs at once; where `None`, one per usable core, and 2 at least
    jobs_per_wall: int = 1000  # after as many, a container is replaced
    memory: int = 1024 * MIB  # bytes: the most that a job may ask for
    scratch: int = 256 * MIB  # bytes: the most that a job may ask for
    processes: int = 256  # the most that a job may ask for
    cpus: float = 1.0  # docker: cores that a job may use

    def __post_init__(self) -> None:
        for name, kinds in (("engine", get_args(Engine)), ("isolation", get_args(Isolation))):
            if getattr(self, name) not in kinds:
                raise ValueError(f"`{name}` is one of {', '.join(kinds)}, not {getattr(self, name)!r}")
        for name in ("slots", "jobs_per_wall", "memory", "scratch", "processes"):
            value = getattr(self, name)
            if value is not None and type(value) is not int:
                unit = " of bytes" if name in ("memory", "scratch") else ""
                raise ValueError(f"`{name}` is a whole number{unit}, not {value!r}")
        if self.slots is not None and self.slots < 1:
            raise ValueError(f"a sandbox needs at least 1 slot, got {self.slots}")
        if self.jobs_per_wall < 1:
            raise ValueError(f"a container serves at least 1 job, got {self.jobs_per_wall}")
        if not self.cpus > 0:
            raise ValueError(f"`cpus` is more than 0, got {self.cpus}")

    @property
    def mode(self) -> str:
        """What the inside of a wall is told to do."""
        return "unsafe" if self.engine == "unsafe" else self.isolation
