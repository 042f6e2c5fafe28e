"""Which engine a configuration means on this machine."""

from __future__ import annotations

from dataclasses import replace

from rewardkit.sandbox.bubblewrap import open_bubblewrap
from rewardkit.sandbox.config import SandboxConfig
from rewardkit.sandbox.contract import SandboxError
from rewardkit.sandbox.pool import Pool


def choose(config: SandboxConfig) -> Pool:
    """The engine that `config` names; for `auto`, the strongest that is here, and never `unsafe`."""
    if config.engine == "unsafe":
        from rewardkit.sandbox.unsafe import open_unsafe

        return open_unsafe(config)
    if config.engine == "bubblewrap":
        return open_bubblewrap(config)
    from rewardkit.sandbox.docker import open_docker

    if config.engine == "docker":
        return open_docker(config)
    try:
        return open_docker(replace(config, engine="docker"))
    except SandboxError as no_docker:
        if config.runtime is not None:
            raise  # a wall that the user asked for is not exchanged for another
        try:
            return open_bubblewrap(replace(config, engine="bubblewrap"))
        except SandboxError as no_bubblewrap:
            raise SandboxError(f"no sandbox for programs: {no_docker}; {no_bubblewrap}") from None
