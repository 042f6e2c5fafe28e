"""Where a model computes: on this process's device, whole or in parts, in which precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate import Accelerator

from rewardkit.diagnostics import RewardError
from rewardkit.runtime.devices import find_device

from . import sharding
from .config import PolicyConfig
from .errors import ConfigError
from .policy import Policy
from .precision import autocast
from .processes import Processes


@dataclass(frozen=True)
class Placement:
    """What the run file and the launcher say together."""

    accelerator: Accelerator
    device: torch.device
    divided: bool  #: under FSDP
    precision: str
    processes: Processes

    def place(self, policy: Policy) -> Policy:
        """On the device; in parts, where the launcher asks for it. To be called by all processes."""
        model: Any = policy.model
        model = model.to(self.device)
        if self.divided:
            return replace(policy, model=sharding.shard(model, self.accelerator, self.precision))
        self.processes.alike(model.parameters())
        if self.precision == "bf16":
            autocast(model)
        return replace(policy, model=model)


def find_placement(config: PolicyConfig, processes: Processes) -> Placement:
    """Raises `ConfigError` for a device there is not."""
    divided = processes.count > 1 and sharding.asked_for()
    name, several = config.device, processes.count > 1
    if several and name not in ("auto", "cpu", "cuda"):
        raise ConfigError(
            f"[policy] `device` is {name!r}, and {processes.count} processes have a device each; leave it out"
        )
    found = None if name == "auto" else _device(name)
    cpu = name == "cpu" or (several and not torch.cuda.is_available())
    # device placement is ours: accelerate knows one device per process, whatever the run file says. So is the
    # precision: a run that goes on must not depend on how it was launched
    accelerator = Accelerator(cpu=cpu, device_placement=False, mixed_precision="no")
    if found is None or several:
        found = torch.device("cpu") if cpu else accelerator.device
    return Placement(accelerator, found, divided, config.precision, processes)


def _device(name: str) -> torch.device:
    try:
        return find_device(name)
    except RewardError as error:
        raise ConfigError(f"[policy] `device`: {error}") from None
